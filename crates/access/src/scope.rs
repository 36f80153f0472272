//! One SMART scope, v2 and v1. <https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html> (S64, S65, S72)
//!
//! `(patient|user|system)/(Type|*).c?r?u?d?s?(?param=value(&param=value)*)?`, or `.read`, `.write`, `.*` in version 1.
//! The whole text must match: `patient/Observation.read-only`, `.sr`, `.rr` and `.` are no scopes and grant nothing.

use crate::access::Action;
use crate::granular::is_decidable;
use std::fmt;
use ward_fhir::TypeId;
use ward_fhir::schema::r4;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    Resource(ResourceScope),
    OpenId,
    FhirUser,
    Profile,
    /// `launch`: context from an EHR launch.
    Launch,
    /// `launch/patient`, `launch/encounter`: the type in lower case that a standalone launch asks to choose.
    LaunchContext(String),
    OfflineAccess,
    OnlineAccess,
}

/// A scope about FHIR resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceScope {
    pub context: Context,
    pub target: Target,
    pub actions: Actions,
    /// Parameters of a granular scope, as written: all of them must hold. Each can be decided by a row's index entries.
    pub query: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    Patient,
    User,
    System,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// `*`
    Every,
    Type(TypeId),
}

/// A set of actions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Actions(u8);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeError {
    /// Neither a resource scope nor one of the named ones.
    Unknown,
    /// Not a concrete R4 resource type.
    Type,
    /// Not letters of `cruds` in that order, nor a word of version 1.
    Permission,
    /// A parameter that the type does not have, a modifier, chain or result parameter, or an empty value.
    Query,
    /// A value that no row's index entries decide: a token without its system, a string that is not `:exact`, `ap`, ...
    Value,
    /// Longer than [`SCOPE_BYTES_MAX`], or part of a longer text than is read.
    TooLong,
}

/// Longest single scope.
pub const SCOPE_BYTES_MAX: usize = 1024;

impl Scope {
    pub fn parse(text: &str) -> Result<Scope, ScopeError> {
        if text.len() > SCOPE_BYTES_MAX {
            return Err(ScopeError::TooLong);
        }
        Ok(match text {
            "openid" => Scope::OpenId,
            "fhirUser" => Scope::FhirUser,
            "profile" => Scope::Profile,
            "launch" => Scope::Launch,
            "offline_access" => Scope::OfflineAccess,
            "online_access" => Scope::OnlineAccess,
            _ => match text.split_once('/').ok_or(ScopeError::Unknown)? {
                ("launch", ty) => launch_context(ty)?,
                ("patient", rest) => Scope::Resource(resource(Context::Patient, rest)?),
                ("user", rest) => Scope::Resource(resource(Context::User, rest)?),
                ("system", rest) => Scope::Resource(resource(Context::System, rest)?),
                _ => return Err(ScopeError::Unknown),
            },
        })
    }
}

impl Context {
    /// As scopes write it.
    pub const fn name(self) -> &'static str {
        match self {
            Context::Patient => "patient",
            Context::User => "user",
            Context::System => "system",
        }
    }
}

impl Target {
    pub fn covers(self, ty: TypeId) -> bool {
        match self {
            Target::Every => true,
            Target::Type(own) => own == ty,
        }
    }
}

impl Actions {
    pub const NONE: Actions = Actions(0);
    pub const ALL: Actions = Actions(0b11111);

    pub fn of(actions: &[Action]) -> Actions {
        Actions(
            actions
                .iter()
                .fold(0, |set, action| set | 1 << *action as u8),
        )
    }

    pub fn contains(self, action: Action) -> bool {
        self.0 >> action as u8 & 1 == 1
    }

    pub fn iter(self) -> impl Iterator<Item = Action> {
        Action::ALL
            .into_iter()
            .filter(move |action| self.contains(*action))
    }

