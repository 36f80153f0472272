//! Reference parameters. <https://hl7.org/fhir/R4/search.html#reference>

use super::token::caseless_spellings;
use super::uri::below_canonical;
use super::{Ask, Form};
use crate::entries::Term;
use crate::escape::{split_once, unescape};
use crate::extract::Collector;
use crate::plan::{Filter, Hierarchy, Listed};
use crate::query::hidden::refused;
use crate::registry::{Leaf, Owner, Parameter};
use crate::targets::Targets;
use crate::words::words;
use ward_fhir::reference::{Reference, is_id, parse};
use ward_fhir::schema::{Schema, SearchType, TypeKind, r4};
use ward_fhir::{Failure, Kind, Node, TypeId};
use ward_fhirpath::resolve_within;

/// Targets that few resources are and many refer to: how many do decides how a search is answered.
const COUNTED: [&str; 5] = [
    "HealthcareService",
    "Location",
    "Organization",
    "Practitioner",
    "PractitionerRole",
];

/// Types of which resources may be parts of others: those that [`parent`](crate::query::parent) finds a parameter for.
const HIERARCHICAL: [&str; 9] = [
    "CarePlan",
    "Communication",
    "Encounter",
    "Location",
    "MedicationStatement",
    "Organization",
    "Procedure",
    "ResearchStudy",
    "Task",
];

/// By what a resource is said to be part of another.
pub(crate) const PARENTS: [&str; 2] = ["partof", "part-of"];

pub(crate) fn index(out: &mut Collector<'_>, node: Node<'_>, leaf: &Leaf) {
    if leaf.form == Form::Inline {
        if let Some(id) = node.text("id") {
            let term = out.key().reference(leaf.param, node.type_name(), id);
            out.term(leaf, term, COUNTED.contains(&node.type_name()));
        }
        return;
    }
    let words = words();
    for child in node.children() {
        match child.member() {
            Some(m) if m == words.reference_reference => child
                .value()
                .into_iter()
                .for_each(|text| literal(out, node, text, leaf)),
            Some(m) if m == words.reference_identifier => logical(out, child, leaf),
            _ => {}
        }
    }
}

fn literal(out: &mut Collector<'_>, node: Node<'_>, text: &str, leaf: &Leaf) {
    let key = out.key();
    match parse(text, out.base()) {
        Some(Reference::Local { ty, id, version }) => {
            let name = r4().ty(ty).name;
            let counted = COUNTED.contains(&name);
            out.term(leaf, key.reference(leaf.param, name, id), counted);
            if let Some(version) = version {
                out.term(
                    leaf,
                    key.url(leaf.param, &format!("{name}/{id}/_history/{version}")),
                    false,
                );
            }
        }
        Some(Reference::Urn(url)) | Some(Reference::Absolute { url, .. }) => {
            out.term(leaf, key.url(leaf.param, url), false)
        }
        // Nobody can ask for it: chains ask the container itself ([`Container`](crate::contained::Container)).
        Some(Reference::Contained(_)) if out.is_whole() => {
            if let Some(target) = resolve_within(text, node) {
                let term = key.reference(leaf.param, target.type_name(), text);
                out.term(leaf, term, false);
            }
        }
        Some(Reference::Contained(_) | Reference::Conditional { .. }) | None => {}
    }
}

fn logical(out: &mut Collector<'_>, identifier: Node<'_>, leaf: &Leaf) {
    if let Some(value) = identifier.text("value") {
        let (key, value) = (out.key(), out.caseless(value));
        out.term(
            leaf,
            key.identifier(leaf.param, identifier.text("system").unwrap_or(""), &value),
            false,
        );
        out.term(leaf, key.identifier_value(leaf.param, &value), false);
    }
}

/// `id`, `Type/id`, `Type/id/_history/version`, an absolute url or `urn:`, a canonical; `:[type]` and `:identifier`.
pub(crate) fn ask(ask: &Ask<'_>, value: &str) -> Result<Filter, Failure> {
    let only = match ask.modifier {
        None => None,
        Some("identifier") if ask.parameter.forms.contains(&Form::Reference) => {
            demand_whole(ask, ":identifier")?;
            return Ok(identifier(ask, value));
        }
        Some("below") if ask.parameter.forms.contains(&Form::Canonical) => {
            return Ok(below_canonical(ask, &unescape(value)));
        }
        Some(name @ ("above" | "below"))
            if modifiers(ask.schema, ask.parameter).contains(&name) =>
        {
            return hierarchy(ask, &unescape(value), name == "above");
        }
        Some(name) => match ask.schema.resource_type(name) {
            Some(ty) if may_target(ask, ty) => Some(ty),
            _ => return Err(ask.bad_modifier(name, &known(ask))),
        },
    };
    let text = unescape(value);
    let mut terms = Vec::new();
    let is_canonical = ask.parameter.forms.iter().all(|f| *f == Form::Canonical);
    for owner in &ask.parameter.owners {
        let canonical = ask.parameter.forms.contains(&Form::Canonical);
        if canonical && (is_canonical || is_told(ask, owner, &text)) {
            terms.push(ask.key.url(owner.param, &text));
        }
        if !is_canonical {
            literals(ask, owner, only, &text, !canonical, &mut terms)?;
        }
    }
    terms.sort_unstable();
    terms.dedup();
    Ok(if terms.is_empty() {
        Filter::Nothing
    } else {
        Filter::AnyTerm(terms)
    })
}

