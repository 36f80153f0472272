//! What the store says of the people in a stream, kept for a while: [`ward_detection::Facts`].

use super::accesses::is_clinical;
use super::read::{self, Reader, TIES};
use crate::document::reread;
use crate::engine::{Engine, stored};
use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hasher};
use ward_access::{Action, Maintenance, Rota, maintenance};
use ward_detection::{
    Access, Duty, Explanation, Facts, Key, Kin, Kind, Labels, Patient, Person, Point, Stay, Tie,
};
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Document, TypeId};
use ward_search::plan::{Plan, SortKey, Total};
use ward_search::query::Options;
use ward_search::terminology::Embedded;
use ward_storage::{Current, Rid, Row};

/// What was read holds so long; work that is recorded meanwhile explains from then on.
const KEPT_S: i64 = 30;
const PEOPLE_MAX: usize = 5_000;
const PATIENTS_MAX: usize = 5_000;
/// Names of users, clients and addresses.
const NAMES_MAX: usize = 50_000;
/// Surnames whose frequency is counted.
const SURNAMES_MAX: usize = 50_000;
/// Resources of a type and of all patients of a batch that are looked at for ties.
const TIES_MAX: u32 = 4_000;
/// Patients or people in one statement.
const AT_ONCE: usize = 100;

#[derive(Default)]
pub(super) struct Known {
    names: HashMap<Key, String>,
    people: HashMap<Key, KnownPerson>,
    patients: HashMap<i64, KnownPatient>,
    /// By name and birth date: users, and rows of patients.
    staff_by_identity: HashMap<Key, Key>,
    patients_by_identity: HashMap<Key, i64>,
    surnames: HashMap<Key, u32>,
    surnames_all: u32,
    labels: HashMap<(u16, Rid), Labels>,
    zone: Option<crate::duty::WallClock>,
}

struct KnownPerson {
    read_s: i64,
    person: Person,
    identity: Key,
    /// Their PractitionerRoles.
    roles: Vec<Key>,
    rota: Option<Rota>,
}

struct KnownPatient {
    read_s: i64,
    patient: Patient,
    identity: Key,
    id: String,
    ties: HashMap<Key, Vec<Tie>>,
    stays: Vec<Stay>,
    /// Relatives and contacts, by name and birth date.
    related: Vec<Key>,
}

