//! For whom a caller stands, as consents and labels look at it (R4): the user, their PractitionerRoles, organizations with all that they
//! are part of, care teams, groups, the client and whose it is.
//!
//! What was read holds until this process writes one of the types that say so, or time alone changes it, and where other processes share
//! the store for [`ACTORS_KEPT`]. It is read whole or the caller is refused: an actor less would leave a deny without effect.

mod belonging;
mod lookup;

use crate::engine::Engine;
use belonging::Belonging;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use ward_access::Caller;
use ward_consent::labels::{Clearance, Label};
use ward_consent::{Action, Confidentiality, Kinship};
use ward_fhir::TypeId;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;

/// How long memberships that another process may have changed are not read again.
pub const ACTORS_KEPT: Duration = Duration::from_secs(2);
/// PractitionerRoles, CareTeams or Groups that name one caller, and Organizations that one caller belongs to; of whom there are more is
/// refused.
pub const MEMBERSHIPS_MAX: usize = 400;
/// Organizations above each other, and teams within teams.
pub const NESTING_MAX: usize = 10;
/// Callers whose memberships are kept; when there are more, all are read anew.
const CALLERS_MAX: usize = 4_096;
/// What one of them may come to that is kept worked out, by tokens and actions.
const TOKENS_MAX: usize = 16;

/// Who asks. Whoever is equal sees the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ActingFor {
    /// To do one thing: other actions are asked with the same actors and purposes.
    pub caller: ward_consent::Caller,
    /// What they are to every patient whose data they reach.
    pub kinship: Kinship,
    pub clearance: Arc<Clearance>,
}

/// The memberships that were read last.
#[derive(Default)]
pub(crate) struct Actors {
    known: Mutex<HashMap<Who, Arc<Known>>>,
    /// Raised by every write of these types in this process.
    changes: AtomicU64,
}

/// What memberships are looked up by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Who {
    /// `Practitioner/1`, `Patient/1`, ...
    user: Option<String>,
    /// Of the client.
    organization: Option<String>,
}

struct Known {
    belonging: Belonging,
    /// Of `changes`, before it was read.
    changes: u64,
    read: Instant,
    acting: Mutex<Vec<Acting>>,
}

/// What a caller comes to. Not what a token does: that acts for something else while the glass is broken.
struct Acting {
    caller: Caller,
    action: Action,
    acting: Arc<ActingFor>,
}

impl Engine {
    /// Who asks, to do what. Errors: it cannot be told now, or more names the caller than is read.
    ///
    /// Statements: none where it is known; else of each of PractitionerRole, CareTeam and Group one search, and one for each level of
    /// organizations and of teams that are members of teams; each is two statements where clients chose the ids.
    pub async fn consent_caller(&self, caller: &Caller, action: Action) -> Result<Arc<ActingFor>> {
        let who = Who::of(caller);
        let known = match self.actors.get(&who, self.store.is_shared(), self.now_us()) {
            Some(known) => known,
            None => self.read_memberships(who).await?,
        };
        Ok(known.acting(self, caller, action))
    }

    async fn read_memberships(&self, who: Who) -> Result<Arc<Known>> {
        // Before the statements: what is written meanwhile is read the next time.
        let (changes, read) = (self.actors.changes.load(Ordering::Acquire), Instant::now());
        let belonging = lookup::belonging(self, &who).await?;
        let known = Known {
            belonging,
            changes,
            read,
            acting: Mutex::default(),
        };
        Ok(self.actors.keep(who, known))
    }
}

