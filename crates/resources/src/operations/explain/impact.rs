//! `$access-impact`: what a Consent that is not written yet would show or hide, and from whom. To privacy officers, and to patients at their
//! own record.

use super::record::{self, Entry};
use super::{code, count, demand_officer, parameters, part, reference, text};
use crate::document::{read_body, validate};
use crate::engine::{Context, Engine};
use crate::read::{locate, not_found};
use crate::reply::Reply;
use crate::visibility::judge::Judge;
use crate::visibility::{
    ActingFor, Answers, Judged, Known, Policy, Sees, VisibilityClass, class_of, permits_to_nobody,
    refuse,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use ward_access::{Access, Action, Caller, Identity, Purpose, Scopes};
use ward_consent::{Consent, Kinship};
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, Node, TypeId};

/// Somebody who might ask.
struct Class {
    code: &'static str,
    /// Who is named by a consent.
    actor: Option<String>,
    purpose: &'static str,
    who: Arc<ActingFor>,
    /// What the role leaves.
    access: Access,
    breaks_glass: bool,
}

/// One that every installation has: code, role, purpose.
struct General(&'static str, &'static str, &'static str);

const GENERAL: [General; 8] = [
    General("treatment", "physician", "TREAT"),
    General(ELSEWHERE, "physician", "TREAT"),
    General(EMERGENCY, "physician", "ETREAT"),
    General("payment", "billing-clerk", "HPAYMT"),
    General("operations", "registrar", "HOPERAT"),
    General("research", "", "HRESCH"),
    General("public-health", "", "PUBHLTH"),
    General(PROXY, "", "FAMRQT"),
];
const ELSEWHERE: &str = "treatment-elsewhere";
const EMERGENCY: &str = "emergency";
const PROXY: &str = "proxy";
/// People and organizations whom the patient's consents name that are looked at one by one.
const NAMED_MAX: usize = 20;
/// References that are told of what one class of callers no longer sees, or sees from then on.
const RESOURCES_TOLD_MAX: usize = 100;
/// Nobody's client and nobody's practitioner.
const SOMEBODY: &str = "urn:ward:explain";
const GLASS_US: i64 = 3_600_000_000;

pub async fn impact(cx: Context<'_>, ty: TypeId, id: &str) -> Result<Reply> {
    let is_own = cx.caller.is_at_own_record() && cx.caller.patient.as_deref() == Some(id);
    if !is_own {
        demand_officer(cx)?;
    }
    let body = read_body(cx.call, r4().resource_type("Consent"))?;
    validate(cx.engine, body.root())?;
    let patient = locate(cx, ty, id).await?.ok_or_else(not_found)?;
    let home = record::one(cx, ty, id).await?;
    let before = record::policy(cx, patient).await?;
    let after = changed(cx, &before, body.root(), &home.reference()).await?;
    let entries = record::all(cx, patient).await?;
    let change = Change::of(cx, &before, &after, entries, is_own).await?;
    let mut all = vec![
        reference("patient", &home.reference()),
        count("resources", change.entries.len()),
    ];
    for class in classes(cx.engine, &[&before, &after]).await? {
        all.push(change.told(cx.engine, &class));
    }
    Ok(Reply {
        entities: vec![crate::read::seen(&home.row)],
        ..Reply::resource(200, parameters(all))
    })
}

/// The policy with the Consent in the place of its stored version, or beside the others. Errors: 422 of what cannot be evaluated, or is
/// about somebody else.
async fn changed(
    cx: Context<'_>,
    before: &Policy,
    node: Node<'_>,
    patient: &str,
) -> Result<Policy> {
    let consent = cx.engine.read_consent(node);
    if consent.subject.as_deref() != Some(patient) {
        let text = "the Consent is about another patient than the one that is asked about";
        return Err(Failure::new(Kind::BusinessRule, text).at("Consent.patient"));
    }
    let is_other = |other: &&Consent| consent.id.is_empty() || other.id != consent.id;
    let mut consents: Vec<Consent> = before.consents.iter().filter(is_other).cloned().collect();
    let (is_active, mut faults) = (consent.is_active, consent.faults.clone());
    consents.push(consent.clone());
    let mut subjects = before.subjects.clone();
    if subjects.is_empty() {
        subjects.push(patient.into());
    }
    let known = before.known.clone();
    let after = cx
        .engine
        .compiled(consents, subjects, before.version, known)
        .await?;
    // As the write would refuse it.
    let answers = Answers {
        known: &after.known,
        house: cx.engine.house(),
    };
    faults.extend(permits_to_nobody(&consent, &answers));
    if is_active {
        refuse(&faults)?;
    }
    Ok(after)
}

/// Each resource with its class by either policy.
struct Change {
    entries: Vec<(Entry, Option<VisibilityClass>, Option<VisibilityClass>)>,
}

impl Change {
    async fn of(
        cx: Context<'_>,
        before: &Policy,
        after: &Policy,
        entries: Vec<Entry>,
        is_own: bool,
    ) -> Result<Change> {
        let olds = judged(cx, before, &entries).await?;
        let news = judged(cx, after, &entries).await?;
        let mut all: Vec<_> = entries
            .into_iter()
            .zip(olds)
            .zip(news)
            .map(|((entry, old), new)| (entry, old, new))
            .collect();
        if is_own {
            // What a label keeps from the patient is not told by counting it.
            let who = cx
                .engine
                .consent_caller(cx.caller, ward_consent::Action::Access);
            let who = who.await?;
            let now_us = cx.engine.now_us();
            let action = ward_consent::Action::Access;
            let judge = Judge::new(&who, cx.engine.consent(), action, (None, now_us));
            all.retain(|(_, old, _)| old.as_ref().is_some_and(|old| judge.shows(old)));
        }
        Ok(Change { entries: all })
    }

    fn told(&self, engine: &Engine, class: &Class) -> Value {
        let now_us = engine.now_us();
        let glass = class.breaks_glass.then(|| now_us.saturating_add(GLASS_US));
        let action = ward_consent::Action::Access;
        let judge = Judge::new(&class.who, engine.consent(), action, (glass, now_us));
        let shows = |of: &Option<VisibilityClass>| of.as_ref().is_some_and(|of| judge.shows(of));
        let (mut before, mut after) = (0, 0);
        let (mut hidden, mut shown) = (Told::default(), Told::default());
        for (entry, old, new) in &self.entries {
            if !class.access.may(entry.row.ty, Action::Read) {
                continue;
            }
            let (old, new) = (shows(old), shows(new));
            before += usize::from(old);
            after += usize::from(new);
            match (old, new) {
                (true, false) => hidden.add(entry),
                (false, true) => shown.add(entry),
                _ => {}
            }
        }
        let mut parts = vec![code("code", class.code)];
        parts.extend(
            class
                .actor
                .as_deref()
                .map(|actor| reference("actor", actor)),
        );
        parts.push(code("purpose", class.purpose));
        parts.push(count("before", before));
        parts.push(count("after", after));
        parts.extend(hidden.parts("hidden"));
        parts.extend(shown.parts("shown"));
        part("caller", parts)
    }
}

/// What changes, by type.
#[derive(Default)]
struct Told {
    by_type: BTreeMap<&'static str, (usize, Vec<String>)>,
    named: usize,
}

impl Told {
    fn add(&mut self, entry: &Entry) {
        let (number, references) = self.by_type.entry(entry.type_name()).or_default();
        *number += 1;
        if self.named < RESOURCES_TOLD_MAX {
            self.named += 1;
            references.push(entry.reference());
        }
    }

    fn parts(self, name: &str) -> Vec<Value> {
        let of_type = |(ty, (number, references)): (&str, (usize, Vec<String>))| {
            let mut parts = vec![code("type", ty), count("count", number)];
            // Named, not referred to: whoever looks after consents sees few of these resources themselves (R17).
            parts.extend(references.iter().map(|one| text("resource", one)));
            part(name, parts)
        };
        self.by_type.into_iter().map(of_type).collect()
    }
}

/// The class of each by a policy; `None`: nobody's to see.
async fn judged(
    cx: Context<'_>,
    policy: &Policy,
    entries: &[Entry],
) -> Result<Vec<Option<VisibilityClass>>> {
    let engine = cx.engine;
    let house = engine.house();
    let known: Known = record::known(cx, policy, entries).await?;
    let answers = Answers {
        known: &known,
        house,
    };
    let mut judge = policy.judge(&answers, engine.now_us());
    let mut classes = Vec::with_capacity(entries.len());
    for entry in entries {
        // What is nobody's to see because of another patient stays so.
        if entry.class.is_none() {
            classes.push(None);
            continue;
        }
        let judged = Judged {
            node: entry.document.root(),
            reference: entry.reference().into(),
            labels: &entry.labels,
            patients: &entry.patients,
        };
        classes.push(Some(class_of(&judged, house, &known, Some(&mut judge))));
    }
    Ok(classes)
}

/// Everybody whom it may make a difference to: in general, and who is named by a consent of before or after.
async fn classes(engine: &Engine, policies: &[&Policy]) -> Result<Vec<Class>> {
    let mut classes = Vec::new();
    for General(code, role, purpose) in GENERAL {
        let user = format!("Practitioner/{NOBODY}");
        let mut class = class(engine, (code, None, purpose), &user, role).await?;
        let mut who = ActingFor::clone(&class.who);
        match code {
            ELSEWHERE => who.caller.actors.retain(|actor| {
                !actor.starts_with("Organization/") && !actor.starts_with("urn:ward:this")
            }),
            PROXY => who.kinship = Kinship::Proxy,
            EMERGENCY => class.breaks_glass = true,
            _ => {}
        }
        class.who = Arc::new(who);
        classes.push(class);
    }
    for (actor, purpose) in named(policies) {
        let asked = ("named", Some(actor.clone()), purpose);
        let mut class = class(engine, asked, &actor, "").await?;
        let mut who = ActingFor::clone(&class.who);
        who.caller.actors.insert(actor.as_str().into());
        if actor.starts_with("RelatedPerson/") {
            who.kinship = Kinship::Proxy;
        }
        class.who = Arc::new(who);
        classes.push(class);
    }
    Ok(classes)
}

/// Actors of the consents, with the purposes of the provisions that name them; for treatment where they name none.
fn named(policies: &[&Policy]) -> Vec<(String, &'static str)> {
    let consents = policies.iter().flat_map(|policy| &policy.consents);
    let provisions = consents.flat_map(|consent| consent.root.walk());
    let mut named = BTreeSet::new();
    for provision in provisions {
        let purposes = provision.criteria.purposes.iter();
        let purposes = purposes.filter_map(|code| Purpose::of(code).map(|purpose| purpose.code()));
        let first = purposes.into_iter().next().unwrap_or("TREAT");
        for actor in &provision.criteria.actors {
            if let Some(who) = &actor.who {
                named.insert((who.to_string(), first));
            }
        }
    }
    named.into_iter().take(NAMED_MAX).collect()
}

async fn class(
    engine: &Engine,
    (code, actor, purpose): (&'static str, Option<String>, &'static str),
    user: &str,
    role: &str,
) -> Result<Class> {
    // Whoever has no role here is asked about for what no role closes.
    let (roles, scopes) = match role {
        "" => (Vec::new(), "system/*.rs"),
        role => (vec![role.to_owned()], "user/*.rs"),
    };
    let is_person = !role.is_empty();
    let user = user.starts_with("Practitioner/").then(|| user.to_owned());
    let identity = |fhir_user: Option<String>, roles, scopes: &str| Identity {
        subject: fhir_user.clone().unwrap_or_else(|| SOMEBODY.to_owned()),
        client_id: SOMEBODY.to_owned(),
        fhir_user,
        scopes: Scopes::parse(scopes).unwrap_or_default(),
        roles,
        purposes: Purpose::of(purpose).into_iter().collect(),
        ..Identity::default()
    };
    let rights = Caller::new(identity(
        user.clone().filter(|_| is_person),
        roles.clone(),
        scopes,
    ));
    let access = engine.access(&rights, Sees::everything()).await?;
    let roles = match is_person {
        true => roles,
        false => vec![CLEARED.to_owned()],
    };
    let asks = Caller::new(identity(user, roles, "user/*.rs"));
    let who = engine.consent_caller(&asks, ward_consent::Action::Access);
    Ok(Class {
        code,
        actor,
        purpose,
        who: who.await?,
        access,
        breaks_glass: false,
    })
}

/// The role whose clearance counts where none is known.
const CLEARED: &str = "physician";
/// A Practitioner of whom nothing is known: of the house.
const NOBODY: &str = "urn-ward-nobody";