/// Stands for a text; 0: for none.
pub(super) fn key(text: &str) -> Key {
    if text.is_empty() {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish().max(1)
}

impl Known {
    /// The same, and it can be asked for again.
    pub fn name(&mut self, text: &str) -> Key {
        let name = key(text);
        if name != 0 && !self.names.contains_key(&name) {
            if self.names.len() >= NAMES_MAX {
                self.names.clear();
            }
            self.names.insert(name, text.to_owned());
        }
        name
    }

    pub fn named(&self, name: Key) -> Option<&str> {
        self.names.get(&name).map(String::as_str)
    }

    /// Logical id.
    pub fn patient_id(&self, patient: i64) -> Option<&str> {
        self.patients.get(&patient).map(|known| known.id.as_str())
    }

    /// Reads what is not known of those who are in the accesses.
    pub async fn load(&mut self, engine: &Engine, accesses: &[Access]) -> Result<()> {
        let now_s = engine.now_us().div_euclid(1_000_000);
        self.zone
            .get_or_insert_with(|| engine.settings.duty.clock.clone());
        self.forget(now_s);
        let users: BTreeSet<Key> = accesses.iter().map(|access| access.user).collect();
        let users: Vec<(Key, String)> = users
            .into_iter()
            .filter(|user| *user != 0 && !self.people.contains_key(user))
            .filter_map(|user| Some((user, self.named(user)?.to_owned())))
            .collect();
        for users in users.chunks(AT_ONCE) {
            self.load_people(engine, users, now_s).await?;
        }
        // What services and patients do is not explained by work.
        let named = accesses.iter().filter(|access| access.patient != 0);
        let patients: BTreeSet<i64> = named
            .filter(|access| !access.is_listed && self.is_staff(access.user))
            .map(|access| access.patient)
            .collect();
        let patients: Vec<i64> = patients
            .into_iter()
            .filter(|patient| !self.patients.contains_key(patient))
            .collect();
        for patients in patients.chunks(AT_ONCE) {
            self.load_patients(engine, patients, now_s).await?;
        }
        Ok(())
    }

    /// Of those whose accesses are loaded.
    pub fn is_staff(&self, user: Key) -> bool {
        let known = self.people.get(&user);
        known.is_some_and(|known| known.person.kind == Kind::Staff)
    }

    fn forget(&mut self, now_s: i64) {
        let is_young = |read_s: i64| now_s - read_s < KEPT_S;
        self.people.retain(|_, known| is_young(known.read_s));
        self.patients.retain(|_, known| is_young(known.read_s));
        if self.people.len() >= PEOPLE_MAX {
            self.people.clear();
        }
        if self.patients.len() >= PATIENTS_MAX {
            self.patients.clear();
        }
        if self.staff_by_identity.len() > NAMES_MAX {
            self.staff_by_identity.clear();
        }
        if self.patients_by_identity.len() > NAMES_MAX {
            self.patients_by_identity.clear();
        }
        if self.surnames.len() > SURNAMES_MAX {
            self.surnames.clear();
            self.surnames_all = 0;
        }
        self.labels.clear();
    }

    /// Statements: three.
    async fn load_people(
        &mut self,
        engine: &Engine,
        users: &[(Key, String)],
        now_s: i64,
    ) -> Result<()> {
        let reader = reader(engine);
        let practitioners: Vec<&str> = users
            .iter()
            .map(|(_, user)| user.as_str())
            .filter(|user| user.starts_with("Practitioner/"))
            .collect();
        let ids: Vec<&str> = practitioners
            .iter()
            .filter_map(|user| user.strip_prefix("Practitioner/"))
            .collect();
        let people = found(engine, "Practitioner", "_id", &ids).await?;
        let roles = found(engine, "PractitionerRole", "practitioner", &practitioners).await?;
        let mut documents: HashMap<Key, Document> = HashMap::new();
        for (row, document) in people {
            documents.insert(key(&format!("Practitioner/{}", row.id)), document);
        }
        let mut roles_of: HashMap<Key, Vec<(Key, Document)>> = HashMap::new();
        for (row, document) in roles {
            if let Some(whose) = reader.reference(document.root().get("practitioner")) {
                let role = key(&format!("PractitionerRole/{}", row.id));
                roles_of
                    .entry(key(&whose))
                    .or_default()
                    .push((role, document));
            }
        }
        for (user, text) in users {
            let roles = roles_of.remove(user).unwrap_or_default();
            let known = person(engine, text, documents.get(user), &roles, now_s);
            if known.identity != 0 {
                self.staff_by_identity.insert(known.identity, *user);
            }
            self.people.insert(*user, known);
        }
        Ok(())
    }

    /// Statements: two, and one for each type of ties.
    async fn load_patients(&mut self, engine: &Engine, rids: &[i64], now_s: i64) -> Result<()> {
        let access = maintenance(Maintenance::Detection);
        let ty = type_of("Patient");
        let keys: Vec<(TypeId, Rid)> = rids.iter().map(|rid| (ty, *rid)).collect();
        let current = stored(engine.store.read_many(&access, Action::Read, &keys).await)?;
        let mut ids = Vec::new();
        for (rid, current) in rids.iter().zip(current) {
            let mut known = KnownPatient {
                read_s: now_s,
                patient: UNKNOWN,
                identity: 0,
                id: String::new(),
                ties: HashMap::new(),
                stays: Vec::new(),
                related: Vec::new(),
            };
            if let Current::Live(row) = current {
                known.read(&reader(engine), &row)?;
                ids.push((format!("Patient/{}", row.id), *rid));
                self.count(&known, *rid);
            }
            self.patients.insert(*rid, known);
        }
        self.load_ties(engine, &ids).await?;
        self.load_tasks(engine, &ids).await
    }

    /// One statement: they lie in no compartment.
    async fn load_tasks(&mut self, engine: &Engine, ids: &[(String, i64)]) -> Result<()> {
        let names: Vec<&str> = ids.iter().map(|(id, _)| id.as_str()).collect();
        let rids: HashMap<&str, i64> = ids.iter().map(|(id, rid)| (id.as_str(), *rid)).collect();
        let reader = reader(engine);
        for (row, document) in found(engine, "Task", "patient", &names).await? {
            let whose = reader.reference(document.root().get("for"));
            let rid = whose.and_then(|whose| rids.get(whose.as_str()));
            if let Some(known) = rid.and_then(|rid| self.patients.get_mut(rid)) {
                known.add(&reader, &row, &document, Explanation::Task);
            }
        }
        Ok(())
    }

    /// How common a name is, is learnt from the patients who are looked at.
    fn count(&mut self, known: &KnownPatient, rid: i64) {
        if known.identity != 0 {
            self.patients_by_identity.insert(known.identity, rid);
        }
        if known.patient.surname != 0 {
            *self.surnames.entry(known.patient.surname).or_default() += 1;
            self.surnames_all += 1;
        }
    }

    /// One statement for each type by which people are tied to patients.
    async fn load_ties(&mut self, engine: &Engine, ids: &[(String, i64)]) -> Result<()> {
        let names: Vec<&str> = ids.iter().map(|(id, _)| id.as_str()).collect();
        for (ty, by) in TIES {
            for (row, document) in found(engine, ty, "patient", &names).await? {
                if let Some(known) = self.patients.get_mut(&row.patient) {
                    known.add(&reader(engine), &row, &document, by);
                }
            }
        }
        for (row, document) in found(engine, RELATED, "patient", &names).await? {
            if let Some(known) = self.patients.get_mut(&row.patient) {
                known.related.push(read::identity(document.root()));
            }
        }
        self.load_holds(engine, &names).await
    }

    /// Since when a record is under a complaint or litigation hold: an active Flag says so. One statement.
    async fn load_holds(&mut self, engine: &Engine, names: &[&str]) -> Result<()> {
        for (row, document) in found(engine, "Flag", "patient", names).await? {
            let flag = document.root();
            if flag.text("status") != Some("active") || !read::is_hold(flag) {
                continue;
            }
            let (from_s, _) = reader(engine).span_s(flag, row.updated_us.div_euclid(1_000_000));
            if let Some(known) = self.patients.get_mut(&row.patient) {
                let since = known.patient.held_s.map_or(from_s, |held| held.min(from_s));
                known.patient.held_s = Some(since);
            }
        }
        Ok(())
    }

    /// What the resources that were read one by one are marked with. One statement.
    pub async fn load_labels(&mut self, engine: &Engine, keys: &[(u16, Rid)]) -> Result<()> {
        let clinical: Vec<(TypeId, Rid)> = keys
            .iter()
            .filter(|(ty, _)| is_clinical(*ty))
            .map(|(ty, rid)| (TypeId(*ty), *rid))
            .collect();
        if clinical.is_empty() {
            return Ok(());
        }
        let access = maintenance(Maintenance::Detection);
        let rows = stored(
            engine
                .store
                .read_many(&access, Action::Read, &clinical)
                .await,
        )?;
        for ((ty, rid), current) in clinical.iter().zip(rows) {
            if let Current::Live(row) = current {
                let labels = read::labels(reread(&row.body)?.root());
                self.labels.insert((ty.0, *rid), labels);
            }
        }
        Ok(())
    }

    pub fn labels_of(&self, ty: u16, rid: Rid) -> Labels {
        self.labels.get(&(ty, rid)).copied().unwrap_or_default()
    }
}

impl KnownPatient {
    fn read(&mut self, reader: &Reader<'_>, row: &Row) -> Result<()> {
        let document = reread(&row.body)?;
        let root = document.root();
        let labels = read::labels(root);
        self.id = row.id.to_string();
        self.identity = read::identity(root);
        let deceased = root.get("deceased").and_then(ward_fhir::Node::value);
        self.patient = Patient {
            surname: read::surname(root),
            home: read::home(root),
            deceased_s: match deceased {
                Some("false") | None => None,
                Some("true") => Some(i64::MIN),
                Some(text) => read::at_s(text),
            },
            is_vip: labels.has(Labels::CELEBRITY),
            staff: u64::from(labels.has(Labels::EMPLOYEE)),
            ..UNKNOWN
        };
        for doctor in root.all("generalPractitioner") {
            if let Some(reference) = reader.reference(Some(doctor)) {
                let tie = Tie {
                    by: Explanation::Panel,
                    from_s: i64::MIN,
                    until_s: i64::MAX,
                    known_s: i64::MIN,
                };
                self.ties.entry(key(&reference)).or_default().push(tie);
            }
        }
        Ok(())
    }

    fn add(&mut self, reader: &Reader<'_>, row: &Row, document: &Document, by: Explanation) {
        let updated_s = row.updated_us.div_euclid(1_000_000);
        for (person, tie) in reader.ties(document.root(), by, updated_s) {
            self.ties.entry(person).or_default().push(tie);
        }
        if matches!(by, Explanation::Encounter | Explanation::Appointment) {
            self.stays.extend(reader.stays(document.root(), updated_s));
            let (from_s, until_s) = reader.span_s(document.root(), updated_s);
            let end = if until_s == i64::MAX { from_s } else { until_s };
            self.patient.seen_s = self.patient.seen_s.max(Some(end));
        }
    }
}

fn person(
    engine: &Engine,
    user: &str,
    document: Option<&Document>,
    roles: &[(Key, Document)],
    now_s: i64,
) -> KnownPerson {
    let duty = &engine.settings.duty;
    let reader = reader(engine);
    let root = document.map(Document::root);
    let departments = roles
        .iter()
        .find_map(|(_, role)| reader.department(role.root()));
    let nodes = || roles.iter().map(|(_, role)| role.root());
    let codes = nodes().find_map(|role| role.get("code")?.get("coding")?.text("code"));
    KnownPerson {
        read_s: now_s,
        person: Person {
            kind: match user.split_once('/').map(|(ty, _)| ty) {
                Some("Practitioner" | "PractitionerRole") => Kind::Staff,
                Some("Patient" | "RelatedPerson") => Kind::Patient,
                _ => Kind::Service,
            },
            department: departments.unwrap_or(0),
            role: codes.map_or(0, key),
            patient: 0,
            surname: root.map_or(0, read::surname),
            home: root.and_then(read::home),
            used_s: None,
        },
        identity: root.map_or(0, read::identity),
        roles: roles.iter().map(|(role, _)| *role).collect(),
        rota: Some(Rota::read(nodes(), &duty.codes, &duty.clock)).filter(|rota| !rota.is_empty()),
    }
}

/// Whose PractitionerRoles these are (`Practitioner/x`), as far as they have a role by the rota. One statement, none without any.
pub(super) async fn holders(
    engine: &Engine,
    rids: impl Iterator<Item = Rid>,
) -> Result<HashMap<Rid, String>> {
    let ty = type_of("PractitionerRole");
    let rids: BTreeSet<Rid> = rids.collect();
    let keys: Vec<(TypeId, Rid)> = rids.into_iter().map(|rid| (ty, rid)).collect();
    let mut holders = HashMap::new();
    if keys.is_empty() {
        return Ok(holders);
    }
    let (duty, reader) = (&engine.settings.duty, reader(engine));
    let access = maintenance(Maintenance::Detection);
    let rows = stored(engine.store.read_many(&access, Action::Read, &keys).await)?;
    for row in rows {
        let Current::Live(row) = row else { continue };
        let document = reread(&row.body)?;
        let role = document.root();
        let gives = !Rota::read(std::iter::once(role), &duty.codes, &duty.clock).is_empty();
        if let Some(whose) = reader.reference(role.get("practitioner")).filter(|_| gives) {
            holders.insert(row.rid, whose);
        }
    }
    Ok(holders)
}

fn reader(engine: &Engine) -> Reader<'_> {
    Reader {
        base: engine.extractor.base(),
        zone: &engine.settings.duty.clock,
    }
}

