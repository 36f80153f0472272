//! The criteria of one provision (R4).

use super::{Reader, coding, codings};
use crate::action::{Action, Actions};
use crate::code::{
    ACT_REASON, CONFIDENTIALITY, CONSENT_ACTION, CONTENT_CLASS, Coding, LOINC, MEDIA_TYPES,
    PARTICIPATION, RESOURCE_TYPES, Ref, URIS,
};
use crate::facts::CLIENT;
use crate::fault::Reason;
use crate::labels::is_handling;
use crate::period::Period;
use crate::provision::{Actor, Content, Criteria, Data, Effect, Label, Meaning, Part};
use crate::purpose;
use crate::sensitivity::Confidentiality;
use std::sync::Arc;
use ward_fhir::Node;
use ward_fhir::schema::r4;

impl Reader<'_> {
    /// The period of the root is when the consent applies, and no criterion.
    pub(super) fn criteria(&mut self, node: Node<'_>, effect: Effect, is_root: bool) -> Criteria {
        let mut criteria = Criteria::default();
        for child in node.children() {
            let known = match child.name() {
                "period" if is_root => Ok(()),
                "period" => self.period(child).map(|p| criteria.period = Some(p)),
                "dataPeriod" => self.period(child).map(|p| criteria.data_period = Some(p)),
                "actor" => self.actor(child, effect).map(|a| criteria.actors.push(a)),
                "action" => action(child).map(|a| criteria.actions = union(criteria.actions, a)),
                "securityLabel" => {
                    let label = self.label(child, effect);
                    label.map(|label| criteria.labels.push(label))
                }
                "purpose" => purpose(child).map(|code| criteria.purposes.push(code)),
                "class" => content(child).map(|class| criteria.contents.push(class)),
                "code" => codes(child).map(|codes| criteria.codes.extend(codes)),
                "data" => self.data(child).map(|data| criteria.data.push(data)),
                // A modifier has been met already; what a plain extension adds changes nothing.
                "type" | "provision" | "id" | "extension" | "modifierExtension" => Ok(()),
                _ => Err(Reason::Criterion),
            };
            if let Err(reason) = known {
                self.fault(reason, child);
            }
        }
        purpose::listed(effect, &mut criteria.purposes);
        criteria
    }

    fn period(&self, node: Node<'_>) -> Result<Period, Reason> {
        Period::read(node).ok_or(Reason::Date)
    }

    /// A role without a system is one of v3-ParticipationType. An actor that leads nowhere may be anybody: a deny covers them
    /// all, a permit is broken (R5, R11).
    fn actor(&self, node: Node<'_>, effect: Effect) -> Result<Actor, Reason> {
        let roles: Vec<Coding> = node.all("role").flat_map(codings).collect();
        let is_known = |role: &&Coding| role.is_of(PARTICIPATION) || role.system.is_empty();
        let has = |code: &str| {
            roles
                .iter()
                .filter(is_known)
                .any(|role| *role.code == *code)
        };
        let part = match (has("AUT"), has("CST")) {
            (true, true) => return Err(Reason::Criterion),
            (true, _) => Part::Author,
            (_, true) => Part::Custodian,
            _ => Part::Recipient,
        };
        let who = node
            .get("reference")
            .and_then(|r| self.local(r).or_else(|| client(r)));
        if who.is_none() && effect == Effect::Permit {
            return Err(Reason::Reference);
        }
        Ok(Actor { part, who })
    }

    /// By what says how to handle a row none is judged: a deny of it would forbid nothing, a permit permits nothing.
    fn label(&self, node: Node<'_>, effect: Effect) -> Result<Label, Reason> {
        let label = coding(node).filter(has_system).ok_or(Reason::Criterion)?;
        if label.is_of(CONFIDENTIALITY) {
            let level = Confidentiality::parse(&label.code).ok_or(Reason::Criterion)?;
            return Ok(Label::Confidentiality(level));
        }
        let is_defined = || self.rules.labels.iter().any(|rule| rule.label == label);
        if effect == Effect::Deny && is_handling(&label) && !is_defined() {
            return Err(Reason::Criterion);
        }
        Ok(Label::Sensitivity(label))
    }

    fn data(&self, node: Node<'_>) -> Result<Data, Reason> {
        let meaning = match node.text("meaning") {
            Some("instance") => Meaning::Instance,
            Some("related") => Meaning::Related,
            Some("dependents") => Meaning::Dependents,
            Some("authoredby") => Meaning::AuthoredBy,
            _ => return Err(Reason::Criterion),
        };
        let reference = node.get("reference").and_then(|r| self.local(r));
        let reference = reference.ok_or(Reason::Reference)?;
        Ok(Data { meaning, reference })
    }
}

