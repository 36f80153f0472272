//! Who may see what by consents and labels, resource by resource: by the interpreter of `ward_consent`, the reference for every
//! quicker way, of rows and callers that are read from JSON here. No mask, no class, no residual.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use ward_consent::labels::{Clearance, Labels, Masking, RowClass};
use ward_consent::{
    Action, By, Caller, Coding, Consent, Decision, Effect, Kinship, Lookup, Period, Question, Ref,
    Relation, Row, Rules, Span, Specialiser, interpret,
};
use ward_fhir::tree::Limits;
use ward_fhir::{Document, json};
use ward_resources::ConsentSettings;
use ward_testkit::generate::ABSENT;
use ward_testkit::naive::{home, is_in_compartment};

/// What is stored, as far as judging asks for it.
pub struct Judge {
    pub settings: ConsentSettings,
    pub base: String,
    pub now_us: i64,
    /// Of all that is there now.
    current: BTreeMap<String, Value>,
    /// By patient (`Patient/id`).
    consents: BTreeMap<String, Vec<Consent>>,
    /// `Patient/id`
    patients: Vec<String>,
}

/// Who asks, beside what their scopes say.
#[derive(Clone)]
pub struct Asking {
    /// User and client, without what follows from the hospital.
    pub actors: Vec<Ref>,
    /// Whose client it is.
    pub organization: Option<String>,
    pub purposes: Vec<&'static str>,
    pub clearance: Clearance,
    /// The record that is the caller's own (`Patient/id`).
    pub own: Option<String>,
    /// Of a broken glass: until when.
    pub glass_until_us: Option<i64>,
    /// Whose rota says whether they act at all (`Practitioner/id`).
    pub on_rota: Option<String>,
}

impl fmt::Debug for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = self.clearance.labels.len();
        let cleared = format!("{:?} and {labels} labels", self.clearance.level);
        let mut said = f.debug_struct("Asking");
        said.field("actors", &self.actors);
        said.field("organization", &self.organization);
        said.field("purposes", &self.purposes);
        said.field("cleared", &cleared);
        said.field("own", &self.own).finish_non_exhaustive()
    }
}

impl Judge {
    /// `current`: what is stored now.
    pub fn new(
        settings: ConsentSettings,
        base: String,
        now_us: i64,
        current: BTreeMap<String, Value>,
    ) -> Judge {
        let mut consents: BTreeMap<String, Vec<Consent>> = BTreeMap::new();
        for body in current
            .values()
            .filter(|body| body["resourceType"] == "Consent")
        {
            let document = document(body);
            let consent = ward_consent::read(document.root(), &settings.rules, Some(&base));
            let patient = body["patient"]["reference"].as_str().unwrap();
            consents
                .entry(patient.to_owned())
                .or_default()
                .push(consent);
        }
        Judge {
            settings,
            base,
            now_us,
            patients: patients(),
            current,
            consents,
        }
    }

    /// Whether a version with this body, as it is stored, is shown.
    pub fn shows(&self, asking: &Asking, body: &Value) -> bool {
        self.masking(asking, body).is_some()
    }

    /// What labels mask of it; `None`: it is not shown.
    pub fn masking(&self, asking: &Asking, body: &Value) -> Option<Masking> {
        if !self.is_on_duty(asking) {
            return None;
        }
        if body["resourceType"] == "Consent" {
            let is_own = asking.own.as_deref() == body["patient"]["reference"].as_str();
            return is_own.then(Masking::default);
        }
        let document = document(body);
        let labels = Labels::stored(document.root());
        let (rules, class) = (
            &self.settings.labels,
            RowClass::of(&labels, &self.settings.labels),
        );
        let by_clearance = asking.clearance.lacking(&class, rules).masking(rules);
        let own = (body["resourceType"] == "Patient").then(|| path(body));
        let Some(patient) = own.or_else(|| home(body)) else {
            return by_clearance.filter(|_| self.shows_shared(asking, body, &labels, &class));
        };
        let row = self.row(body, &labels, &class);
        if self.is_nobodys(body, &row, &patient) {
            return None;
        }
        let verdict = self.decided(asking, &patient, &row).verdict;
        match (verdict.effect, verdict.by) {
            (Effect::Deny, _) => None,
            (_, By::OwnRecord | By::Consent | By::BreakGlass) => Some(Masking::default()),
            _ => by_clearance,
        }
    }

    fn decided(&self, asking: &Asking, patient: &str, row: &Row) -> Decision {
        let caller = self.caller(asking);
        let relation = self.relation(asking, &caller, row);
        let none = Vec::new();
        interpret(&Question {
            consents: self.consents.get(patient).unwrap_or(&none),
            subjects: &[Ref::from(patient)],
            row,
            caller: &caller,
            relation: &relation,
            now_us: self.now_us,
            rules: &self.settings.rules,
            lookup: self,
        })
    }