fn type_of(name: &str) -> TypeId {
    r4().resource_type(name).unwrap_or(TypeId(0))
}

/// One statement; what is more than [`TIES_MAX`] is left, and said.
async fn found(
    engine: &Engine,
    ty: &str,
    parameter: &str,
    values: &[&str],
) -> Result<Vec<(Row, Document)>> {
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let options = Options {
        strict: true,
        now_us: 0,
        count_default: TIES_MAX,
        count_max: TIES_MAX,
        terminology: &Embedded,
    };
    let values = values.join(",");
    let pairs = [(parameter, values.as_str())];
    let types = [type_of(ty)];
    let (plan, _) = ward_search::query::parse(&engine.extractor, &types, &pairs, &options)?;
    let plan = Plan {
        sort: vec![SortKey::Id { descending: false }],
        total: Total::None,
        ..plan
    };
    let access = maintenance(Maintenance::Detection);
    let page = stored(engine.store.search(&access, &plan).await)?;
    if page.more {
        tracing::warn!(
            ty,
            "more resources tie people to patients than are looked at; some work is not explained"
        );
    }
    let mut found = Vec::with_capacity(page.rows.len());
    for row in page.rows {
        let document = reread(&row.body)?;
        found.push((row, document));
    }
    Ok(found)
}

