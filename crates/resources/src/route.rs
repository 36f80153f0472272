//! Method and path to an interaction: one grammar for HTTP requests and Bundle entries, and the table that the
//! CapabilityStatement is generated from. <https://hl7.org/fhir/R4/http.html#summary>

mod table;

pub use table::{ROUTES, Route, codes_on_system, codes_on_type};

use crate::audit_events;
use crate::call::{Interaction, Target};
use crate::operations::changes_state;
use ward_fhir::issue::Result;
use ward_fhir::reference::is_id;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, TypeId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    const ALL: [(Method, &'static str); 6] = [
        (Method::Get, "GET"),
        (Method::Head, "HEAD"),
        (Method::Post, "POST"),
        (Method::Put, "PUT"),
        (Method::Patch, "PATCH"),
        (Method::Delete, "DELETE"),
    ];

    pub fn parse(text: &str) -> Option<Method> {
        let mut all = Method::ALL.into_iter();
        all.find_map(|(method, name)| (name == text).then_some(method))
    }
}

/// The methods that a path answers, for the header `Allow` (RFC 9110 §15.5.6).
pub fn allowed(path: &str) -> String {
    let answers = |method: Method| match route(method, path) {
        Ok(interaction) => !audit_events::changes(&interaction),
        Err(_) => false,
    };
    let methods = Method::ALL
        .into_iter()
        .filter(|(method, _)| answers(*method));
    let names: Vec<&str> = methods.map(|(_, name)| name).collect();
    names.join(", ")
}

/// The path below the base (no leading slash, percent-decoded segments) and the method as an interaction.
pub fn route(method: Method, path: &str) -> Result<Interaction> {
    let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    match segments.as_slice() {
        [] => system(method),
        ["metadata"] => allow(
            method,
            &[Method::Get, Method::Head],
            Interaction::Capabilities,
        ),
        ["openapi.json"] => allow(method, &[Method::Get, Method::Head], Interaction::OpenApi),
        ["_history"] => allow(
            method,
            &[Method::Get, Method::Head],
            Interaction::HistorySystem,
        ),
        // R4 has POST alone here; clients of the common kind send GET as well, and mean the same.
        ["_search"] => allow(method, SEARCHING, Interaction::SearchSystem),
        [op] if op.starts_with('$') => operation(method, op, Target::System),
        [ty] => on_type(method, resource_type(ty)?),
        [ty, "_history"] => allow(
            method,
            &[Method::Get, Method::Head],
            Interaction::HistoryType {
                ty: resource_type(ty)?,
            },
        ),
        [ty, "_search"] => allow(
            method,
            SEARCHING,
            Interaction::SearchType {
                ty: resource_type(ty)?,
            },
        ),
        [ty, op] if op.starts_with('$') => operation(method, op, Target::Type(resource_type(ty)?)),
        [ty, id] => on_instance(method, resource_type(ty)?, logical_id(id)?),
        [ty, id, "_history"] => {
            let interaction = Interaction::HistoryInstance {
                ty: resource_type(ty)?,
                id: logical_id(id)?,
            };
            allow(method, &[Method::Get, Method::Head], interaction)
        }
        [ty, id, op] if op.starts_with('$') => operation(
            method,
            op,
            Target::Instance(resource_type(ty)?, logical_id(id)?),
        ),
        [owner, id, member] => compartment(method, owner, id, member),
        [owner, id, member, "_search"] => {
            let interaction = compartment(Method::Get, owner, id, member)?;
            allow(method, SEARCHING, interaction)
        }
        [ty, id, "_history", version] => {
            let interaction = Interaction::Vread {
                ty: resource_type(ty)?,
                id: logical_id(id)?,
                version: (*version).to_owned(),
            };
            allow(method, &[Method::Get, Method::Head], interaction)
        }
        _ => Err(no_path()),
    }
}

/// What `_search` takes.
const SEARCHING: &[Method] = &[Method::Get, Method::Head, Method::Post];

fn no_path() -> Failure {
    Failure::new(
        Kind::NotFound,
        "no interaction of the FHIR RESTful API has this path",
    )
}

fn system(method: Method) -> Result<Interaction> {
    match method {
        Method::Get | Method::Head => Ok(Interaction::SearchSystem),
        Method::Post => Ok(Interaction::Bundle),
        _ => Err(not_allowed("GET, HEAD, POST")),
    }
}

fn on_type(method: Method, ty: TypeId) -> Result<Interaction> {
    Ok(match method {
        Method::Get | Method::Head => Interaction::SearchType { ty },
        Method::Post => Interaction::Create { ty },
        Method::Put => Interaction::ConditionalUpdate { ty },
        Method::Patch => Interaction::ConditionalPatch { ty },
        Method::Delete => Interaction::ConditionalDelete { ty },
    })
}

fn on_instance(method: Method, ty: TypeId, id: String) -> Result<Interaction> {
    Ok(match method {
        Method::Get | Method::Head => Interaction::Read { ty, id },
        Method::Put => Interaction::Update { ty, id },
        Method::Patch => Interaction::Patch { ty, id },
        Method::Delete => Interaction::Delete { ty, id },
        Method::Post => return Err(not_allowed("GET, HEAD, PUT, PATCH, DELETE")),
    })
}