    /// What decided, to be read by people.
    pub fn explained(&self, asking: &Asking, body: &Value) -> String {
        let document = document(body);
        let labels = Labels::stored(document.root());
        let class = RowClass::of(&labels, &self.settings.labels);
        let row = self.row(body, &labels, &class);
        let Some(patient) = home(body) else {
            return format!("in nobody's record: {row:?}");
        };
        let decided = self.decided(asking, &patient, &row);
        let is_nobodys = self.is_nobodys(body, &row, &patient);
        let actors = self.caller(asking).actors;
        format!("home {patient}, nobody's {is_nobodys}, {decided:?}\nactors {actors:?}\n{row:?}")
    }

    /// No consent is about it and no default closes it: labels do.
    fn shows_shared(
        &self,
        asking: &Asking,
        body: &Value,
        labels: &Labels,
        class: &RowClass,
    ) -> bool {
        let mut caller = self.caller(asking);
        caller.purposes.insert("TREAT".into());
        let rules = Rules {
            default: ward_consent::Default::PermitTpo,
            ..self.settings.rules.clone()
        };
        let row = self.row(body, labels, class);
        let kinds = if asking.own.is_some() {
            &[Kinship::Own, Kinship::Other][..]
        } else {
            &[Kinship::Other]
        };
        kinds.iter().all(|kind| {
            let relation = Relation {
                kind: *kind,
                ..Relation::default()
            };
            let question = Question {
                consents: &[],
                subjects: &[],
                row: &row,
                caller: &caller,
                relation: &relation,
                now_us: self.now_us,
                rules: &rules,
                lookup: self,
            };
            interpret(&question).verdict.effect == Effect::Permit
        })
    }

    /// A row of several patients is judged by the first where none of them has decided anything about it; else it is nobody's to see.
    fn is_nobodys(&self, body: &Value, row: &Row, home: &str) -> bool {
        let is_further = |patient: &&String| *patient != home && is_in_compartment(body, patient);
        let mut further = self.patients.iter().filter(is_further).peekable();
        if further.peek().is_none() {
            return false;
        }
        let has_consents = |patient: &String| {
            let consents = self.consents.get(patient);
            consents.is_some_and(|all| all.iter().any(|consent| consent.is_active))
        };
        further.any(has_consents) || !self.says_nothing(home, row)
    }

    /// Whether no consent of the patient bears on the row, whoever asks.
    fn says_nothing(&self, patient: &str, row: &Row) -> bool {
        let Some(consents) = self.consents.get(patient) else {
            return true;
        };
        let subjects = [Ref::from(patient)];
        let rules = &self.settings.rules;
        let mut specialiser = Specialiser::new(consents, &subjects, self.now_us, rules, self);
        specialiser.residual(row).is_silent()
    }

    /// Whose roles the rota gives has none where no role of theirs is in force; shifts last as long as these.
    fn is_on_duty(&self, asking: &Asking) -> bool {
        let Some(who) = asking.on_rota.as_deref() else {
            return true;
        };
        let mut roles = self.of_type("PractitionerRole");
        roles.any(|role| role["active"] != false && reference(&role["practitioner"]) == Some(who))
    }

    fn caller(&self, asking: &Asking) -> Caller {
        let mut actors: BTreeSet<Ref> = asking.actors.iter().cloned().collect();
        let mut organizations: Vec<String> = asking.organization.iter().cloned().collect();
        // Who was of another organization is not of ours once that has ended.
        let mut is_ours = organizations.is_empty();
        for role in self.of_type("PractitionerRole") {
            let who = reference(&role["practitioner"]).unwrap_or_default();
            if !actors.contains(who) {
                continue;
            }
            is_ours = false;
            if role["active"] != false {
                actors.insert(path(role).into());
                organizations.extend(reference(&role["organization"]).map(str::to_owned));
            }
        }
        if is_ours {
            organizations.push(self.settings.organization.to_string());
        }
        while let Some(next) = organizations.pop() {
            let above = self.above(&next);
            if actors.insert(next.as_str().into()) {
                organizations.extend(above);
            }
        }
        let glass = asking.glass_until_us.map(|_| &"BTG");
        let purposes = asking.purposes.iter().chain(glass);
        Caller {
            actors,
            purposes: purposes.map(|code| Arc::from(*code)).collect(),
            action: Action::Access,
            is_privacy: false,
        }
    }

