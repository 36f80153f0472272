//! The base of a consent, by either encoding (R3), and its exceptions.

use super::{Reader, codings};
use crate::fault::{Fault, Reason};
use crate::provision::{
    CRITERIA_MAX, Criteria, Effect, Label, NESTING_MAX, PROVISIONS_MAX, Provision,
};
use crate::purpose::BREAK_GLASS;
use crate::rules::Base;
use crate::sensitivity::Confidentiality;
use ward_fhir::Node;

/// What `policyRule` and `policy` say.
struct Said {
    base: Base,
    is_opt_out: bool,
}

impl Reader<'_> {
    pub(super) fn root(&mut self, consent: Node<'_>, node: Option<Node<'_>>) -> Provision {
        let said = self.said(consent);
        let typed = node.and_then(|node| self.effect(node, false));
        if self.is_contradicted(consent, typed) {
            let at = node.unwrap_or(consent);
            self.fault_under(Reason::BaseConflict, at, "type");
        }
        match (node, typed, said) {
            (Some(node), Some(effect), _) => self.typed(node, effect),
            (node, None, Some(said)) => self.untyped(node, &said),
            (Some(node), None, None) => {
                self.fault_under(Reason::NoBase, node, "type");
                Provision::refusal()
            }
            (None, ..) => {
                self.fault_under(Reason::NoBase, consent, "provision");
                Provision::refusal()
            }
        }
    }

    /// IHE PCF: the root is a rule of its own, and what is nested in it are exceptions that hold by themselves. A permit among
    /// them takes from the root every criterion that it has none of.
    fn typed(&mut self, node: Node<'_>, effect: Effect) -> Provision {
        let mut root = self.provision(node, effect, 0);
        root.is_open = true;
        let permits = |child: &&mut Provision| child.effect == Effect::Permit;
        for child in root.children.iter_mut().filter(permits) {
            if effect == Effect::Permit && self.listed <= CRITERIA_MAX {
                let taken = child.criteria.complete(&root.criteria);
                self.list(taken, &child.expression);
            }
        }
        root
    }

    /// Base R4: `policyRule` is the base, and the root has no type.
    fn untyped(&mut self, node: Option<Node<'_>>, said: &Said) -> Provision {
        let base = self.base_of(said);
        let Some(node) = node else {
            return base;
        };
        let mut inner = self.provision(node, said.base.effect, 0);
        if inner.criteria == Criteria::default() {
            return Provision {
                children: base.children.into_iter().chain(inner.children).collect(),
                expression: inner.expression,
                ..base
            };
        }
        self.doubts.push(Fault {
            reason: Reason::AmbiguousRoot,
            expression: inner.expression.clone(),
        });
        inner.effect = Effect::Deny;
        match said.base.effect {
            // The limits of the permit, or what it does not cover: nothing is permitted where both can be.
            Effect::Permit => inner,
            // What is denied, or all that is not: nothing is permitted by the base.
            Effect::Deny => Provision {
                children: base.children.into_iter().chain([inner]).collect(),
                ..base
            },
        }
    }

    /// Whether the type of the root is not that of `policyRule`. A policy that is named by its URI is one to agree with or to
    /// reject: the type says which.
    fn is_contradicted(&self, consent: Node<'_>, typed: Option<Effect>) -> bool {
        let rules: Vec<_> = consent.all("policyRule").flat_map(codings).collect();
        let mut said = rules.iter().filter_map(|rule| self.known(&rule.code));
        typed.is_some_and(|typed| said.any(|said| said.base.effect != typed))
    }

    fn base_of(&self, said: &Said) -> Provision {
        let mut root = Provision::bare(said.base.effect, "Consent.policyRule");
        root.is_opt_out = said.is_opt_out;
        if said.base.is_normal_only {
            root.is_open = true;
            root.criteria.labels = vec![Label::Confidentiality(Confidentiality::Normal)];
        }
        if said.base.permits_break_glass {
            let mut child = Provision::bare(Effect::Permit, "Consent.policy");
            child.criteria.purposes = vec![BREAK_GLASS.into()];
            root.children.push(child);
        }
        root
    }

    /// OPTIN, OPTOUT, or what the table knows; nothing where two contradict each other.
    fn said(&mut self, consent: Node<'_>) -> Option<Said> {
        let rules: Vec<_> = consent.all("policyRule").flat_map(codings).collect();
        let of_rule = rules.iter().filter_map(|rule| self.known(&rule.code));
        let mut said: Vec<Said> = of_rule.collect();
        if said.is_empty() {
            let uris = consent
                .all("policy")
                .filter_map(|policy| policy.text("uri"));
            said = uris.filter_map(|uri| self.known(uri)).collect();
            said.iter_mut().for_each(|said| said.is_opt_out = false);
        }
        let first = said.pop()?;
        if said.iter().any(|other| other.base != first.base) {
            self.fault_under(Reason::BaseConflict, consent, "policyRule");
        }
        Some(first)
    }

    fn known(&self, code: &str) -> Option<Said> {
        let plain = |effect| Base {
            effect,
            is_normal_only: false,
            permits_break_glass: false,
        };
        let base = match code {
            "OPTIN" => plain(Effect::Permit),
            "OPTOUT" => plain(Effect::Deny),
            _ => self.rules.base(code)?,
        };
        Some(Said {
            base,
            is_opt_out: code == "OPTOUT",
        })
    }

    /// `must`: nested provisions need one.
    fn effect(&mut self, node: Node<'_>, must: bool) -> Option<Effect> {
        match (node.get("type"), node.text("type")) {
            (_, Some("permit")) => Some(Effect::Permit),
            (_, Some("deny")) => Some(Effect::Deny),
            (None, _) if !must => None,
            (None, _) => {
                self.fault_under(Reason::NoType, node, "type");
                None
            }
            (Some(found), _) => {
                self.fault(Reason::Criterion, found);
                None
            }
        }
    }

    fn provision(&mut self, node: Node<'_>, effect: Effect, level: usize) -> Provision {
        self.provisions += 1;
        let mut provision = Provision::bare(effect, &node.expression());
        if self.provisions > PROVISIONS_MAX {
            if self.provisions == PROVISIONS_MAX + 1 {
                self.fault(Reason::TooMany, node);
            }
            return provision;
        }
        if level > NESTING_MAX {
            self.fault(Reason::Nesting, node);
            return provision;
        }
        provision.criteria = self.criteria(node, effect, level == 0);
        self.list(provision.criteria.listed(), &provision.expression);
        for child in node.all("provision") {
            let effect = self.effect(child, true).unwrap_or(Effect::Deny);
            let child = self.provision(child, effect, level + 1);
            provision.children.push(child);
        }
        provision
    }

    /// Counts what is listed, and tells once that it is too much.
    fn list(&mut self, more: usize, expression: &str) {
        let was_few = self.listed <= CRITERIA_MAX;
        self.listed += more;
        if was_few && self.listed > CRITERIA_MAX {
            self.faults.push(Fault {
                reason: Reason::TooMany,
                expression: expression.to_owned(),
            });
        }
    }
}

impl Criteria {
    /// How much its lists hold.
    fn listed(&self) -> usize {
        self.actors.len()
            + self.purposes.len()
            + self.contents.len()
            + self.codes.len()
            + self.labels.len()
            + self.data.len()
    }

    /// Takes over what is not said here. Answers how much that was.
    fn complete(&mut self, root: &Criteria) -> usize {
        let before = self.listed();
        fn take<T: Clone>(here: &mut Vec<T>, there: &[T]) {
            if here.is_empty() {
                *here = there.to_vec();
            }
        }
        take(&mut self.actors, &root.actors);
        take(&mut self.purposes, &root.purposes);
        take(&mut self.contents, &root.contents);
        take(&mut self.codes, &root.codes);
        take(&mut self.labels, &root.labels);
        take(&mut self.data, &root.data);
        self.data_period = self.data_period.or(root.data_period);
        if self.actions.is_empty() {
            self.actions = root.actions;
        }
        self.listed() - before
    }
}
