//! The history of one patient: visits in order, each with what was found, done, given and billed.
//!
//! How often each type occurs per visit is kept by a [`Ledger`], so that the mix of resource types comes out like
//! Synthea's (Observation 46 %, Claim 12, Encounter and ExplanationOfBenefit 9.7 each, ...) whatever the size.

use crate::bundle::Entry;
use crate::calendar::{Day, Moment};
use crate::codes::illness::{self, ALLERGIES, ILLNESSES, Illness};
use crate::codes::lab::{PANELS, SINGLE, SMOKING, SMOKING_ANSWERS};
use crate::codes::procedure::PROCEDURES;
use crate::codes::vaccine::{DOSE_CENTS, VACCINES};
use crate::codes::visit::{CHECK_UPS, PROBLEMS, Visit};
use crate::person::Person;
use crate::resource::claim::{Line, Source};
use crate::resource::observation::Value;
use crate::resource::{
    Context, allergy_intolerance, care_plan, claim, condition, coverage, diagnostic_report,
    encounter, explanation_of_benefit, goal, immunization, medication_request, observation,
    patient, procedure,
};
use crate::rng::Rng;
use crate::{staff, vitals};

/// Resources that come with one visit on average: the sum of the rates below, and the claims. Thousandths.
const PER_VISIT: i64 = 10_120;
/// Patient and Coverage, and one allergy for every fifth patient. Thousandths.
const PER_PATIENT: i64 = 2_200;
/// Years that a history goes back at most.
const HISTORY_YEARS: i64 = 10;
/// No visit begins later than this before the end of the record, so that none ends after it.
const LAST_VISIT_DAYS: i64 = 5;
/// From taking a sample to the result. Seconds.
const ISSUED_S: i64 = 5_400;

pub fn tell(seed: u64, index: usize, entries: usize) -> Vec<Entry> {
    let mut rng = Person::rng(seed, index);
    let person = Person::draw(&mut rng, index);
    let wanted = (entries.max(15) as i64) * rng.range(700, 1300);
    let visits = (wanted - PER_PATIENT + rng.range(0, PER_VISIT)) / PER_VISIT;
    let urn = rng.urn();
    let ledger = Ledger::new(&mut rng);
    let insurer = rng.next();
    let mut story = Story {
        rng,
        person,
        urn,
        coverage: String::new(),
        insurer,
        ledger,
        known: Vec::new(),
        entries: Vec::new(),
    };
    story.admit();
    for start in story.calendar(visits.max(1)) {
        story.visit(start);
    }
    story.entries
}

struct Story {
    rng: Rng,
    person: Person,
    urn: String,
    coverage: String,
    insurer: u64,
    ledger: Ledger,
    /// Illnesses so far, with their Condition.
    known: Vec<(&'static Illness, String)>,
    entries: Vec<Entry>,
}

/// What one visit needs to know of itself.
struct Occasion {
    urn: String,
    practitioner: String,
    organization: String,
    start: Moment,
    end: Moment,
    lines: Vec<Line>,
}

impl Story {
    fn admit(&mut self) {
        let provider = staff::practitioner_reference(self.rng.next());
        let document = patient::write(&mut self.rng, None, &self.person, Some(&provider), false);
        self.entries.push(Entry {
            urn: self.urn.clone(),
            kind: "Patient",
            document,
        });
        let (reference, name) = self.payer();
        let since = Day((self.person.last_day().0 - HISTORY_YEARS * 366).max(self.person.birth.0));
        let member = self.rng.range(1, 999_999_999);
        let document = coverage::write(None, &self.urn, (&reference, name), member, since);
        self.coverage = self.push("Coverage", document);
        if self.rng.chance(20) {
            let (code, category) = self.rng.pick(ALLERGIES);
            let document =
                allergy_intolerance::write(None, &self.urn, code, category, since.at(36_000));
            self.push("AllergyIntolerance", document);
        }
    }

