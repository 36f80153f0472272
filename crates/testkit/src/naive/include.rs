//! What comes with the matches of a page. <https://hl7.org/fhir/R4/search.html#include>

use super::criterion::targets;
use super::parameters::{Kind, PARAMETERS, Parameter};
use super::{Question, World};
use std::collections::BTreeSet;

/// `Type/id` of what a page of matches brings with it: from the matches first, then for `:iterate` from all that came so far.
pub fn included(world: &World, question: &Question, page: &[String]) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    let mut from: Vec<String> = page.to_vec();
    let mut first = true;
    while !from.is_empty() {
        let mut next = BTreeSet::new();
        for (name, value) in &question.pairs {
            let (code, modifier) = name.split_once(':').unwrap_or((name, ""));
            if !first && modifier != "iterate" {
                continue;
            }
            match code {
                "_include" => next.extend(forward(world, value, &from)),
                "_revinclude" => next.extend(reverse(world, value, &from)),
                _ => {}
            }
        }
        next.retain(|path| !page.contains(path) && !found.contains(path));
        found.extend(next.iter().cloned());
        from = next.into_iter().collect();
        first = false;
    }
    found
}

/// Current resources that those of `from` refer to.
fn forward(world: &World, value: &str, from: &[String]) -> Vec<String> {
    let resources = from.iter().filter_map(|path| world.get(path));
    let ends = resources.flat_map(|r| parameters(value, r.ty()).flat_map(|p| targets(&r.body, p)));
    let wanted = ends.filter(|path| is_to(value, path));
    wanted.filter(|path| world.get(path).is_some()).collect()
}

/// Current resources that refer to one of `from`.
fn reverse(world: &World, value: &str, from: &[String]) -> Vec<String> {
    let refers = |r: &&super::Stored| {
        let ends = parameters(value, r.ty()).flat_map(|p| targets(&r.body, p));
        ends.filter(|path| is_to(value, path))
            .any(|path| from.contains(&path))
    };
    world
        .resources
        .iter()
        .filter(refers)
        .map(super::Stored::path)
        .collect()
}

/// The reference parameters that `Type:parameter[:Target]`, `Type:*` or `*` names.
fn parameters<'a>(
    value: &'a str,
    ty: &'a str,
) -> impl Iterator<Item = &'static Parameter> + use<'a> {
    let mut parts = value.split(':');
    let source = parts.next().unwrap_or_default();
    let code = parts.next().unwrap_or("*");
    PARAMETERS.iter().filter(move |p| {
        p.kind == Kind::Reference
            && p.ty == ty
            && (source == "*" || source == ty)
            && (code == "*" || code == p.code)
    })
}

/// Whether the target is of the type that the include names, if it names one.
fn is_to(value: &str, path: &str) -> bool {
    let target = value.split(':').nth(2);
    target.is_none_or(|ty| path.split('/').next() == Some(ty))
}
