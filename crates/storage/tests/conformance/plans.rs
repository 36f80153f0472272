//! The statements of each class of search, and what the database makes of them, as files that can be read in review.
//!
//! `plans/sqlite.txt` and `plans/postgres.txt`; `WARD_BLESS=1` writes them anew. Steps are nodes and indexes, without
//! conditions and costs. The rows are many enough, and analysed, for the plans that a large store gets.

use crate::place::*;
use std::fmt::Write as _;
use std::sync::Arc;
use ward_access::{Access, Action, Mask};
use ward_fhir::TypeId;
use ward_fhir::schema::r4;
use ward_fhir::tree::{Document, Limits, Node};
use ward_search::check::split;
use ward_search::extract::Extractor;
use ward_search::plan::{Filter, Plan};
use ward_search::query::{Include, Options, parse};
use ward_search::registry::Registry;
use ward_search::terminology::Embedded;
use ward_storage::{Explanation, Rid, Store, Write};

/// What is asked, and the question. `{patient}` and `{encounter}` stand for ids, `{absent}` for a list of ids that nothing has.
pub const CLASSES: &[(&str, &str)] = &[
    ("everything of a type", "Observation"),
    (
        "patient and category, sorted by date",
        "Observation?patient={patient}&category=laboratory&_sort=-date",
    ),
    (
        "patient and code",
        "Observation?patient={patient}&code=http://loinc.org|8480-6",
    ),
    ("patient", "Observation?patient={patient}"),
    ("broad token", "Observation?code=http://loinc.org|8480-6"),
    (
        "broad token, sorted by date",
        "Observation?code=http://loinc.org|8480-6&_sort=-date",
    ),
    ("rare token", "Observation?code=http://loinc.org|rare"),
    ("token without system", "Observation?code=8480-6"),
    (
        "two tokens and a category",
        "Observation?code=http://loinc.org|8480-6,http://loinc.org|2339-0&category=laboratory",
    ),
    (
        "not a token",
        "Observation?code:not=http://loinc.org|8480-6",
    ),
    ("text of a token", "Observation?code:text=glu"),
    ("date", "Observation?date=ge2024-06-01"),
    (
        "one of several dates",
        "Observation?date=2024-06-01,2024-06-03",
    ),
    (
        "code and date",
        "Observation?code=http://loinc.org|2339-0&date=ge2024-06-01&date=lt2024-07-01",
    ),
    ("reference", "Observation?encounter={encounter}"),
    (
        "sixty references to what is not there",
        "Observation?encounter={absent}",
    ),
    (
        "quantity",
        "Observation?value-quantity=gt139|http://unitsofmeasure.org|mm[Hg]",
    ),
    (
        "code and quantity",
        "Observation?code=http://loinc.org|2339-0&value-quantity=gt139",
    ),
    (
        "composite",
        "Observation?code-value-quantity=http://loinc.org|2339-0$gt139",
    ),
    (
        "composite of a component",
        "Observation?component-code-value-quantity=http://loinc.org|8462-4$gt89",
    ),
    ("string prefix", "Patient?name=smi"),
    ("exact string", "Patient?family:exact=Smith7"),
    ("part of a string", "Patient?name:contains=ith"),
    ("sorted by a string", "Patient?gender=female&_sort=family"),
    ("broad word", "Patient?_content=female"),
    ("rare word", "Patient?_content=smith7"),
    ("beginning of several words", "Patient?_content=smi"),
    ("two words", "Patient?_content=female smi"),
    ("count of a word", "Patient?_content=female&_summary=count"),
    ("words side by side", "Patient?_content=\"female smith7\""),
    (
        "chain to a word of the patient",
        "Observation?code=http://loinc.org|8480-6&patient._content=smith7",
    ),
    ("date of birth", "Patient?birthdate=lt1950"),
    (
        "chain to the patient",
        "Observation?code=http://loinc.org|8480-6&patient.name=smith7",
    ),
    (
        "chain to the patient, of a code",
        "Observation?code=http://loinc.org|2339-0&patient.name=smith7",
    ),
    (
        "chain to identifiers that nobody has",
        "Observation?patient.identifier=absent-1,absent-2",
    ),
    (
        "chain to another",
        "Observation?performer:Practitioner.name=smith3",
    ),
    (
        "chain of two hops",
        "Observation?encounter.service-provider.name=ward",
    ),
    (
        "reverse chain, rare",
        "Patient?_has:Observation:patient:code=http://loinc.org|rare",
    ),
    (
        "reverse chain, broad",
        "Patient?gender=female&_has:Observation:patient:code=http://loinc.org|8480-6",
    ),
    (
        "reverse chain to another",
        "Practitioner?_has:Observation:performer:code=http://loinc.org|rare",
    ),
    ("ids", "Observation?_id={encounter},{patient}"),
    (
        "last updated",
        "Observation?_lastUpdated=gt2023-11-14&_sort=-_lastUpdated",
    ),
    (
        "count of a token",
        "Observation?code=http://loinc.org|8480-6&_summary=count",
    ),
    (
        "count of two criteria",
        "Observation?code=http://loinc.org|8480-6&date=ge2024-06-01&_summary=count",
    ),
    ("uri", "Observation?_source=http://example.org/feed"),
    ("number", "RiskAssessment?probability=gt0.8"),
    (
        "beginning of a uri",
        "Observation?_source:below=http://example.org/",
    ),
    ("tag", "Observation?_tag=http://example.org/tags|new"),
    (
        "type of an identifier",
        "Patient?identifier:of-type=http://example.org/types|MR|12",
    ),
    (
        "identifier of a reference",
        "Observation?subject:identifier=http://example.org/mrn|12",
    ),
    ("position", "Location?near=48.2|16.4|10|km"),
    (
        "sorted by a token",
        "Observation?patient={patient}&_sort=code",
    ),
    ("missing", "Observation?encounter:missing=true"),
    ("not missing", "Observation?value-concept:missing=false"),
    (
        "value set",
        "Patient?gender:in=http://hl7.org/fhir/ValueSet/administrative-gender",
    ),
    (
        "below a code",
        "Encounter?class:below=http://terminology.hl7.org/CodeSystem/v3-ActCode|_ActEncounterCode",
    ),
    (
        "reverse chain within a reverse chain",
        "Patient?_has:Encounter:patient:_has:Observation:encounter:code=http://loinc.org|rare",
    ),
    (
        "reverse chain to a chain",
        "Patient?_has:Observation:patient:performer:Practitioner.name=smith3",
    ),
    ("sorted by two keys", "Patient?_sort=gender,-birthdate"),
    (
        "filter of and, or and not",
        "Patient?_filter=(gender eq female or birthdate lt 1950) and not (family sw smi)",
    ),
    (
        "several types",
        "?_type=Observation,Encounter&_lastUpdated=gt2023-11-14",
    ),
    (
        "several types, sorted by date",
        "?_type=Observation,Encounter&_sort=-date",
    ),
    (
        "several types of a patient, sorted by date",
        "?_type=Observation,Encounter&patient={patient}&_sort=-date",
    ),
    (
        "several types, sorted by a string",
        "?_type=Patient,Practitioner&_sort=name",
    ),
];