/// The Patient that a value names, when it can name nothing else.
pub(crate) fn patient(ask: &Ask<'_>, value: &str) -> Option<String> {
    if ask.parameter.ty() != SearchType::Reference {
        return None;
    }
    let only = match ask.modifier {
        None => None,
        Some(name) => Some(ask.schema.resource_type(name)?),
    };
    let text = unescape(value);
    let is_patient = |ty: TypeId| ask.schema.ty(ty).name == "Patient";
    if is_id(&text) {
        let mut meant = targets(ask)
            .into_iter()
            .filter(|t| only.is_none_or(|o| o == *t));
        let sole = meant.next().filter(|_| meant.next().is_none());
        return sole.filter(|ty| is_patient(*ty)).map(|_| text.to_string());
    }
    match parse(&text, ask.base)? {
        Reference::Local {
            ty,
            id,
            version: None,
        } if is_patient(ty) => Some(id.to_owned()),
        _ => None,
    }
}

/// Whether the caller may ask by the resource.
fn resolves(ask: &Ask<'_>, owner: &Owner, ty: TypeId, id: &str) -> bool {
    ask.targets.resolves(ask.of, owner.param, ty, id)
}

/// The same of a Patient.
pub(crate) fn resolves_patient(ask: &Ask<'_>, owner: &Owner, id: &str) -> bool {
    let patient = ask.schema.resource_type("Patient");
    patient.is_some_and(|ty| resolves(ask, owner, ty, id))
}

/// A canonical may be written as a reference to a version is, and both have one term.
fn is_told(ask: &Ask<'_>, owner: &Owner, text: &str) -> bool {
    match parse(text, ask.base) {
        Some(Reference::Local { ty, id, .. }) => resolves(ask, owner, ty, id),
        _ => true,
    }
}

/// Refuses what reads more of a reference than to what, where that may be hidden.
fn demand_whole(ask: &Ask<'_>, what: &str) -> Result<(), Failure> {
    match tells_of_hidden(ask.schema, ask.parameter, ask.of, ask.targets) {
        false => Ok(()),
        true => Err(untold(&format!("{}{what}", ask.code()))),
    }
}

/// Whether what a reference says beside its target, and the order of those, may be of what is hidden.
pub(crate) fn tells_of_hidden(
    schema: &Schema,
    parameter: &Parameter,
    of: &[TypeId],
    seen: &dyn Targets,
) -> bool {
    let hides = |ty: TypeId| {
        let owners = parameter.owners.iter();
        let mut reach = owners.filter(|o| o.only.is_none_or(|only| only == ty));
        reach.any(|owner| seen.may_hide(of, owner.param, ty))
    };
    let is_literal = parameter.forms.iter().any(|f| *f != Form::Canonical);
    is_literal && reference_targets(schema, parameter).into_iter().any(hides)
}

pub(crate) fn untold(what: &str) -> Failure {
    let text = format!(
        "'{what}' cannot be asked: it would tell of resources that you may not see; ask by what refers to those that you see."
    );
    Failure::new(Kind::HiddenElement, text)
}

/// Terms of a literal reference; `strict`: text that is none is refused.
fn literals(
    ask: &Ask<'_>,
    owner: &Owner,
    only: Option<TypeId>,
    text: &str,
    strict: bool,
    terms: &mut Vec<Term>,
) -> Result<(), Failure> {
    let wanted = |ty: TypeId| [only, owner.only].into_iter().flatten().all(|o| o == ty);
    if is_id(text) {
        let meant = targets(ask).into_iter().filter(|t| wanted(*t));
        for ty in meant.filter(|ty| resolves(ask, owner, *ty, text)) {
            terms.push(ask.key.reference(owner.param, ask.schema.ty(ty).name, text));
        }
        return Ok(());
    }
    match parse(text, ask.base) {
        Some(Reference::Local { ty, id, version })
            if wanted(ty) && resolves(ask, owner, ty, id) =>
        {
            let name = ask.schema.ty(ty).name;
            terms.push(match version {
                None => ask.key.reference(owner.param, name, id),
                Some(version) => ask
                    .key
                    .url(owner.param, &format!("{name}/{id}/_history/{version}")),
            });
        }
        Some(Reference::Absolute { url, target }) if target.is_none_or(|(ty, _)| wanted(ty)) => {
            terms.push(ask.key.url(owner.param, url));
        }
        Some(Reference::Urn(url)) => terms.push(ask.key.url(owner.param, url)),
        Some(Reference::Local { .. } | Reference::Absolute { .. }) => {}
        _ if !strict => {}
        _ => return Err(ask.bad("must be an id, 'Type/id' or an absolute URL")),
    }
    Ok(())
}

