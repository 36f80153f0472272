//! What PractitionerRole, Organization, CareTeam and Group say of one caller.
//! <https://hl7.org/fhir/R4/careteam.html>, <https://hl7.org/fhir/R4/group.html>
//!
//! A role or team that has ended, or that carries a modifierExtension and so is not understood, gives nothing; a period of which a side
//! is there and not told does not hold.

use std::collections::BTreeSet;
use ward_access::{Zone, period_us};
use ward_consent::Ref;
use ward_fhir::Node;
use ward_fhir::reference::{Reference, parse};
use ward_fhir::schema::r4;

/// For whom a caller stands, from a moment until just before another: only time passes.
#[derive(Debug)]
pub(super) struct Belonging {
    actors: BTreeSet<Ref>,
    from_us: i64,
    until_us: i64,
}

/// Reads resources at one moment, and keeps when they would say something else.
pub(super) struct Reader<'a> {
    /// Service base URL.
    pub base: Option<&'a str>,
    pub zone: &'a dyn Zone,
    pub now_us: i64,
    until_us: i64,
}

/// One PractitionerRole of the user.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Role {
    pub is_in_force: bool,
    /// It says that there is one, whether or not it can be told which.
    pub has_organization: bool,
    /// Itself and whose it is.
    pub actors: Vec<Ref>,
    pub organization: Option<Ref>,
}

impl Belonging {
    pub fn actors(&self) -> impl Iterator<Item = &Ref> {
        self.actors.iter()
    }

    /// A clock that was set back tells nothing.
    pub fn holds_at(&self, now_us: i64) -> bool {
        (self.from_us..self.until_us).contains(&now_us)
    }
}

impl<'a> Reader<'a> {
    pub fn new(base: Option<&'a str>, zone: &'a dyn Zone, now_us: i64) -> Reader<'a> {
        Reader {
            base,
            zone,
            now_us,
            until_us: i64::MAX,
        }
    }

    pub fn finish(self, actors: BTreeSet<Ref>) -> Belonging {
        Belonging {
            actors,
            from_us: self.now_us,
            until_us: self.until_us,
        }
    }

    pub fn role(&mut self, role: Node<'_>) -> Role {
        let in_period = self.in_period(role);
        let organization = self.reference(role.get("organization"));
        let practitioner = self.reference(role.get("practitioner"));
        let itself = itself(role);
        Role {
            is_in_force: in_period && is_active(role) && !is_modified(role),
            has_organization: role.get("organization").is_some(),
            actors: itself.into_iter().chain(practitioner).collect(),
            organization,
        }
    }

    /// What an Organization is part of.
    pub fn above(&self, organization: Node<'_>) -> Option<Ref> {
        self.reference(organization.get("partOf"))
    }

    /// The team, where one of these takes part in it now.
    pub fn team(&mut self, team: Node<'_>, members: &BTreeSet<Ref>) -> Option<Ref> {
        let is_running = team
            .get("status")
            .is_none_or(|status| status.value() == Some("active"));
        let holds = self.in_period(team) && is_running && !is_modified(team);
        let mut is_member = false;
        for participant in team.all("participant") {
            let member = self.reference(participant.get("member"));
            if member.is_some_and(|member| members.contains(&member)) {
                is_member |= self.in_period(participant);
            }
        }
        itself(team).filter(|_| holds && is_member)
    }

    /// The group, where one of these is a member of it now. One that only describes has no members.
    pub fn group(&mut self, group: Node<'_>, members: &BTreeSet<Ref>) -> Option<Ref> {
        let is_actual = group.get("actual").and_then(Node::value) == Some("true");
        let holds = is_actual && is_active(group) && !is_modified(group);
        let mut is_member = false;
        for member in group.all("member") {
            let entity = self.reference(member.get("entity"));
            let is_out = member
                .get("inactive")
                .is_some_and(|inactive| inactive.value() != Some("false"));
            if entity.is_some_and(|entity| members.contains(&entity)) && !is_out {
                is_member |= self.in_period(member);
            }
        }
        itself(group).filter(|_| holds && is_member)
    }

    fn in_period(&mut self, node: Node<'_>) -> bool {
        let Some(period) = node.get("period") else {
            return true;
        };
        let Some((from_us, until_us)) = period_us(period, self.zone) else {
            return false;
        };
        for edge in [from_us, until_us] {
            if edge > self.now_us {
                self.until_us = self.until_us.min(edge);
            }
        }
        (from_us..until_us).contains(&self.now_us)
    }

    /// `Type/id` in this store, whichever version is named.
    fn reference(&self, reference: Option<Node<'_>>) -> Option<Ref> {
        let text = reference?.text("reference")?;
        self.local(text)
    }

    pub fn local(&self, text: &str) -> Option<Ref> {
        match parse(text, self.base)? {
            Reference::Local { ty, id, .. } => Some(format!("{}/{id}", r4().ty(ty).name).into()),
            _ => None,
        }
    }
}

fn itself(resource: Node<'_>) -> Option<Ref> {
    let id = resource.text("id")?;
    Some(format!("{}/{id}", resource.type_name()).into())
}

/// Without a value it is taken to be active.
fn is_active(node: Node<'_>) -> bool {
    node.get("active")
        .is_none_or(|active| active.value() == Some("true"))
}

fn is_modified(resource: Node<'_>) -> bool {
    let mut nodes = resource.descendants_and_self();
    nodes.any(|node| node.name() == "modifierExtension")
}

#[cfg(test)]
#[path = "belonging_tests.rs"]
mod tests;