    /// Whoever treats in the custodian's name is of the team (R10a). To whom nothing is open but their own record, whatever lies in it is
    /// their own, also where it is at home in another's.
    fn relation(&self, asking: &Asking, caller: &Caller, row: &Row) -> Relation {
        let is_own = asking.own.is_some();
        let custodian = row.custodian.as_ref();
        Relation {
            kind: if is_own { Kinship::Own } else { Kinship::Other },
            treats: custodian.is_some_and(|custodian| caller.actors.contains(custodian)),
            break_glass_until_us: asking.glass_until_us,
            ..Relation::default()
        }
    }

    fn row(&self, body: &Value, labels: &Labels, class: &RowClass) -> Row {
        let is_one = |label: &&Coding| {
            let kind = self.settings.labels.kind(label);
            kind == ward_consent::labels::Kind::Sensitivity
        };
        let profiles = body["meta"]["profile"].as_array().into_iter().flatten();
        Row {
            reference: path(body).into(),
            profiles: profiles.map(|url| url.as_str().unwrap().into()).collect(),
            codes: codes(body),
            confidentiality: labels.level(),
            sensitivities: class.labels.iter().filter(is_one).cloned().collect(),
            authors: self.authors(body),
            date: date(body),
            custodian: self.custodian(body),
            ..Row::default()
        }
    }

    fn authors(&self, body: &Value) -> Option<Vec<Ref>> {
        let names: &[&str] = match body["resourceType"].as_str().unwrap() {
            "Observation" | "DiagnosticReport" | "RiskAssessment" => {
                &["performer", "resultsInterpreter"]
            }
            "Condition" => &["recorder", "asserter"],
            "MedicationRequest" | "ServiceRequest" => &["requester", "performer", "recorder"],
            // They have no place for an author.
            _ => return Some(Vec::new()),
        };
        let mut authors = Vec::new();
        for name in names {
            let all = match &body[*name] {
                Value::Array(all) => all.clone(),
                Value::Null => Vec::new(),
                one => vec![one.clone()],
            };
            for one in &all {
                authors.push(Ref::from(self.local(one)?));
            }
        }
        (!authors.is_empty()).then_some(authors)
    }

    /// Of whom is named, but not here, nobody can tell who that is.
    fn custodian(&self, body: &Value) -> Option<Ref> {
        let ours = Ref::from(&*self.settings.organization);
        let names = ["serviceProvider", "managingOrganization", "custodian"];
        let said = names.iter().map(|name| &body[*name]);
        let leads = |said: &&Value| said["reference"].is_string() || said["identifier"].is_object();
        let said: Vec<&Value> = said.filter(leads).collect();
        if said.is_empty() {
            return Some(ours);
        }
        let keeper = said.into_iter().find_map(|one| self.local(one))?;
        let is_ours = keeper == *ours || self.belongs(&keeper, &ours) == Some(true);
        Some(if is_ours { ours } else { keeper.into() })
    }

    /// `Type/id` of a Reference to something of this store.
    fn local(&self, node: &Value) -> Option<String> {
        let text = reference(node)?;
        let text = text
            .strip_prefix(&format!("{}/", self.base))
            .unwrap_or(text);
        let text = text.split("/_history/").next().unwrap();
        let is_local = text.split('/').count() == 2 && !text.starts_with('#');
        is_local.then(|| text.to_owned())
    }

    fn of_type<'a>(&'a self, ty: &'a str) -> impl Iterator<Item = &'a Value> {
        self.current
            .values()
            .filter(move |body| body["resourceType"] == ty)
    }

    /// Organizations at the next level.
    fn above(&self, organization: &str) -> Vec<String> {
        let body = self.current.get(organization);
        body.and_then(|body| self.local(&body["partOf"]))
            .into_iter()
            .collect()
    }
}

impl Lookup for Judge {
    /// Of the systems that random data is of, codes include those that they begin in one, and nobody knows it of the others.
    fn subsumes(&self, ancestor: &Coding, code: &Coding) -> Option<bool> {
        let is_known = *ancestor.system == *ward_testkit::generate::consents::ICD;
        is_known.then(|| code.code.starts_with(&*ancestor.code))
    }

    fn is_there(&self, reference: &str) -> bool {
        self.current.contains_key(reference) || reference.starts_with("urn:")
    }

    /// Never asked: random consents speak of no related data, since what leads there is not in the copy.
    fn refers(&self, _: &str, _: &str) -> Option<bool> {
        None
    }

    fn belongs(&self, member: &str, organization: &str) -> Option<bool> {
        let is_person = member.starts_with("Practitioner");
        self.current.get(member)?;
        let mut open: Vec<String> = match is_person {
            true => self.organizations_of(member),
            false => self.above(member),
        };
        if is_person && open.is_empty() {
            open.push(self.settings.organization.to_string());
        }
        let mut seen = BTreeSet::new();
        while let Some(next) = open.pop() {
            if next == organization {
                return Some(true);
            }
            // Of what is not there nobody knows what is above it.
            self.current.get(&next)?;
            if seen.insert(next.clone()) {
                open.extend(self.above(&next));
            }
        }
        Some(false)
    }