    /// Starts of the visits, in order, spread over the last years of the record; in office hours.
    fn calendar(&mut self, visits: i64) -> Vec<Moment> {
        let last = self.person.last_day().0 - LAST_VISIT_DAYS;
        let first = (last - HISTORY_YEARS * 365).max(self.person.birth.0);
        let mut days: Vec<i64> = (0..visits).map(|_| self.rng.range(first, last)).collect();
        days.sort_unstable();
        days.iter()
            .map(|day| Day(*day).at(self.rng.range(8 * 3600, 17 * 3600)))
            .collect()
    }

    fn visit(&mut self, start: Moment) {
        self.ledger.next_visit();
        let illness = self
            .ledger
            .condition
            .due()
            .then(|| self.fall_ill(start.day()));
        let visit = self.kind_of_visit(illness.is_some());
        let end = start.plus_minutes(visit.minutes);
        let n = self.rng.next();
        let mut occasion = Occasion {
            urn: self.rng.urn(),
            practitioner: staff::practitioner_reference(n),
            organization: staff::organization_reference(n),
            start,
            end,
            lines: vec![Line {
                code: visit.code,
                cents: Some(visit.cents),
                source: Source::Visit,
            }],
        };
        self.encounter(&occasion, visit, illness);
        if let Some(illness) = illness {
            self.diagnose(&mut occasion, illness);
        }
        self.treat(&occasion);
        self.plan(&occasion);
        self.act(&mut occasion);
        self.measure(&occasion);
        self.bill(&occasion);
    }

