//! What consents are evaluated against, read from the store before: who is there, whom they stand for, what belongs to what.

use super::house::House;
use super::row::{local, references};
use crate::document::reread;
use crate::engine::{Engine, stored};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use ward_access::{Action, Maintenance, maintenance};
use ward_consent::{Coding, Lookup, Ref};
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Node, TypeId};
use ward_search::plan::{Plan, SortKey, Total};
use ward_search::query::Options;
use ward_search::terminology::{Embedded, Terminology};
use ward_storage::{Current, Rid};

/// Levels of organizations above one. What is higher is not known, which denies.
const LEVELS_MAX: usize = 8;
/// Resources that are read by one statement.
const READ_AT_ONCE: usize = 500;
/// PractitionerRoles of the people whom one patient's consents name; of more nobody's organizations are known.
const ROLES_MAX: u32 = 1_000;

/// Resources by reference; `None`: not there. What is no member was not looked for, and cannot be told.
#[derive(Clone, Default)]
pub(crate) struct Known {
    found: HashMap<Ref, Option<Arc<Found>>>,
    /// Organizations that people act for by their PractitionerRoles.
    roles: HashMap<Ref, Vec<Ref>>,
}

/// As much of a resource as is asked about.
#[derive(PartialEq)]
struct Found {
    /// The Practitioner and the Organization of a PractitionerRole.
    stands_for: Vec<Ref>,
    /// Organizations that it is part of at the next level.
    part_of: Vec<Ref>,
    refers_to: Vec<Ref>,
}

impl Known {
    /// Both.
    pub fn with(&self, other: &Known) -> Known {
        let mut both = self.clone();
        let found = other.found.iter();
        both.found
            .extend(found.map(|(reference, found)| (reference.clone(), found.clone())));
        both
    }

    /// What a unit leaves of a resource; `None`: it deletes it.
    pub fn tell(&mut self, reference: Ref, node: Option<Node<'_>>, base: &str) {
        let found = node.map(|node| Arc::new(Found::of(node, base)));
        self.found.insert(reference, found);
    }

    pub fn is_there(&self, reference: &str) -> bool {
        self.found.get(reference).is_some_and(Option::is_some)
    }

    /// Of a PractitionerRole.
    pub fn stands_for(&self, reference: &str) -> Option<&[Ref]> {
        Some(&self.of(reference)?.stands_for)
    }

    /// Whether somebody or something is part of an organization; people of whom no organization is known are of the house.
    /// `None`: it cannot be told.
    pub fn belongs(&self, member: &str, organization: &str, house: House<'_>) -> Option<bool> {
        if house.is_alone() && organization == house.organization {
            return is_person(member).then_some(true);
        }
        let mut open = vec![Ref::from(member)];
        let mut seen = BTreeSet::new();
        while let Some(next) = open.pop() {
            let above = self.above(&next, house)?;
            if above.iter().any(|above| **above == *organization) {
                return Some(true);
            }
            open.extend(above.into_iter().filter(|above| seen.insert(above.clone())));
        }
        Some(false)
    }

    /// Organizations right above one, or that somebody acts for. The house that is alone is no resource: what is above it nobody
    /// knows.
    fn above(&self, member: &str, house: House<'_>) -> Option<Vec<Ref>> {
        let mut above = self.of(member)?.part_of.clone();
        if member.starts_with("Practitioner/") {
            above.extend(self.roles.get(member)?.iter().cloned());
        }
        match is_person(member) && above.is_empty() {
            true if house.is_alone() => None,
            true => Some(vec![house.organization.into()]),
            false => Some(above),
        }
    }

    fn refers(&self, from: &str, to: &str) -> Option<bool> {
        let refers_to = &self.of(from)?.refers_to;
        Some(refers_to.iter().any(|reference| **reference == *to))
    }

    fn of(&self, reference: &str) -> Option<&Found> {
        self.found.get(reference)?.as_deref()
    }