    /// Version 2 letters, or a word of version 1 (read is `rs`, write is `cud`).
    fn parse(text: &str) -> Option<Actions> {
        match text {
            "*" => return Some(Actions::ALL),
            "read" => return Some(Actions::of(&[Action::Read, Action::Search])),
            "write" => {
                return Some(Actions::of(&[
                    Action::Create,
                    Action::Update,
                    Action::Delete,
                ]));
            }
            _ => (),
        }
        let mut rest = text;
        let mut set = Actions::NONE;
        for action in Action::ALL {
            if let Some(after) = rest.strip_prefix(action.letter()) {
                rest = after;
                set.0 |= 1 << action as u8;
            }
        }
        (rest.is_empty() && set != Actions::NONE).then_some(set)
    }
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ScopeError::Unknown => "not a scope of this server",
            ScopeError::Type => "not an R4 resource type",
            ScopeError::Permission => "permissions are letters of cruds in that order",
            ScopeError::Query => "the parameters of the scope are not plain search parameters of its type",
            ScopeError::Value => {
                "the parameters of the scope are not decided by the index: coded values are written system|code, strings :exact, dates as dates"
            }
            ScopeError::TooLong => "too long",
        })
    }
}

impl std::error::Error for ScopeError {}

fn resource(context: Context, text: &str) -> Result<ResourceScope, ScopeError> {
    let (path, query) = text
        .split_once('?')
        .map_or((text, None), |(path, query)| (path, Some(query)));
    let (name, permissions) = path.split_once('.').ok_or(ScopeError::Permission)?;
    let target = match name {
        "*" => Target::Every,
        _ => Target::Type(r4().resource_type(name).ok_or(ScopeError::Type)?),
    };
    let actions = Actions::parse(permissions).ok_or(ScopeError::Permission)?;
    let query = match query {
        None => Vec::new(),
        // Version 1 knows no parameters.
        Some(_) if VERSION_1.contains(&permissions) => return Err(ScopeError::Query),
        Some(query) => query
            .split('&')
            .map(|pair| parameter(target, pair))
            .collect::<Result<_, _>>()?,
    };
    let ty = match target {
        Target::Every => None,
        Target::Type(ty) => Some(ty),
    };
    if !query.is_empty() && !is_decidable(ty, &query) {
        return Err(ScopeError::Value);
    }
    Ok(ResourceScope {
        context,
        target,
        actions,
        query,
    })
}

