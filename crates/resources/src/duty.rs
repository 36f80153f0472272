//! In which roles a person acts now (C4). Roles that the rota gives are looked at with every Call, not when a token is issued: the
//! same token opens nothing between two shifts, and works again in the next.
//!
//! A rota that was read holds until this process writes a PractitionerRole, and where other processes share the store for
//! [`ROTA_KEPT`]. A mark of the store as for revocations would spare the statement in between, and would have to be raised by
//! every commit; of one person in two seconds one point read costs less than that.

mod clock;
mod settings;

pub use clock::WallClock;
pub use settings::DutySettings;

use crate::document::reread;
use crate::engine::{Engine, stored};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use ward_access::{ASSIGNMENTS_MAX, Caller, Maintenance, Rota, maintenance};
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, TypeId};
use ward_search::plan::{Plan, SortKey, Total};
use ward_search::query::Options;
use ward_search::terminology::Embedded;

/// How long a rota that another process may have changed is not read again.
pub const ROTA_KEPT: Duration = Duration::from_secs(2);
/// People whose rota is kept; when there are more, all are read anew.
const PEOPLE_MAX: usize = 4_096;
/// Tokens of one person whose rights are kept worked out.
const TOKENS_MAX: usize = 16;

/// The rotas that were read last, by practitioner.
#[derive(Default)]
pub(crate) struct Duties {
    known: Mutex<HashMap<String, Arc<Known>>>,
    /// Raised by every write of a PractitionerRole in this process.
    changes: AtomicU64,
}

struct Known {
    rota: Rota,
    /// Of `changes`, before it was read.
    changes: u64,
    read: Instant,
    callers: Mutex<Vec<InForce>>,
}

/// What a token comes to in some roles.
struct InForce {
    token: Caller,
    caller: Arc<Caller>,
}

impl Duties {
    /// To be called when a commit that wrote these has ended, well or not.
    pub fn written(&self, types: &[TypeId]) {
        if types.contains(&practitioner_role()) {
            self.changes.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn get(&self, practitioner: &str, is_shared: bool) -> Option<Arc<Known>> {
        let changes = self.changes.load(Ordering::Acquire);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get(practitioner)?;
        let is_young = !is_shared || known.read.elapsed() < ROTA_KEPT;
        (known.changes == changes && is_young).then(|| known.clone())
    }

    fn keep(&self, practitioner: &str, read: Known) -> Arc<Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= PEOPLE_MAX {
            known.clear();
        }
        let read = Arc::new(read);
        known.insert(practitioner.to_owned(), read.clone());
        read
    }
}

impl Engine {
    /// The roles that a person acts in at this moment: those that the account names, or those of the rota. Errors: the person is
    /// not on duty, or nobody can tell.
    pub async fn roles_in_force(&self, caller: &Caller) -> Result<Vec<String>> {
        let on_duty = self.on_duty(caller).await?;
        Ok(on_duty.as_deref().unwrap_or(caller).roles.clone())
    }

    /// The caller in the roles that are in force at this moment; `None`: in those of the token. Errors: the person is not on duty,
    /// or nobody can tell.
    ///
    /// Statements: none for whoever acts in roles of an account, one when the rota is not known, else none.
    pub(crate) async fn on_duty(&self, caller: &Caller) -> Result<Option<Arc<Caller>>> {
        let settings = &self.settings.duty;
        let Some(practitioner) = settings.practitioner(caller) else {
            return Ok(None);
        };
        let known = match self.duties.get(practitioner, self.store.is_shared()) {
            Some(known) => known,
            None => self.read_rota(practitioner).await?,
        };
        let (now_us, grace_us) = (self.now_us(), i64::from(settings.grace_s) * 1_000_000);
        let on_duty = known.rota.roles_at(now_us, grace_us, &settings.clock);
        let roles = settings.in_force(&caller.roles, on_duty);
        match roles.is_empty() {
            true => Err(off_duty(&known.rota, now_us, &settings.clock)),
            false => Ok(Some(known.caller(caller, roles))),
        }
    }

    async fn read_rota(&self, practitioner: &str) -> Result<Arc<Known>> {
        // Before the statement: what is written meanwhile is read the next time.
        let (changes, read) = (self.duties.changes.load(Ordering::Acquire), Instant::now());
        let plan = roles_of(self, practitioner)?;
        let access = maintenance(Maintenance::Rota);
        let page = stored(self.store.search(&access, &plan).await)?;
        if page.more {
            let text = format!("more than {ASSIGNMENTS_MAX} PractitionerRoles name this person");
            return Err(Failure::new(Kind::Forbidden, text));
        }
        let documents = page.rows.iter().map(|row| reread(&row.body));
        let documents = documents.collect::<Result<Vec<_>>>()?;
        let settings = &self.settings.duty;
        let nodes = documents.iter().map(|document| document.root());
        let rota = Rota::read(nodes, &settings.codes, &settings.clock);
        Ok(self.duties.keep(
            practitioner,
            Known {
                rota,
                changes,
                read,
                callers: Mutex::default(),
            },
        ))
    }
}

impl Known {
    /// A token in these roles. Worked out once for each.
    fn caller(&self, token: &Caller, roles: Vec<String>) -> Arc<Caller> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |known: &Caller| **known == **token && known.is_of_site(token);
        let is_asked = |one: &&InForce| is_same(&one.token) && one.caller.roles == roles;
        if let Some(one) = callers.iter().find(is_asked) {
            return one.caller.clone();
        }
        if callers.len() >= TOKENS_MAX {
            callers.clear();
        }
        let caller = Arc::new(token.in_force(roles));
        callers.push(InForce {
            token: token.clone(),
            caller: caller.clone(),
        });
        caller
    }
}

/// Why nothing opens, in plain words. That there is a shift is told to whose it is.
fn off_duty(rota: &Rota, now_us: i64, clock: &WallClock) -> Failure {
    if rota.is_empty() {
        let text = "neither your account nor the rota gives you a role; ask whoever keeps the rota";
        return Failure::new(Kind::ShiftEnded, text);
    }
    let text = match rota.next_us(now_us, clock) {
        Some(next) => format!(
            "you are not on duty; this opens again when your next shift begins: {}",
            clock.text(next)
        ),
        None => format!(
            "you are not on duty, and the rota has no shift for you in the next {} days",
            ward_access::LOOK_AHEAD_DAYS
        ),
    };
    Failure::new(Kind::ShiftEnded, text)
}

/// The PractitionerRoles of one person. One more than are read would say that some are left out.
fn roles_of(engine: &Engine, practitioner: &str) -> Result<Plan> {
    let most = u32::try_from(ASSIGNMENTS_MAX).unwrap_or(u32::MAX);
    let options = Options {
        strict: true,
        now_us: 0,
        count_default: most,
        count_max: most,
        terminology: &Embedded,
    };
    let pairs = [("practitioner", practitioner)];
    let types = [practitioner_role()];
    let (plan, _) = ward_search::query::parse(&engine.extractor, &types, &pairs, &options)?;
    Ok(Plan {
        sort: vec![SortKey::Id { descending: false }],
        total: Total::None,
        ..plan
    })
}

fn practitioner_role() -> TypeId {
    static TYPE: OnceLock<TypeId> = OnceLock::new();
    *TYPE.get_or_init(|| {
        r4().resource_type("PractitionerRole")
            .unwrap_or(TypeId(u16::MAX))
    })
}