fn action(concept: Node<'_>) -> Result<Actions, Reason> {
    let of = |c: Coding| {
        let is_known = c.is_of(CONSENT_ACTION) || c.system.is_empty();
        Action::parse(&c.code).filter(|_| is_known)
    };
    let actions = Actions::of(codings(concept).filter_map(of));
    if actions.is_empty() {
        Err(Reason::Criterion)
    } else {
        Ok(actions)
    }
}

fn union(a: Actions, b: Actions) -> Actions {
    Actions::of(Action::ALL.into_iter().filter(|x| a.has(*x) || b.has(*x)))
}

fn purpose(node: Node<'_>) -> Result<Arc<str>, Reason> {
    // Nobody can act for any other: a deny that names one would forbid nothing.
    let is_known = |purpose: &Coding| purpose.is_of(ACT_REASON) && purpose::is_known(&purpose.code);
    let purpose = coding(node).filter(is_known);
    purpose.map(|purpose| purpose.code).ok_or(Reason::Criterion)
}

/// Codings of one concept are ways to say the same: one of them is enough.
fn codes(concept: Node<'_>) -> Result<Vec<Coding>, Reason> {
    let codes: Vec<Coding> = codings(concept).filter(has_system).collect();
    if codes.is_empty() {
        Err(Reason::Criterion)
    } else {
        Ok(codes)
    }
}

/// Without one a code equals nothing that a row has: what says nothing must not look as if it did (R11).
fn has_system(code: &Coding) -> bool {
    !code.system.is_empty()
}

fn content(node: Node<'_>) -> Result<Content, Reason> {
    let class = coding(node).ok_or(Reason::Criterion)?;
    let is_url = class.code.starts_with("http://") || class.code.starts_with("https://");
    match &*class.system {
        RESOURCE_TYPES if r4().resource_type(&class.code).is_some() => {
            Ok(Content::Type(class.code))
        }
        URIS | CONTENT_CLASS if is_url => Ok(profile(without_version(&class.code))),
        // The same media types under the system of the value set.
        CONTENT_CLASS | MEDIA_TYPES if class.code.contains('/') => {
            Ok(Content::Document(Coding::new(MEDIA_TYPES, &class.code)))
        }
        LOINC => Ok(Content::Document(class)),
        _ => Err(Reason::Criterion),
    }
}

/// What every resource of a type conforms to is its type: none says so.
fn profile(url: &str) -> Content {
    let name = url.strip_prefix(DEFINITIONS);
    match name.filter(|name| r4().resource_type(name).is_some()) {
        Some(name) => Content::Type(name.into()),
        None => Content::Profile(url.into()),
    }
}

pub(crate) fn without_version(canonical: &str) -> &str {
    canonical.split('|').next().unwrap_or_default()
}

/// Where the base definitions of R4 are.
const DEFINITIONS: &str = "http://hl7.org/fhir/StructureDefinition/";

/// A client that is named as such, whether or not it is registered.
fn client(node: Node<'_>) -> Option<Ref> {
    let text = node.text("reference")?;
    let id = text.strip_prefix(CLIENT)?;
    (!id.is_empty()).then(|| text.into())
}