/// A plain search parameter of the type, without chain or any modifier but `:exact`. `_has`, `_filter`, `_include` and result parameters
/// are no SearchParameters of a type, so they are refused by the same look-up.
fn parameter(target: Target, pair: &str) -> Result<(String, String), ScopeError> {
    let (name, value) = pair.split_once('=').ok_or(ScopeError::Query)?;
    // The one modifier that asks for terms and nothing else.
    let code = name.strip_suffix(":exact").unwrap_or(name);
    let is_known = !NOT_IN_SCOPES.contains(&code)
        && r4().search_parameters.iter().any(|known| {
            known.code == code
                && known.bases.iter().any(|base| match target {
                    Target::Type(ty) => r4().is_a(ty, *base),
                    Target::Every => r4().ty(*base).is_abstract,
                })
        });
    if !is_known || value.is_empty() {
        return Err(ScopeError::Query);
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// `patient`, `encounter`, ...: the name of a resource type with a small first letter or all small.
fn launch_context(text: &str) -> Result<Scope, ScopeError> {
    let is_type = r4()
        .types
        .iter()
        .any(|ty| r4().resource_type(ty.name).is_some() && ty.name.eq_ignore_ascii_case(text));
    let is_small = text.starts_with(|c: char| c.is_ascii_lowercase());
    if is_type && is_small {
        Ok(Scope::LaunchContext(text.to_owned()))
    } else {
        Err(ScopeError::Unknown)
    }
}

const VERSION_1: [&str; 3] = ["read", "write", "*"];
/// SearchParameters of Resource and DomainResource that no index can decide a right by.
const NOT_IN_SCOPES: [&str; 4] = ["_query", "_text", "_content", "_filter"];

#[cfg(test)]
mod tests {
    use super::*;

    fn actions(text: &str) -> Result<String, ScopeError> {
        match Scope::parse(text)? {
            Scope::Resource(scope) => Ok(scope.actions.iter().map(Action::letter).collect()),
            _ => Ok("-".into()),
        }
    }

    #[test]
    fn s64_s65_versions_1_and_2() {
        for (text, expected) in [
            ("patient/Observation.rs", "rs"),
            ("patient/Observation.read", "rs"),
            ("user/Observation.write", "cud"),
            ("system/*.*", "cruds"),
            ("system/*.cruds", "cruds"),
            ("user/Patient.c", "c"),
            ("user/Patient.cd", "cd"),
            ("user/Patient.us", "us"),
            ("openid", "-"),
            ("launch/patient", "-"),
            ("offline_access", "-"),
        ] {
            assert_eq!(actions(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn s64_anything_else_is_no_scope() {
        for (text, error) in [
            ("patient/Observation.read-only", ScopeError::Permission),
            ("patient/Observation.rsX", ScopeError::Permission),
            ("patient/Observation.sr", ScopeError::Permission),
            ("patient/Observation.rr", ScopeError::Permission),
            ("patient/Observation.", ScopeError::Permission),
            ("patient/Observation", ScopeError::Permission),
            ("patient/Observation.r.s", ScopeError::Permission),
            ("patient/Observation.READ", ScopeError::Permission),
            ("patient/Observation. rs", ScopeError::Permission),
            ("patient/Foo.rs", ScopeError::Type),
            ("patient/observation.rs", ScopeError::Type),
            ("patient/Resource.rs", ScopeError::Type),
            ("patient/DomainResource.rs", ScopeError::Type),
            ("patient/HumanName.rs", ScopeError::Type),
            ("patient/.rs", ScopeError::Type),
            ("patient/**.rs", ScopeError::Type),
            ("Patient/Observation.rs", ScopeError::Unknown),
            ("/Observation.rs", ScopeError::Unknown),
            ("admin/*.cruds", ScopeError::Unknown),
            ("", ScopeError::Unknown),
            ("OpenId", ScopeError::Unknown),
            ("launch/", ScopeError::Unknown),
            ("launch/Patient", ScopeError::Unknown),
            ("launch/foo", ScopeError::Unknown),
        ] {
            assert_eq!(actions(text), Err(error), "{text}");
        }
        assert_eq!(
            Scope::parse(&"x".repeat(SCOPE_BYTES_MAX + 1)),
            Err(ScopeError::TooLong)
        );
    }

    #[test]
    fn granular_scopes_keep_their_parameters() {
        let text = "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory&status=final";
        let Ok(Scope::Resource(scope)) = Scope::parse(text) else {
            panic!("{text}")
        };
        assert_eq!(scope.query.len(), 2);
        assert_eq!(scope.query[1], ("status".into(), "final".into()));
        for bad in [
            "?",
            "?category",
            "?category=",
            "?=x",
            "?category=a&",
            "?&category=a",
            "?unknown=a",
            "?category:in=a",
            "?subject.name=a",
            "?patient:Patient.name=a",
            "?_has:Group:member:_id=a",
            "?_include=Observation:subject",
            "?_filter=a",
            "?_text=a",
            "?_sort=date",
            "?_count=1",
        ] {
            assert_eq!(
                actions(&format!("patient/Observation.rs{bad}")),
                Err(ScopeError::Query),
                "{bad}"
            );
        }
        assert_eq!(
            actions("patient/Observation.read?category=a"),
            Err(ScopeError::Query)
        );
        assert_eq!(actions("patient/*.rs?category=a|b"), Err(ScopeError::Query));
        assert_eq!(actions("patient/*.rs?_tag=a|b").as_deref(), Ok("rs"));
    }
}
