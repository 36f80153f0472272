//! A Consent resource as a [`Consent`]: header, base and grouping (R1-R3, R8, R11). <https://hl7.org/fhir/R4/consent.html>

mod criteria;
mod root;

pub(crate) use criteria::without_version;

use crate::code::{CONSENT_SCOPE, Coding, Ref};
use crate::fault::{Fault, Reason};
use crate::period::{Period, Span};
use crate::provision::{Consent, Provision};
use crate::rules::Rules;
use std::collections::BTreeSet;
use ward_fhir::Node;
use ward_fhir::reference::{self, Reference};
use ward_fhir::schema::r4;

const PRIVACY: &str = "patient-privacy";
/// The other codes of consentscope: of no effect here.
const OTHER_SCOPES: [&str; 3] = ["adr", "research", "treatment"];

/// Reads one Consent. Never fails: what cannot be evaluated is in [`Consent::faults`], and such a consent denies. `base`
/// is our own URL without trailing slash. Cost: linear in the resource.
pub fn read(node: Node<'_>, rules: &Rules, base: Option<&str>) -> Consent {
    let mut reader = Reader {
        rules,
        base,
        faults: Vec::new(),
        doubts: Vec::new(),
        provisions: 0,
        listed: 0,
    };
    let mut consent = reader.consent(node);
    if !reader.faults.is_empty() {
        consent.root = Provision::refusal();
    }
    consent.faults = reader.faults;
    consent.doubts = reader.doubts;
    consent
}

struct Reader<'r> {
    rules: &'r Rules,
    base: Option<&'r str>,
    faults: Vec<Fault>,
    doubts: Vec<Fault>,
    provisions: usize,
    /// Criteria of all provisions.
    listed: usize,
}