fn compartment(method: Method, owner: &str, id: &str, member: &str) -> Result<Interaction> {
    let owner = resource_type(owner)?;
    if !r4()
        .compartments
        .iter()
        .any(|c| c.code == r4().ty(owner).name)
    {
        return Err(no_path());
    }
    let ty = if member == "*" {
        None
    } else {
        Some(resource_type(member)?)
    };
    let interaction = Interaction::SearchCompartment {
        compartment: owner,
        id: logical_id(id)?,
        ty,
    };
    allow(method, &[Method::Get, Method::Head], interaction)
}

/// Operations that change something are POSTed; the others may be asked by GET too.
fn operation(method: Method, name: &str, target: Target) -> Result<Interaction> {
    let name = &name[1..];
    let methods: &[Method] = if changes_state(name) {
        &[Method::Post]
    } else {
        &[Method::Post, Method::Get, Method::Head]
    };
    if !methods.contains(&method) {
        return Err(not_allowed(if changes_state(name) {
            "POST"
        } else {
            "GET, HEAD, POST"
        }));
    }
    Ok(Interaction::Operation {
        name: name.to_owned(),
        target,
        posted: method == Method::Post,
    })
}

fn allow(method: Method, methods: &[Method], interaction: Interaction) -> Result<Interaction> {
    if methods.contains(&method) {
        Ok(interaction)
    } else if methods.contains(&Method::Get) {
        Err(not_allowed("GET, HEAD"))
    } else {
        Err(not_allowed("POST"))
    }
}

fn not_allowed(methods: &str) -> Failure {
    Failure::new(
        Kind::MethodNotAllowed,
        format!("this path answers only {methods}"),
    )
}

fn resource_type(name: &str) -> Result<TypeId> {
    r4().resource_type(name).ok_or_else(|| {
        Failure::new(
            Kind::NotFound,
            format!("'{}' is not a resource type of FHIR R4", printable(name)),
        )
    })
}

fn logical_id(id: &str) -> Result<String> {
    if is_id(id) {
        Ok(id.to_owned())
    } else {
        Err(Failure::new(
            Kind::Invalid,
            "a logical id is 1 to 64 characters of A-Z a-z 0-9 - .",
        ))
    }
}

/// What a client sent, cut to a length that is safe to echo.
pub fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_has_its_interaction() {
        let patient = r4().resource_type("Patient").expect("Patient is a type");
        let id = || "1".to_owned();
        for (method, path, expected) in [
            (Method::Get, "", Interaction::SearchSystem),
            (Method::Post, "/", Interaction::Bundle),
            (Method::Get, "metadata", Interaction::Capabilities),
            (Method::Get, "_history", Interaction::HistorySystem),
            (
                Method::Get,
                "Patient",
                Interaction::SearchType { ty: patient },
            ),
            (
                Method::Post,
                "Patient/_search",
                Interaction::SearchType { ty: patient },
            ),
            (Method::Get, "_search", Interaction::SearchSystem),
            (
                Method::Put,
                "Patient",
                Interaction::ConditionalUpdate { ty: patient },
            ),
            (
                Method::Head,
                "Patient/1",
                Interaction::Read {
                    ty: patient,
                    id: id(),
                },
            ),
            (
                Method::Get,
                "Patient/1/_history/2",
                Interaction::Vread {
                    ty: patient,
                    id: id(),
                    version: "2".into(),
                },
            ),
            (
                Method::Get,
                "Patient/1/*",
                Interaction::SearchCompartment {
                    compartment: patient,
                    id: id(),
                    ty: None,
                },
            ),
            (
                Method::Get,
                "Patient/1/$everything",
                Interaction::Operation {
                    name: "everything".into(),
                    target: Target::Instance(patient, id()),
                    posted: false,
                },
            ),
        ] {
            assert_eq!(route(method, path).expect(path), expected, "{path}");
        }
    }

    /// What is told with 405.
    #[test]
    fn a_path_has_its_methods() {
        for (path, methods) in [
            ("Patient/1", "GET, HEAD, PUT, PATCH, DELETE"),
            ("Patient", "GET, HEAD, POST, PUT, PATCH, DELETE"),
            ("AuditEvent/1", "GET, HEAD"),
            ("Patient/1/_history/1", "GET, HEAD"),
            ("metadata", "GET, HEAD"),
            ("Patient/1/$meta-add", "POST"),
            ("Patient/1/2/3/4", ""),
        ] {
            assert_eq!(allowed(path), methods, "{path}");
        }
    }

    #[test]
    fn wrong_paths_are_told_apart() {
        for (method, path, kind) in [
            (Method::Get, "Patiet/1", Kind::NotFound),
            (Method::Get, "Patient/a_b", Kind::Invalid),
            (Method::Post, "Patient/1", Kind::MethodNotAllowed),
            (Method::Delete, "metadata", Kind::MethodNotAllowed),
            (Method::Put, "Patient/_search", Kind::MethodNotAllowed),
            (Method::Get, "Patient/1/$meta-add", Kind::MethodNotAllowed),
            (Method::Delete, "Patient/1/$meta", Kind::MethodNotAllowed),
            (Method::Get, "Patient/1/2/3/4", Kind::NotFound),
            (Method::Get, "DomainResource/1", Kind::NotFound),
        ] {
            assert_eq!(route(method, path).expect_err(path).kind, kind, "{path}");
        }
    }
}