fn identifier(ask: &Ask<'_>, value: &str) -> Filter {
    let (system, value) = match split_once(value, b'|') {
        None => (None, value),
        Some((system, value)) => (Some(unescape(system)), value),
    };
    let value = unescape(value);
    let values = caseless_spellings(ask, &value);
    let mut terms = Vec::new();
    for owner in &ask.parameter.owners {
        terms.extend(values.iter().map(|value| match &system {
            None => ask.key.identifier_value(owner.param, value),
            Some(system) => ask.key.identifier(owner.param, system, value),
        }));
    }
    Filter::AnyTerm(terms)
}

/// Types that a bare id may mean.
fn targets(ask: &Ask<'_>) -> Vec<TypeId> {
    reference_targets(ask.schema, ask.parameter)
}

/// Types a reference parameter may point to: those of its definition, or every resource type; only one where it is another
/// parameter restricted to that.
pub(crate) fn reference_targets(schema: &Schema, parameter: &Parameter) -> Vec<TypeId> {
    let concrete = schema.types.iter().filter(|t| is_concrete(t)).map(|t| t.id);
    concrete.filter(|t| may_refer(parameter, *t)).collect()
}

/// Whether a reference parameter may point to resources of a type.
pub(crate) fn may_refer(parameter: &Parameter, ty: TypeId) -> bool {
    let listed = parameter.def.targets();
    let mut owners = parameter.owners.iter();
    (listed.is_empty() || listed.contains(&ty)) && owners.any(|o| o.only.is_none_or(|t| t == ty))
}

fn may_target(ask: &Ask<'_>, ty: TypeId) -> bool {
    is_concrete(ask.schema.ty(ty)) && may_refer(ask.parameter, ty)
}

/// Modifiers of the parameter beside `:missing` and `:[type]`.
pub(crate) fn modifiers(schema: &Schema, parameter: &Parameter) -> Vec<&'static str> {
    let has = |form| parameter.forms.contains(&form);
    let mut known = Vec::new();
    if has(Form::Reference) {
        known.push("identifier");
    }
    if has(Form::Canonical) {
        known.push("below");
    } else if has(Form::Reference) && !hierarchical(schema, parameter).is_empty() {
        known.extend(["above", "below"]);
    }
    known
}

/// Types of targets that may be parts of others of their type.
fn hierarchical(schema: &Schema, parameter: &Parameter) -> Vec<TypeId> {
    let targets = reference_targets(schema, parameter).into_iter();
    targets
        .filter(|ty| HIERARCHICAL.contains(&schema.ty(*ty).name))
        .collect()
}

/// What refers to the resource or to one that is part of it (`above`: that it is part of), however many steps away. A bare id is
/// one of each type that it may be of.
fn hierarchy(ask: &Ask<'_>, text: &str, above: bool) -> Result<Filter, Failure> {
    let mut types = hierarchical(ask.schema, ask.parameter);
    let id = match parse(text, ask.base) {
        _ if is_id(text) => text.to_owned(),
        Some(Reference::Local {
            ty,
            id,
            version: None,
        }) => {
            types.retain(|t| *t == ty);
            id.to_owned()
        }
        _ => {
            return Err(ask.bad("must be an id or 'Type/id' with ':above' and ':below'"));
        }
    };
    let registry = ask.extractor.registry();
    let hides = |ty: &&TypeId| PARENTS.iter().any(|code| registry.of(**ty).hides(code));
    if let Some(ty) = types.iter().find(hides) {
        let name = ask.schema.ty(*ty).name;
        return Err(refused(&format!("What is part of a {name}")));
    }
    let of_type = |ty: TypeId| {
        let owners = ask.parameter.owners.iter();
        let reach = owners.filter(|o| o.only.is_none_or(|only| only == ty));
        let params: Vec<u16> = reach
            .filter(|o| resolves(ask, o, ty, &id))
            .map(|o| o.param)
            .collect();
        let hierarchy = Hierarchy {
            params,
            ty,
            id: id.clone(),
            above,
        };
        let is_any = !hierarchy.params.is_empty();
        is_any.then_some(Filter::List(Listed::Hierarchy(hierarchy)))
    };
    let mut any: Vec<Filter> = types.into_iter().filter_map(of_type).collect();
    Ok(match any.len() {
        0 => Filter::Nothing,
        1 => any.remove(0),
        _ => Filter::Or(any),
    })
}

fn known(ask: &Ask<'_>) -> Vec<&'static str> {
    let mut known = vec!["missing"];
    known.extend(modifiers(ask.schema, ask.parameter));
    known.extend(
        ask.parameter
            .def
            .targets()
            .iter()
            .map(|t| ask.schema.ty(*t).name),
    );
    known
}

fn is_concrete(def: &ward_fhir::schema::TypeDef) -> bool {
    def.kind == TypeKind::Resource && !def.is_abstract
}