    fn is_label_within(&self, label: &Coding, wide: &Coding) -> bool {
        self.settings.labels.is_label_within(label, wide)
    }
}

impl Judge {
    fn organizations_of(&self, person: &str) -> Vec<String> {
        let roles = self.of_type("PractitionerRole");
        let of_person = roles.filter(|role| {
            path(role) == person || reference(&role["practitioner"]) == Some(person)
        });
        of_person
            .filter_map(|role| self.local(&role["organization"]))
            .collect()
    }
}

/// Whom random data names, of whom one is nobody.
fn patients() -> Vec<String> {
    let mut all = crate::party::patients();
    all.push(format!("Patient/{ABSENT}"));
    all
}

/// `Type/id` of a body.
pub fn path(body: &Value) -> String {
    format!(
        "{}/{}",
        body["resourceType"].as_str().unwrap(),
        body["id"].as_str().unwrap()
    )
}

fn reference(node: &Value) -> Option<&str> {
    node["reference"].as_str()
}

fn document(body: &Value) -> Document {
    json::read(body.to_string().as_bytes(), None, &Limits::default()).unwrap()
}

/// Every Coding but those of a Meta.
fn codes(body: &Value) -> Vec<Coding> {
    let mut found = BTreeSet::new();
    gather(body, "", &mut found);
    found.into_iter().collect()
}

/// Names of elements that are Codings, or hold them, in the types that are generated.
fn gather(node: &Value, name: &str, found: &mut BTreeSet<Coding>) {
    match node {
        Value::Array(all) => all.iter().for_each(|one| gather(one, name, found)),
        Value::Object(members) => {
            let is_coding = matches!(name, "coding" | "valueCoding" | "class" | "code")
                && node["code"].is_string();
            if is_coding {
                let text = |name: &str| node[name].as_str().unwrap_or_default();
                found.insert(Coding::new(text("system"), text("code")));
            }
            let inner = members.iter().filter(|(name, _)| *name != "meta");
            inner.for_each(|(name, value)| gather(value, name, found));
        }
        _ => {}
    }
}

/// The clinical date: when it was, before when it was written down.
fn date(body: &Value) -> Option<Span> {
    let names: &[&str] = match body["resourceType"].as_str().unwrap() {
        "Encounter" => &["period"],
        "Observation" | "DiagnosticReport" => &["effective", "issued"],
        "Condition" => &["onset", "recordedDate"],
        "MedicationRequest" => &["authoredOn"],
        "ServiceRequest" => &["occurrence", "authoredOn"],
        "RiskAssessment" => &["occurrence"],
        _ => &[],
    };
    let choice = |name: &&str| {
        let mut members = body.as_object()?.iter();
        members.find(|(member, _)| is_choice(member, name))
    };
    let (name, value) = names.iter().find_map(choice)?;
    let first = span(value)?;
    let last = match name.starts_with("onset") {
        true => body
            .as_object()?
            .iter()
            .find(|(member, _)| is_choice(member, "abatement")),
        false => None,
    };
    let high = match last {
        Some((_, value)) => span(value)?.high.max(first.high),
        None => first.high,
    };
    Some(Span { high, ..first })
}

/// `onset` is `onsetDateTime`, `onsetAge`, ...
fn is_choice(member: &str, name: &str) -> bool {
    let rest = member.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_uppercase))
}

/// `None`: an age, a text, or nothing that bounds it.
fn span(value: &Value) -> Option<Span> {
    match value {
        Value::String(text) => Span::parse(text),
        Value::Object(_) => {
            if value.get("event").is_some() || value.get("repeat").is_some() {
                let events = value["event"].as_array().into_iter().flatten();
                let repeat = value["repeat"].as_object().into_iter().flatten();
                let bounds = repeat.filter(|(name, _)| is_choice(name, "bounds"));
                let all = events.chain(bounds.map(|(_, value)| value)).map(span);
                return all.collect::<Option<Vec<_>>>()?.into_iter().reduce(both);
            }
            let bound = |name: &str| value[name].as_str().map(Span::parse);
            let (start, end) = (bound("start"), bound("end"));
            if start.is_none() && end.is_none() {
                return None;
            }
            let period = Period {
                from: start.map_or(Some(i64::MIN), |span| Some(span?.low))?,
                until: end.map_or(Some(i64::MAX), |span| Some(span?.high + 1))?,
            };
            (period.from < period.until).then_some(Span {
                low: period.from,
                high: period.until.saturating_sub(1),
            })
        }
        _ => None,
    }
}

fn both(a: Span, b: Span) -> Span {
    Span {
        low: a.low.min(b.low),
        high: a.high.max(b.high),
    }
}