    /// An illness that fits the age; the first patient has two known ones.
    fn fall_ill(&mut self, day: Day) -> &'static Illness {
        if self.person.number == 1 && self.known.len() < 2 {
            return &ILLNESSES[[illness::HYPERTENSION, illness::DIABETES][self.known.len()]];
        }
        let age = self.person.birth.years_to(day);
        let fits = |i: &&'static Illness| {
            i.from_age <= age
                && (i.days.is_some() || self.known.iter().all(|(k, _)| k.code != i.code))
        };
        let candidates: Vec<&'static Illness> = ILLNESSES.iter().filter(fits).collect();
        match candidates.is_empty() {
            true => &ILLNESSES[9],
            false => self.rng.choose(&candidates),
        }
    }

    fn kind_of_visit(&mut self, ill: bool) -> &'static Visit {
        if !ill {
            return self.rng.pick(CHECK_UPS);
        }
        // Every twentieth visit with an illness is an admission.
        if self.rng.chance(5) {
            &PROBLEMS[PROBLEMS.len() - 1]
        } else {
            self.rng.pick(&PROBLEMS[..PROBLEMS.len() - 1])
        }
    }

    fn encounter(&mut self, occasion: &Occasion, visit: &Visit, illness: Option<&Illness>) {
        let facts = encounter::Facts {
            visit,
            start: occasion.start,
            end: occasion.end,
            reason: illness.map(|i| &i.code),
            location: &staff::location_reference(self.rng.next()),
            organization: &occasion.organization,
            in_progress: false,
        };
        let document = encounter::write(None, self.context(occasion), &facts);
        self.entries.push(Entry {
            urn: occasion.urn.clone(),
            kind: "Encounter",
            document,
        });
    }

    fn diagnose(&mut self, occasion: &mut Occasion, illness: &'static Illness) {
        let end = illness
            .days
            .map(|d| occasion.start.plus_days(d))
            .filter(|m| m.day() <= self.person.last_day());
        let document = condition::write(
            None,
            self.context(occasion),
            &illness.code,
            occasion.start,
            end,
        );
        let urn = self.push("Condition", document);
        occasion.lines.push(Line {
            code: illness.code,
            cents: None,
            source: Source::Diagnosis(urn.clone()),
        });
        self.known.push((illness, urn));
    }

    /// MedicationRequests, each with the pharmacy's Claim.
    fn treat(&mut self, occasion: &Occasion) {
        while self.ledger.medication.due() {
            let (illness, reason) = match self.known.last() {
                Some((illness, urn)) => (*illness, Some(urn.clone())),
                None => (&ILLNESSES[9], None),
            };
            let active = illness.days.is_none();
            let at = occasion.start;
            let document = medication_request::write(
                None,
                self.context(occasion),
                &illness.medicine,
                at,
                active,
                reason.as_deref(),
            );
            let prescription = self.push("MedicationRequest", document);
            let line = Line {
                code: occasion.lines[0].code,
                cents: Some(self.rng.range(900, 26_000)),
                source: Source::Visit,
            };
            self.claim(occasion, &[line], Some(&prescription));
        }
    }

    /// Goals and CarePlans for the last illness known.
    fn plan(&mut self, occasion: &Occasion) {
        let Some((illness, condition)) = self.known.last().cloned() else {
            return;
        };
        let goal = self.ledger.goal.due().then(|| {
            let document = goal::write(None, &self.urn, illness.goal, occasion.start, &condition);
            self.push("Goal", document)
        });
        if self.ledger.care_plan.due() {
            let end = illness
                .days
                .map(|d| occasion.start.plus_days(d))
                .filter(|m| m.day() <= self.person.last_day());
            let facts = care_plan::Facts {
                illness,
                condition: &condition,
                goal: goal.as_deref(),
                start: occasion.start,
                end,
            };
            let document = care_plan::write(None, self.context(occasion), &facts);
            self.push("CarePlan", document);
        }
    }

    /// Procedures and Immunizations.
    fn act(&mut self, occasion: &mut Occasion) {
        while self.ledger.procedure.due() {
            let done = self.rng.pick(PROCEDURES);
            let reason = self
                .known
                .last()
                .filter(|_| self.rng.chance(60))
                .map(|(i, urn)| (urn.as_str(), &i.code));
            let document =
                procedure::write(None, self.context(occasion), done, occasion.start, reason);
            let urn = self.push("Procedure", document);
            occasion.lines.push(Line {
                code: done.code,
                cents: Some(done.cents),
                source: Source::Procedure(urn),
            });
        }
        while self.ledger.immunization.due() {
            let vaccine = self.rng.pick(VACCINES);
            let document =
                immunization::write(None, self.context(occasion), vaccine, occasion.start);
            let urn = self.push("Immunization", document);
            occasion.lines.push(Line {
                code: *vaccine,
                cents: Some(DOSE_CENTS),
                source: Source::Immunization(urn),
            });
        }
    }

    /// Laboratory panels first; what the ledger still owes comes as vital signs or as single tests.
    fn measure(&mut self, occasion: &Occasion) {
        if self.ledger.panel.due() {
            self.panel(occasion);
        }
        let age = self.person.birth.years_to(occasion.start.day());
        if self.ledger.observation.owed() >= 8 {
            for value in vitals::set(&mut self.rng, &self.person, age) {
                self.observe(occasion, value);
            }
        }
        if age >= 14 && self.ledger.observation.owed() >= 1 && self.rng.chance(60) {
            let answer = self.rng.pick(SMOKING_ANSWERS);
            self.observe(occasion, Value::Answer(&SMOKING, answer));
        }
        while self.ledger.observation.owed() >= 1 && self.rng.chance(50) {
            let test = &SINGLE[self.rng.below(if self.person.female { 3 } else { 4 }) as usize];
            let value = vitals::result(&mut self.rng, test);
            self.observe(occasion, value);
        }
    }

    fn panel(&mut self, occasion: &Occasion) {
        let panel = self.rng.pick(PANELS);
        let mut results = Vec::with_capacity(panel.tests.len());
        for test in panel.tests {
            let value = vitals::result(&mut self.rng, test);
            results.push(self.observe(occasion, value));
        }
        let document = diagnostic_report::write(
            None,
            self.context(occasion),
            panel,
            &results,
            occasion.start,
            ISSUED_S,
        );
        self.push("DiagnosticReport", document);
    }

    fn observe(&mut self, occasion: &Occasion, value: Value<'_>) -> String {
        self.ledger.observation.pay();
        let issued_s = if matches!(value, Value::Result(..)) {
            ISSUED_S
        } else {
            60
        };
        let document = observation::write(
            None,
            self.context(occasion),
            value,
            occasion.start,
            issued_s,
        );
        self.push("Observation", document)
    }

    fn bill(&mut self, occasion: &Occasion) {
        let claim = self.claim(occasion, &occasion.lines, None);
        let facts = explanation_of_benefit::Facts {
            patient: &self.urn,
            practitioner: &occasion.practitioner,
            encounter: &occasion.urn,
            claim: &claim,
            claim_number: claim.trim_start_matches("urn:uuid:"),
            insurer: self.payer().1,
            start: occasion.start,
            end: occasion.end,
            lines: &occasion.lines,
            cancelled: false,
        };
        let document = explanation_of_benefit::write(None, &facts);
        self.push("ExplanationOfBenefit", document);
    }

    fn claim(&mut self, occasion: &Occasion, lines: &[Line], prescription: Option<&str>) -> String {
        let facts = claim::Facts {
            patient: &self.urn,
            organization: &occasion.organization,
            encounter: &occasion.urn,
            insurer: self.payer().1,
            coverage: Some(&self.coverage),
            prescription,
            start: occasion.start,
            end: occasion.end,
            lines,
            cancelled: false,
        };
        let document = claim::write(None, &facts);
        self.push("Claim", document)
    }

    fn payer(&self) -> (String, &'static str) {
        (
            staff::insurer_reference(self.insurer),
            staff::INSURER_NAMES[(self.insurer % staff::INSURERS as u64) as usize],
        )
    }

    fn context<'a>(&'a self, occasion: &'a Occasion) -> Context<'a> {
        Context {
            patient: &self.urn,
            encounter: &occasion.urn,
            practitioner: &occasion.practitioner,
        }
    }

    fn push(&mut self, kind: &'static str, document: String) -> String {
        let urn = self.rng.urn();
        self.entries.push(Entry {
            urn: urn.clone(),
            kind,
            document,
        });
        urn
    }
}