    /// Looks for resources, and the organizations above them. Statements: one for each level, and one more where clients chose ids.
    pub async fn learn(&mut self, engine: &Engine, asked: Vec<Ref>) -> Result<()> {
        let mut asked = asked;
        for _ in 0..LEVELS_MAX {
            asked.retain(|reference| !self.found.contains_key(reference));
            asked.sort_unstable();
            asked.dedup();
            if asked.is_empty() {
                break;
            }
            let mut above = Vec::new();
            for asked in asked.chunks(READ_AT_ONCE) {
                for (reference, found) in read(engine, asked).await? {
                    above.extend(found.iter().flat_map(|found| found.part_of.clone()));
                    self.found.insert(reference, found.map(Arc::new));
                }
            }
            asked = above;
        }
        Ok(())
    }

    /// Looks for the organizations of people. One statement.
    pub async fn learn_roles(&mut self, engine: &Engine, people: &[Ref]) -> Result<()> {
        if people.is_empty() {
            return Ok(());
        }
        let access = maintenance(Maintenance::Policies);
        let plan = roles_of(engine, people)?;
        let page = stored(engine.store.search(&access, &plan).await)?;
        if page.more {
            return Ok(());
        }
        for person in people {
            self.roles.entry(person.clone()).or_default();
        }
        let mut organizations = Vec::new();
        for row in &page.rows {
            let document = reread(&row.body)?;
            let found = Found::of(document.root(), &engine.settings.base);
            organizations.extend(found.part_of.iter().cloned());
            for person in &found.stands_for {
                if let Some(acts_for) = self.roles.get_mut(person) {
                    acts_for.extend(found.part_of.iter().cloned());
                }
            }
        }
        self.learn(engine, organizations).await
    }
}

/// Whether consents are told the same of a resource by both versions.
pub(crate) fn tells_same(before: Node<'_>, after: Node<'_>, base: &str) -> bool {
    Found::of(before, base) == Found::of(after, base)
}

fn is_person(reference: &str) -> bool {
    reference.starts_with("Practitioner/") || reference.starts_with("PractitionerRole/")
}

/// Each with what is there.
async fn read(engine: &Engine, asked: &[Ref]) -> Result<Vec<(Ref, Option<Found>)>> {
    let ids: Vec<Option<(TypeId, &str)>> = asked.iter().map(|one| identity(one)).collect();
    let known: Vec<(TypeId, &str)> = ids.iter().copied().flatten().collect();
    let mut rids = stored(engine.store.locate(&known).await)?.into_iter();
    let key = |id: &Option<(TypeId, &str)>| -> Option<(TypeId, Rid)> {
        let (ty, _) = (*id)?;
        Some((ty, rids.next()??))
    };
    let keys: Vec<Option<(TypeId, Rid)>> = ids.iter().map(key).collect();
    let located: Vec<(TypeId, Rid)> = keys.iter().copied().flatten().collect();
    let access = maintenance(Maintenance::Policies);
    let rows = engine.store.read_many(&access, Action::Read, &located);
    let mut rows = match located.is_empty() {
        true => Vec::new(),
        false => stored(rows.await)?,
    }
    .into_iter();
    let mut all = Vec::with_capacity(asked.len());
    for (reference, key) in asked.iter().zip(keys) {
        let found = match key.and_then(|_| rows.next()) {
            Some(Current::Live(row)) => {
                Some(Found::of(reread(&row.body)?.root(), &engine.settings.base))
            }
            _ => None,
        };
        all.push((reference.clone(), found));
    }
    Ok(all)
}

fn identity(reference: &str) -> Option<(TypeId, &str)> {
    let (ty, id) = reference.split_once('/')?;
    Some((r4().resource_type(ty)?, id))
}

impl Found {
    fn of(node: Node<'_>, base: &str) -> Found {
        let named = |name: &str| -> Vec<Ref> {
            let all = node.all(name).filter_map(|named| local(named, base));
            all.collect()
        };
        let part_of = match node.type_name() {
            "Organization" => named("partOf"),
            "PractitionerRole" => named("organization"),
            "HealthcareService" => named("providedBy"),
            "CareTeam" | "Location" => named("managingOrganization"),
            "Group" => named("managingEntity"),
            "Device" => named("owner"),
            _ => Vec::new(),
        };
        let stands_for = match node.type_name() {
            "PractitionerRole" => [named("practitioner"), named("organization")].concat(),
            _ => Vec::new(),
        };
        Found {
            stands_for,
            part_of,
            refers_to: references(node, base),
        }
    }
}