impl Reader<'_> {
    fn consent(&mut self, node: Node<'_>) -> Consent {
        self.unknown_modifiers(node);
        let provision = node.get("provision");
        let mut verifications = node.all("verification");
        Consent {
            id: node.text("id").unwrap_or_default().to_owned(),
            version: node
                .get("meta")
                .and_then(|meta| meta.text("versionId"))
                .unwrap_or_default()
                .to_owned(),
            subject: self.subject(node),
            is_active: self.is_active(node),
            period: provision.map_or(Period::ALWAYS, |root| self.applicable(root)),
            group: self.group(node),
            date: self.date(node),
            is_verified: verifications.any(|v| v.text("verified") == Some("true")),
            grantors: node
                .all("performer")
                .filter_map(|performer| self.local(performer))
                .collect(),
            root: self.root(node, provision),
            faults: Vec::new(),
            doubts: Vec::new(),
        }
    }

    /// What may change the meaning of everything around it.
    fn unknown_modifiers(&mut self, node: Node<'_>) {
        if let Some(rules) = node.get("implicitRules") {
            self.fault(Reason::ImplicitRules, rules);
        }
        let mut all = node.descendants_and_self();
        if let Some(found) = all.find(|n| n.name() == "modifierExtension") {
            self.fault(Reason::ModifierExtension, found);
        }
    }

    /// `status` and `scope` (R1). What cannot be read counts as in force, so that it denies.
    fn is_active(&mut self, node: Node<'_>) -> bool {
        let has_status = match node.text("status") {
            Some("active") => true,
            Some("draft" | "proposed" | "rejected" | "inactive" | "entered-in-error") => false,
            _ => {
                self.fault_under(Reason::Header, node, "status");
                true
            }
        };
        let scopes: Vec<Coding> = node.all("scope").flat_map(codings).collect();
        if scopes.is_empty() {
            self.fault_under(Reason::Header, node, "scope");
            return has_status;
        }
        let is_ours = |scope: &Coding| scope.is_of(CONSENT_SCOPE) || scope.system.is_empty();
        let is_privacy = |scope: &Coding| *scope.code == *PRIVACY && is_ours(scope);
        if scopes.iter().any(is_privacy) {
            return has_status;
        }
        // A misspelt scope must not make a consent one of no effect: it may have been meant as one of privacy.
        let is_misspelt = |scope: &Coding| match is_ours(scope) {
            true => !OTHER_SCOPES.contains(&&*scope.code),
            false => *scope.code == *PRIVACY,
        };
        let is_doubtful = scopes.iter().any(is_misspelt);
        if is_doubtful {
            self.fault_under(Reason::Header, node, "scope");
        }
        has_status && is_doubtful
    }

    fn subject(&mut self, node: Node<'_>) -> Option<Ref> {
        let subject = node.get("patient").and_then(|patient| self.local(patient));
        let is_patient = |reference: &Ref| reference.starts_with("Patient/");
        let subject = subject.filter(is_patient);
        if subject.is_none() {
            self.fault_under(Reason::Header, node, "patient");
        }
        subject
    }

    fn applicable(&mut self, root: Node<'_>) -> Period {
        let Some(period) = root.get("period") else {
            return Period::ALWAYS;
        };
        Period::read(period).unwrap_or_else(|| {
            self.fault(Reason::Date, period);
            Period::ALWAYS
        })
    }

    fn date(&mut self, node: Node<'_>) -> Option<Span> {
        let date = node.get("dateTime")?;
        let span = date.value().and_then(Span::parse);
        if span.is_none() {
            self.fault(Reason::Date, date);
        }
        span
    }

    /// What R8 groups by. `policyRule` and those policies that only say what the base is are no part of it: an opt-in
    /// supersedes an opt-out. A consent with a part that cannot be compared (`None` below) is a group of its own: it
    /// supersedes nothing, so that between it and others the deny counts.
    fn group(&self, node: Node<'_>) -> String {
        let is_base =
            |code: &str| matches!(code, "OPTIN" | "OPTOUT") || self.rules.base(code).is_some();
        let mut parts: Vec<Option<String>> = Vec::new();
        for category in node.all("category") {
            parts.extend(coded('c', category, |_| true));
        }
        for rule in node.all("policyRule") {
            parts.extend(coded('r', rule, |code| !is_base(code)));
        }
        for policy in node.all("policy") {
            let (uri, authority) = (policy.text("uri"), policy.text("authority"));
            parts.extend((uri.or(authority).is_none()).then_some(None));
            let uri = uri.filter(|uri| !is_base(uri));
            parts.extend(uri.map(|uri| Some(format!("u {uri:?}"))));
            parts.extend(authority.map(|uri| Some(format!("a {uri:?}"))));
        }
        let organizations = node.all("organization");
        parts.extend(organizations.map(|organization| self.organization(organization)));
        let parts: Option<BTreeSet<String>> = parts.into_iter().collect();
        match parts {
            Some(parts) => Vec::from_iter(parts).join("\n"),
            None => format!("alone {:?}", node.text("id").unwrap_or_default()),
        }
    }

    /// By its reference, or else its identifier. `#o` is another one in each resource.
    fn organization(&self, node: Node<'_>) -> Option<String> {
        let local = || self.local(node).map(|local| local.to_string());
        let reference = node.text("reference").filter(|text| !text.starts_with('#'));
        let reference = reference.map(|text| local().unwrap_or_else(|| text.to_owned()));
        let identifier = || {
            let identifier = node.get("identifier")?;
            let (system, value) = (identifier.text("system")?, identifier.text("value")?);
            Some(format!("i {system:?} {value:?}"))
        };
        reference
            .map(|reference| format!("o {reference:?}"))
            .or_else(identifier)
    }

    /// `Type/id` of a Reference to a resource of this store.
    fn local(&self, node: Node<'_>) -> Option<Ref> {
        match reference::parse(node.text("reference")?, self.base)? {
            Reference::Local { ty, id, .. } => Some(format!("{}/{id}", r4().ty(ty).name).into()),
            _ => None,
        }
    }

    fn fault(&mut self, reason: Reason, at: Node<'_>) {
        self.faults.push(Fault {
            reason,
            expression: at.expression(),
        });
    }

    /// At a child that may be missing.
    fn fault_under(&mut self, reason: Reason, parent: Node<'_>, child: &str) {
        let expression = match parent.get(child) {
            Some(found) => found.expression(),
            None => format!("{}.{child}", parent.expression()),
        };
        self.faults.push(Fault { reason, expression });
    }
}

/// The codes of a concept that `counts`, as parts of a group; `None` where it has none to compare.
fn coded(kind: char, concept: Node<'_>, counts: impl Fn(&str) -> bool) -> Vec<Option<String>> {
    let codes: Vec<Coding> = codings(concept).collect();
    if codes.is_empty() {
        return vec![None];
    }
    let counted = codes.iter().filter(|c| counts(&c.code));
    let part = |c: &Coding| Some(format!("{kind} {:?} {:?}", c.system, c.code));
    counted.map(part).collect()
}

/// Codings of a CodeableConcept that have a code.
fn codings(concept: Node<'_>) -> impl Iterator<Item = Coding> {
    concept
        .children()
        .filter(|c| c.name() == "coding")
        .filter_map(coding)
}

fn coding(node: Node<'_>) -> Option<Coding> {
    let code = node.text("code")?;
    Some(Coding::new(node.text("system").unwrap_or_default(), code))
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