const PATIENTS: usize = 150;
const OBSERVATIONS_EACH: usize = 32;

pub struct World {
    pub patients: Vec<Rid>,
    pub encounters: Vec<Rid>,
    practitioners: Vec<Rid>,
    /// As they were committed.
    pub rows: Vec<Write>,
}

pub struct Maker<'a> {
    pub store: &'a Store,
    pub extractor: Extractor,
}

impl Maker<'_> {
    pub fn new(store: &Store) -> Maker<'_> {
        let registry = Registry::with(&Arc::new(Registry::new(r4())), Vec::new());
        let registry = Arc::new(registry.with_words(vec![ty("Patient")]));
        Maker {
            store,
            extractor: Extractor::new(registry, store.term_key().clone(), None),
        }
    }

    pub fn make(&self, name: &str, rid: Rid, home: Rid, json: &str) -> Write {
        let document = ward_fhir::json::read(json.as_bytes(), None, &Limits::default()).unwrap();
        Write {
            entries: self.extractor.extract(document.root(), &|_| None),
            ..create(ty(name), rid, home, json)
        }
    }

    pub fn id(&self, rid: Rid) -> String {
        self.store.public_id(rid)
    }

    /// As much of a patient as others refer to it by.
    pub fn patient(&self, rid: Rid) -> Document {
        let json = format!(r#"{{"resourceType":"Patient","id":"{}"}}"#, self.id(rid));
        ward_fhir::json::read(json.as_bytes(), None, &Limits::default()).unwrap()
    }

    /// Charts of so many patients, each row with a visibility of its own.
    pub async fn populate(&self, patients: usize, visibility: &mut dyn FnMut() -> i32) -> World {
        let mut rows = Vec::new();
        let place = self.store.allocate(None);
        let text = r#"{"resourceType":"Organization","name":"Ward"}"#;
        rows.push(self.make("Organization", place, 0, text));
        for at in 0..40 {
            let text = format!(
                r#"{{"resourceType":"Location","position":{{"latitude":{}.5,"longitude":16.4}}}}"#,
                at + 20
            );
            let rid = self.store.allocate(None);
            rows.push(self.make("Location", rid, 0, &text));
        }
        let mut world = World {
            patients: Vec::new(),
            encounters: Vec::new(),
            practitioners: Vec::new(),
            rows: Vec::new(),
        };
        for at in 0..8 {
            let rid = self.store.allocate(None);
            let text =
                format!(r#"{{"resourceType":"Practitioner","name":[{{"family":"Smith{at}"}}]}}"#);
            rows.push(self.make("Practitioner", rid, 0, &text));
            world.practitioners.push(rid);
        }
        for at in 0..patients {
            let patient = self.store.allocate(None);
            let (gender, year) = (["female", "male"][at % 2], 1940 + at % 70);
            let text = format!(
                r#"{{"resourceType":"Patient","gender":"{gender}","birthDate":"{year}-05-05","name":[{{"family":"Smith{}"}}]}}"#,
                at % 40
            );
            rows.push(self.make("Patient", patient, patient, &text));
            world.patients.push(patient);
            self.chart(&mut world, &mut rows, at, patient, place);
        }
        rows.iter_mut()
            .for_each(|row| row.visibility = visibility());
        for some in rows.chunks(400) {
            self.store.commit(unit(some.to_vec())).await.unwrap();
        }
        world.rows = rows;
        world
    }

    fn chart(&self, world: &mut World, rows: &mut Vec<Write>, at: usize, patient: Rid, org: Rid) {
        let encounter = self.store.allocate(Some(patient));
        world.encounters.push(encounter);
        let subject = format!(
            r#""subject":{{"reference":"Patient/{}"}}"#,
            self.id(patient)
        );
        let text = format!(
            r#"{{"resourceType":"Encounter","status":"finished","class":{{"code":"AMB"}},{subject},"serviceProvider":{{"reference":"Organization/{}"}}}}"#,
            self.id(org)
        );
        rows.push(self.make("Encounter", encounter, patient, &text));
        let text = format!(
            r#"{{"resourceType":"RiskAssessment","status":"final",{subject},"prediction":[{{"probabilityDecimal":0.{at:02}}}]}}"#
        );
        let risk = self.store.allocate(Some(patient));
        rows.push(self.make("RiskAssessment", risk, patient, &text));
        for number in 0..OBSERVATIONS_EACH {
            let (code, display, category, value) = match number % 16 {
                15 if at.is_multiple_of(10) => ("rare", "rare finding", "laboratory", 50),
                n if n < 9 => ("8480-6", "systolic", "vital-signs", 100 + (at + n) % 50),
                _ => ("2339-0", "glucose", "laboratory", 80 + (at + number) % 70),
            };
            let (month, day) = (1 + (at + number) % 12, 1 + (at * 7 + number) % 28);
            let text = format!(
                r#"{{"resourceType":"Observation","status":"final",{subject},
                "category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"{category}"}}]}}],
                "code":{{"coding":[{{"system":"http://loinc.org","code":"{code}","display":"{display}"}}]}},
                "encounter":{{"reference":"Encounter/{}"}},"performer":[{{"reference":"Practitioner/{}"}}],
                "effectiveDateTime":"2024-{month:02}-{day:02}T08:00:00Z",
                "valueQuantity":{{"value":{value},"unit":"mm[Hg]","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},
                "component":[{{"code":{{"coding":[{{"system":"http://loinc.org","code":"8462-4"}}]}},
                "valueQuantity":{{"value":{},"system":"http://unitsofmeasure.org","code":"mm[Hg]"}}}}]}}"#,
                self.id(encounter),
                self.id(world.practitioners[(at + number) % 8]),
                value - 40
            );
            let rid = self.store.allocate(Some(patient));
            rows.push(self.make("Observation", rid, patient, &text));
        }
    }

    pub fn plan(&self, question: &str) -> Plan {
        let question = question.replace("{absent}", &absent());
        let (name, query) = question.split_once('?').unwrap_or((&question, ""));
        let pairs: Vec<(&str, &str)> = query.split('&').filter_map(|p| p.split_once('=')).collect();
        let types: Vec<_> = r4().resource_type(name).into_iter().collect();
        let options = Options {
            strict: true,
            now_us: 1_700_000_000_000_000,
            count_default: 20,
            count_max: 1_000,
            terminology: &Embedded,
        };
        let mut plan = parse(&self.extractor, &types, &pairs, &options).unwrap().0;
        // What only the resource decides is not the store's.
        plan.filter = split(plan.filter, &self.extractor).unwrap().index;
        plan
    }
}

pub async fn statements_and_steps_are_as_reviewed(place: Place) {
    let store = place.open().await;
    let maker = Maker::new(&store);
    let world = maker.populate(PATIENTS, &mut || 0).await;
    place.analyse().await;
    let patient = world.patients[12];
    let mask = Mask::of(&[0]);
    let callers = [
        ("all", only(&[0])),
        ("an app", app_by(&mask, &store, patient)),
    ];
    let mut text = String::from(
        "Checked by `tests/conformance/plans.rs`; `WARD_BLESS=1` writes it anew. A class of search, the question, the caller,\n\
         the statements that are run (snapshot, counters and bodies included), and each statement with its steps.\n",
    );
    for (class, question) in CLASSES {
        let asked = question
            .replace("{patient}", &maker.id(patient))
            .replace("{encounter}", &maker.id(world.encounters[12]));
        for (caller, access) in &callers {
            let plan = maker.plan(&asked);
            let _ = write!(text, "\n# {class}, for {caller}\n{question}\n");
            told(&mut text, &store, access, &plan).await;
        }
        let plan = maker.plan(&asked);
        a_mask_changes_no_plan(&store, &callers[0].1, &plan, class).await;
    }
    let broad = maker.plan("Observation?code=http://loinc.org|8480-6");
    let first = store.search(&callers[0].1, &broad).await.unwrap();
    let deep = Plan {
        after: first.next,
        ..broad
    };
    text.push_str("\n# further page of a broad token, for all\n");
    told(&mut text, &store, &callers[0].1, &deep).await;
    granular_ones(&mut text, &store, &maker, patient).await;
    includes(&mut text, &store, &world).await;
    reverse_includes(&mut text, &store, &maker, &world).await;
    place.golden("plans", &text);
}

/// More than are merged, and than count as rare.
fn absent() -> String {
    let each: Vec<String> = (0..60).map(|at| format!("absent-{at}")).collect();
    each.join(",")
}

/// What a page refers to, as `_include` and each hop of `:iterate` ask for it: the patients of a page; two types; one row.
async fn includes(text: &mut String, store: &Store, world: &World) {
    let of = |name, rids: &[Rid]| -> Vec<(TypeId, Rid)> {
        rids.iter().map(|rid| (ty(name), *rid)).collect()
    };
    let mut both = of("Patient", &world.patients[..20]);
    both.extend(of("Practitioner", &world.practitioners[..4]));
    for (caller, access) in [("all", all()), ("an app", app(store, world.patients[12]))] {
        for (name, keys) in [
            ("Observation:subject", of("Patient", &world.patients[..20])),
            ("Observation:*", both.clone()),
            ("Encounter:subject", of("Patient", &world.patients[12..13])),
        ] {
            let _ = write!(text, "\n# include, for {caller}\n{name}\n");
            let mut run = 0;
            for _ in 0..2 {
                let before = store.statements();
                let logical: Vec<String> =
                    keys.iter().map(|(_, rid)| store.public_id(*rid)).collect();
                let named: Vec<(TypeId, &str)> = keys
                    .iter()
                    .zip(&logical)
                    .map(|(key, id)| (key.0, id.as_str()))
                    .collect();
                store.locate(&named).await.unwrap();
                store
                    .read_many(&access, Action::Search, &keys)
                    .await
                    .unwrap();
                run = store.statements() - before;
            }
            let _ = writeln!(text, "statements: {run}");
            let explanation = store
                .explain_many(&access, Action::Search, &keys)
                .await
                .unwrap();
            written(text, explanation);
        }
    }
}

/// What refers to the patients of a page, type by type, as `_revinclude` and each hop of `:iterate` ask for it.
async fn reverse_includes(text: &mut String, store: &Store, maker: &Maker<'_>, world: &World) {
    let page = &world.patients[..20];
    let rows: Vec<Document> = page.iter().map(|rid| maker.patient(*rid)).collect();
    let nodes: Vec<Node<'_>> = rows.iter().map(Document::root).collect();
    let mask = Mask::of(&[0]);
    let app = app_by(&mask, store, world.patients[12]);
    for (caller, access) in [("all", only(&[0])), ("an app", app)] {
        for (source, param) in [("Observation", Some("patient")), ("Encounter", None)] {
            let include = Include {
                iterate: false,
                reverse: true,
                source: Some(ty(source)),
                param: param.map(Into::into),
                target: None,
            };
            for (ty, _, terms) in include.referring(&maker.extractor, &nodes) {
                let filter = Filter::AnyTerm(terms);
                let plan = Plan {
                    types: vec![ty],
                    filter,
                    ..maker.plan("Patient?_count=1000")
                };
                let name = param.unwrap_or("*");
                let _ = write!(text, "\n# reverse include, for {caller}\n{source}:{name}\n");
                told(text, store, &access, &plan).await;
            }
        }
    }
}

/// What granular scopes add to the statements.
async fn granular_ones(text: &mut String, store: &Store, maker: &Maker<'_>, patient: Rid) {
    let system = "http://terminology.hl7.org/CodeSystem/observation-category";
    let lab = format!("category={system}|laboratory");
    let vitals = format!("category={system}|vital-signs");
    let (one, both) = (
        format!("system/Observation.rs?{lab}"),
        format!("system/Observation.rs?{lab} system/Observation.rs?{vitals} system/Patient.rs"),
    );
    let app = format!("patient/Observation.rs?{lab} patient/Patient.rs");
    let mixed = format!("patient/Observation.rs user/Observation.rs?{lab}");
    for (caller, scopes, launch) in [
        ("one category", &one, None),
        ("two categories", &both, None),
        ("an app of one category", &app, Some(patient)),
        ("an app, and one category of all", &mixed, Some(patient)),
    ] {
        let access = granular_by(&Mask::of(&[0]), store, scopes, launch);
        for (class, question) in [
            ("everything of a type", "Observation"),
            ("broad token", "Observation?code=http://loinc.org|2339-0"),
            ("count of everything", "Observation?_summary=count"),
            (
                "reverse chain, broad",
                "Patient?gender=female&_has:Observation:patient:code=http://loinc.org|2339-0",
            ),
        ] {
            let plan = maker.plan(question);
            if !access.may(plan.types[0], Action::Search) {
                continue;
            }
            let _ = write!(text, "\n# {class}, for {caller}\n{question}\n");
            told(text, store, &access, &plan).await;
        }
    }
}

/// Of who sees everything no mask is asked, and a mask costs no index.
async fn a_mask_changes_no_plan(store: &Store, masked: &Access, plan: &Plan, class: &str) {
    let masked = store.explain(masked, plan).await.unwrap().statements;
    let open = store.explain(&all(), plan).await.unwrap().statements;
    assert_eq!(open.len(), masked.len(), "{class}");
    for (open, masked) in open.iter().zip(&masked) {
        let asks = |sql: &str| sql.contains("get_bit(") || sql.contains("vis(");
        assert!(
            asks(&masked.sql) && !asks(&open.sql),
            "{class}: {}",
            open.sql
        );
        assert!(
            scans(&masked.steps) <= scans(&open.steps),
            "{class}: {:#?} {:#?}",
            masked.steps,
            open.steps
        );
    }
}

/// Tables that are read whole.
fn scans(steps: &[String]) -> usize {
    let is_scan = |step: &&String| step.contains("Seq Scan on ") || step.contains("SCAN ");
    steps.iter().filter(is_scan).count()
}

async fn told(text: &mut String, store: &Store, access: &Access, plan: &Plan) {
    // Keys and connections are warm after the first.
    let mut run = 0;
    for _ in 0..2 {
        let before = store.statements();
        store.search(access, plan).await.unwrap();
        run = store.statements() - before;
    }
    let _ = writeln!(text, "statements: {run}");
    let explanation = store.explain(access, plan).await.unwrap();
    let purposes = |purpose| {
        let of = explanation
            .statements
            .iter()
            .filter(|s| s.purpose == purpose);
        of.count()
    };
    let types = plan.types.len().max(1);
    assert!(
        purposes("page") <= 2 * types && purposes("total") <= 2 * types,
        "one for a type, and one for memberships: {plan:?}"
    );
    written(text, explanation);
}

fn written(text: &mut String, explanation: Explanation) {
    for statement in explanation.statements {
        let _ = writeln!(text, "{}: {}", statement.purpose, statement.sql);
        for step in statement.steps {
            let _ = writeln!(text, "    {step}");
        }
    }
}