/// All of them in one page, or it says that there are more.
fn roles_of(engine: &Engine, people: &[Ref]) -> Result<Plan> {
    let options = Options {
        strict: true,
        now_us: 0,
        count_default: ROLES_MAX,
        count_max: ROLES_MAX,
        terminology: &Embedded,
    };
    let people: Vec<&str> = people.iter().map(|person| &**person).collect();
    let people = people.join(",");
    let pairs = [("practitioner", people.as_str())];
    let types: Vec<TypeId> = r4().resource_type("PractitionerRole").into_iter().collect();
    let (plan, _) = ward_search::query::parse(&engine.extractor, &types, &pairs, &options)?;
    Ok(Plan {
        sort: vec![SortKey::Id { descending: false }],
        total: Total::None,
        ..plan
    })
}

/// What is known, as consents ask for it.
pub(crate) struct Answers<'a> {
    pub known: &'a Known,
    pub house: House<'a>,
}

impl Lookup for Answers<'_> {
    fn subsumes(&self, ancestor: &Coding, code: &Coding) -> Option<bool> {
        subsumes(&ancestor.system, &ancestor.code, &code.code)
    }

    fn is_there(&self, reference: &str) -> bool {
        self.known.is_there(reference)
    }

    fn refers(&self, from: &str, to: &str) -> Option<bool> {
        self.known.refers(from, to)
    }

    fn belongs(&self, member: &str, organization: &str) -> Option<bool> {
        self.known.belongs(member, organization, self.house)
    }

    fn is_label_within(&self, label: &Coding, wide: &Coding) -> bool {
        self.house.labels.is_label_within(label, wide)
    }
}

/// Code systems whose codes include no others. <https://terminology.hl7.org/>
const FLAT: &[&str] = &[
    "http://hl7.org/fhir/sid/cvx",
    "http://hl7.org/fhir/sid/ndc",
    "http://unitsofmeasure.org",
];
/// Here a code includes those that it begins; blocks (`B20-B24`) are not known.
const BY_PREFIX: &[&str] = &[
    "http://hl7.org/fhir/sid/icd-10",
    "http://hl7.org/fhir/sid/icd-10-cm",
    "http://hl7.org/fhir/sid/icd-10-de",
    "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
    "http://fhir.de/CodeSystem/dimdi/icd-10-gm",
];
const LOINC: &str = "http://loinc.org";

/// Whether one code of a system includes another. `None`: nothing here says so (R5).
fn subsumes(system: &str, ancestor: &str, code: &str) -> Option<bool> {
    if FLAT.contains(&system) {
        return Some(false);
    }
    if system == LOINC {
        // Parts and groups stand above codes; which, LOINC says elsewhere.
        let is_code = !ancestor.starts_with('L');
        return is_code.then_some(false);
    }
    if BY_PREFIX.contains(&system) {
        return (!ancestor.contains('-')).then(|| code.starts_with(ancestor));
    }
    let above = Embedded.ancestors(system, code).ok()?;
    Some(above.iter().any(|above| above == ancestor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_includes_another_where_its_system_says_so() {
        let icd = "http://hl7.org/fhir/sid/icd-10-cm";
        assert_eq!(subsumes(icd, "B20", "B20.1"), Some(true));
        assert_eq!(subsumes(icd, "B20", "C20.1"), Some(false));
        assert_eq!(subsumes(icd, "B20-B24", "B20"), None);
        assert_eq!(subsumes(LOINC, "20447-9", "2345-7"), Some(false));
        assert_eq!(subsumes(LOINC, "LP7789-9", "2345-7"), None);
        assert_eq!(subsumes("http://snomed.info/sct", "1", "2"), None);
        let act = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
        assert_eq!(subsumes(act, "_ActEncounterCode", "AMB"), Some(true));
        assert_eq!(subsumes(act, "IMP", "AMB"), Some(false));
    }
}