const RELATED: &str = "RelatedPerson";
const UNKNOWN: Patient = Patient {
    surname: 0,
    surname_share: 1.0,
    home: None,
    deceased_s: None,
    seen_s: None,
    is_vip: false,
    staff: 0,
    held_s: None,
};

impl Facts for Known {
    fn person(&self, user: Key) -> Option<Person> {
        let known = self.people.get(&user)?;
        let own = self.patients_by_identity.get(&known.identity);
        Some(Person {
            patient: own.copied().unwrap_or(0),
            ..known.person
        })
    }

    fn patient(&self, patient: i64) -> Option<Patient> {
        let known = self.patients.get(&patient)?;
        let bears = self.surnames.get(&known.patient.surname);
        let share = match bears {
            Some(bears) => f64::from(*bears) / f64::from(self.surnames_all.max(1)),
            None => 1.0,
        };
        let staff = self.staff_by_identity.get(&known.identity);
        Some(Patient {
            surname_share: share,
            staff: staff.copied().unwrap_or(known.patient.staff),
            ..known.patient
        })
    }

    fn ties(&self, user: Key, patient: i64) -> &[Tie] {
        let Some(known) = self.patients.get(&patient) else {
            return &[];
        };
        let roles = self
            .people
            .get(&user)
            .map_or(&[][..], |person| person.roles.as_slice());
        let mut names = std::iter::once(&user).chain(roles);
        let found = names.find_map(|name| known.ties.get(name));
        found.map_or(&[], Vec::as_slice)
    }

    fn stays(&self, patient: i64) -> &[Stay] {
        self.patients
            .get(&patient)
            .map_or(&[], |known| known.stays.as_slice())
    }

    fn kin(&self, user: Key, patient: i64) -> Option<Kin> {
        let (person, known) = (self.people.get(&user)?, self.patients.get(&patient)?);
        let is_named = person.identity != 0 && known.related.contains(&person.identity);
        is_named.then_some(Kin::Family)
    }

    fn duty(&self, user: Key, from_s: i64, until_s: i64) -> Duty {
        let rota = self
            .people
            .get(&user)
            .and_then(|person| person.rota.as_ref());
        let Some((rota, zone)) = rota.zip(self.zone.as_ref()) else {
            return Duty::Unknown;
        };
        let grace_us = (until_s - from_s).saturating_mul(1_000_000);
        match rota
            .roles_at(until_s.saturating_mul(1_000_000), grace_us, zone)
            .is_empty()
        {
            true => Duty::Off,
            false => Duty::On,
        }
    }

    fn place(&self, _: Key) -> Option<Point> {
        None
    }
}
