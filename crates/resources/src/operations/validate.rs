//! `$validate`: the checks of a write, without writing. <https://hl7.org/fhir/R4/resource-operation-validate.html>

use crate::document::{is_error, read_body};
use crate::engine::Context;
use crate::place::demand_type;
use crate::read::{current, live};
use crate::reply::Reply;
use ward_access::Action;
use ward_fhir::issue::{Result, Severity};
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Issue, Kind, Node, TypeId};

/// `id`: the instance that an update or deletion would change, or, without a body, the stored version to check.
pub async fn validate(cx: Context<'_>, ty: TypeId, id: Option<&str>) -> Result<Reply> {
    let has_body = cx.call.body.as_ref().is_some_and(|b| !b.bytes.is_empty());
    if !has_body {
        return match cx.call.parameter("mode") {
            Some("delete") => deletion(cx, ty, id).await,
            _ => stored_version(cx, ty, id).await,
        };
    }
    let document = match read_body(cx.call, None) {
        Ok(document) => document,
        // What cannot be read is the answer to the question, not an error of the operation.
        Err(failure) => {
            demand_type(cx.access, ty, right(cx.call.parameter("mode")))?;
            return Ok(Reply::outcome(200, &failure.issues));
        }
    };
    let root = document.root();
    let mode = parameter(root, "mode")
        .and_then(|p| p.text("value"))
        .or(cx.call.parameter("mode"));
    demand_type(cx.access, ty, right(mode))?;
    let profile = parameter(root, "profile")
        .and_then(|p| p.text("value"))
        .or(cx.call.parameter("profile"));
    demand_base_profile(profile, ty)?;
    let resource = match root.type_name() {
        "Parameters" if ty != root.ty() || parameter(root, "resource").is_some() => {
            parameter(root, "resource").and_then(|p| p.get("resource"))
        }
        _ => Some(root),
    };
    let Some(resource) = resource else {
        return if mode == Some("delete") {
            deletion(cx, ty, id).await
        } else {
            Err(missing())
        };
    };
    Ok(Reply::outcome(200, &check(cx, resource, ty, id, mode)))
}

/// Whether a deletion would be accepted is for who may delete; all else is `c`, whatever the mode (S80).
fn right(mode: Option<&str>) -> Action {
    match mode {
        Some("delete") => Action::Delete,
        _ => Action::Create,
    }
}

fn check(
    cx: Context<'_>,
    resource: Node<'_>,
    ty: TypeId,
    id: Option<&str>,
    mode: Option<&str>,
) -> Vec<Issue> {
    let mut issues = Vec::new();
    if resource.ty() != ty {
        issues.push(
            Issue::error(Kind::Invalid, format!("this is not a {}", r4().ty(ty).name))
                .at(resource.expression()),
        );
    }
    if let (Some(id), Some("update")) = (id, mode)
        && resource.text("id") != Some(id)
    {
        issues.push(
            Issue::error(
                Kind::Invalid,
                "an update needs the resource's id, equal to the URL's",
            )
            .at(resource.expression()),
        );
    }
    issues.extend(findings(cx, resource));
    verdict(issues)
}

/// Warnings too: who asks wants to know what a write lets pass.
fn findings(cx: Context<'_>, resource: Node<'_>) -> Vec<Issue> {
    let context = ward_validation::Context {
        warnings: true,
        ..ward_validation::Context::default()
    };
    let mut issues = cx.engine.validator.validate_with(resource, &context);
    issues.sort_by_key(|issue| !is_error(issue));
    issues
}

/// R4 asks for at least one issue: all well is said in so many words.
fn verdict(mut issues: Vec<Issue>) -> Vec<Issue> {
    if !issues.iter().any(is_error) {
        issues.push(
            Issue::error(
                Kind::Informational,
                "no errors: the resource is valid against the base definitions of R4",
            )
            .severity(Severity::Information),
        );
    }
    issues
}

async fn stored_version(cx: Context<'_>, ty: TypeId, id: Option<&str>) -> Result<Reply> {
    let id = id.ok_or_else(missing)?;
    demand_type(cx.access, ty, Action::Read)?;
    demand_base_profile(cx.call.parameter("profile"), ty)?;
    let row = live(current(cx, Action::Read, ty, id).await?)?;
    crate::binary::demand_open(cx, &row).await?;
    let document = crate::masked::view(cx.access, &row)?;
    Ok(Reply::outcome(200, &verdict(findings(cx, document.root()))))
}

async fn deletion(cx: Context<'_>, ty: TypeId, id: Option<&str>) -> Result<Reply> {
    let id = id.ok_or_else(|| {
        Failure::new(
            Kind::Invalid,
            "mode delete is for an instance: [base]/[type]/[id]/$validate",
        )
    })?;
    demand_type(cx.access, ty, Action::Delete)?;
    live(current(cx, Action::Delete, ty, id).await?)?;
    Ok(Reply::outcome(200, &[Issue::error(Kind::Informational, "you may delete this resource; whether others refer to it is looked at when it is deleted").severity(Severity::Information)]))
}

fn parameter<'a>(root: Node<'a>, name: &str) -> Option<Node<'a>> {
    root.all("parameter").find(|p| p.text("name") == Some(name))
}

fn demand_base_profile(profile: Option<&str>, ty: TypeId) -> Result<()> {
    let base = format!(
        "http://hl7.org/fhir/StructureDefinition/{}",
        r4().ty(ty).name
    );
    match profile {
        None => Ok(()),
        Some(url) if url == base => Ok(()),
        Some(_) => Err(Failure::new(
            Kind::NotSupported,
            "only the base definitions of R4 are known; this profile is not",
        )),
    }
}

fn missing() -> Failure {
    Failure::new(
        Kind::Invalid,
        "$validate needs a resource: as the body, or as the parameter 'resource'",
    )
}