impl Actors {
    /// To be called when a commit that wrote these has ended, well or not.
    pub fn written(&self, types: &[TypeId]) {
        if types.iter().any(|ty| membership_types().contains(ty)) {
            self.changes.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn get(&self, who: &Who, is_shared: bool, now_us: i64) -> Option<Arc<Known>> {
        let changes = self.changes.load(Ordering::Acquire);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get(who)?;
        let is_young = !is_shared || known.read.elapsed() < ACTORS_KEPT;
        let holds = known.changes == changes && is_young && known.belonging.holds_at(now_us);
        holds.then(|| known.clone())
    }

    fn keep(&self, who: Who, read: Known) -> Arc<Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= CALLERS_MAX {
            known.clear();
        }
        let read = Arc::new(read);
        known.insert(who, read.clone());
        read
    }
}

impl Who {
    fn of(caller: &Caller) -> Who {
        Who {
            user: caller.fhir_user.clone(),
            organization: caller.client.organization.clone(),
        }
    }
}

impl Known {
    /// Worked out once for each caller and action.
    fn acting(&self, engine: &Engine, caller: &Caller, action: Action) -> Arc<ActingFor> {
        let mut known = self.acting.lock().unwrap_or_else(PoisonError::into_inner);
        let is_asked = |one: &&Acting| one.action == action && one.caller.acts_like(caller);
        if let Some(one) = known.iter().find(is_asked) {
            return one.acting.clone();
        }
        if known.len() >= TOKENS_MAX {
            known.clear();
        }
        let acting = Arc::new(acting(engine, caller, &self.belonging, action));
        known.push(Acting {
            caller: caller.clone(),
            action,
            acting: acting.clone(),
        });
        acting
    }
}

fn acting(engine: &Engine, caller: &Caller, belonging: &Belonging, action: Action) -> ActingFor {
    let site = &engine.settings.consent;
    let asserted = caller.acts_for();
    let by_default = site.default_purpose.filter(|_| asserted.is_empty());
    let purposes = asserted.iter().chain(by_default);
    let mut actors: BTreeSet<_> = belonging.actors().cloned().collect();
    actors.insert(format!("urn:ward:client:{}", caller.client_id).into());
    ActingFor {
        caller: ward_consent::Caller {
            actors,
            purposes: purposes.map(|purpose| purpose.code().into()).collect(),
            action,
            is_privacy: caller.is_privacy_officer(),
        },
        kinship: kinship(caller),
        clearance: Arc::new(clearance(engine, caller)),
    }
}

/// The patient, or who acts for the patient, only where nothing of anybody else is reached: else what is true of the one record would
/// open the others. A service that acts for a patient is not the patient.
fn kinship(caller: &Caller) -> Kinship {
    let user = caller.fhir_user.as_deref().unwrap_or_default();
    if !caller.is_user() || !caller.is_at_one_record() {
        return Kinship::Other;
    }
    match caller.is_at_own_record() {
        true if !caller.client.acts_for => Kinship::Own,
        true => Kinship::Proxy,
        false if user.starts_with("RelatedPerson/") => Kinship::Proxy,
        false => Kinship::Other,
    }
}

/// A service is cleared by its registration, a person by their roles, through an app that is registered for less for that.
fn clearance(engine: &Engine, caller: &Caller) -> Clearance {
    let own = cleared(caller.clearance());
    match &caller.client.clearance {
        None => own,
        Some(client) if caller.is_system() => cleared(client),
        Some(client) => own.within(&cleared(client), &engine.settings.consent.labels),
    }
}

fn cleared(said: &ward_access::Clearance) -> Clearance {
    let labels = said.labels.iter();
    Clearance {
        // Both have the codes of v3 Confidentiality; what were none is cleared for nothing.
        level: Confidentiality::parse(said.level.code()).unwrap_or(Confidentiality::Unrestricted),
        labels: labels
            .map(|label| Label::new(&label.system, &label.code))
            .collect(),
    }
}

/// The types that say who belongs to whom.
fn membership_types() -> &'static [TypeId] {
    static TYPES: OnceLock<Vec<TypeId>> = OnceLock::new();
    TYPES.get_or_init(|| {
        let names = ["PractitionerRole", "Organization", "CareTeam", "Group"];
        let types = names.iter().filter_map(|name| r4().resource_type(name));
        types.collect()
    })
}