/// How many of each type are owed after each visit.
struct Ledger {
    condition: Account,
    medication: Account,
    procedure: Account,
    immunization: Account,
    panel: Account,
    observation: Account,
    care_plan: Account,
    goal: Account,
}

impl Ledger {
    fn new(rng: &mut Rng) -> Self {
        let mut account = |rate| Account {
            rate,
            owed: rng.range(0, 999),
        };
        Self {
            condition: account(250),
            medication: account(240),
            procedure: account(785),
            immunization: account(380),
            panel: account(345),
            observation: account(4_730),
            care_plan: account(95),
            goal: account(65),
        }
    }

    fn next_visit(&mut self) {
        let Self {
            condition,
            medication,
            procedure,
            immunization,
            panel,
            observation,
            care_plan,
            goal,
        } = self;
        for account in [
            condition,
            medication,
            procedure,
            immunization,
            panel,
            observation,
            care_plan,
            goal,
        ] {
            account.owed += account.rate;
        }
    }
}

/// One type's account, in thousandths; begins at a random part of one, so that the mean over patients is exact.
struct Account {
    rate: i64,
    owed: i64,
}

impl Account {
    /// True as long as one is owed, and takes it off.
    fn due(&mut self) -> bool {
        let due = self.owed >= 1000;
        if due {
            self.owed -= 1000;
        }
        due
    }

    fn owed(&self) -> i64 {
        self.owed / 1000
    }

    /// Takes one off that may not be owed yet.
    fn pay(&mut self) {
        self.owed -= 1000;
    }
}
