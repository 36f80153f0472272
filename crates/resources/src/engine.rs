//! Everything an interaction works with: the store, the meanings, the log, the clock and the settings.

use crate::audit_events::Contexts;
use crate::call::Call;
use crate::capabilities::all_types;
use crate::criteria::Criteria;
use crate::duty::{Duties, DutySettings};
use crate::generations::Generations;
use crate::launch_patient::{LaunchPatients, deletes_patients};
use crate::operations::explain::Decisions;
use crate::places::Places;
use crate::record_budget::RecordBudgets;
use crate::search_parameters::Served;
use crate::seen::Extractors;
use crate::visibility::{
    Actors, Closed, ConsentSettings, KnownLabels, Labelling, Policies, Races, Visibility,
};
use crate::witness::WitnessSettings;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock, RwLock};
use ward_access::{Access, Caller};
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind, TypeId};
use ward_search::compartment::Compartments;
use ward_search::edition::Edition;
use ward_search::extract::Extractor;
use ward_search::registry::Registry;
use ward_storage::{Store, StoreError, View, Write};
use ward_validation::Validator;

/// When a literal reference in a written resource must resolve to an existing resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReferenceCheck {
    Never,
    /// References within a transaction Bundle, to its own entries or to the store.
    #[default]
    Transaction,
    Always,
}

/// Settings of the interactions, each documented with its default in `docs/guide/configuration.md`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Service base URL without trailing slash.
    pub base: String,
    pub reference_check: ReferenceCheck,
    /// Refuse to delete what other resources refer to (409).
    pub delete_check: bool,
    /// Resources that one conditional delete may remove; 1 is `single`.
    pub conditional_delete_max: u32,
    pub page_entries_default: u32,
    pub page_entries_max: u32,
    pub bundle_entries_max: usize,
    /// Bytes of the answers to a batch or transaction.
    pub bundle_answer_bytes_max: usize,
    /// GET and HEAD entries of a transaction that writes: they are answered before its commit, which others wait for.
    pub transaction_reads_max: usize,
    /// Seconds after which a page link is no longer taken.
    pub cursor_lifetime_s: i64,
    /// Types whose resources are indexed by their words, for `_text` and `_content`.
    pub full_text: Vec<TypeId>,
    /// Resources that one search may look at for what no index decides.
    pub rows_examined_max: usize,
    /// Searches that no index bounds, under way at once for one client.
    pub costly_searches_per_client_max: usize,
    /// Resources in one page of `$everything`.
    pub everything_entries_max: u32,
    /// How often a write that met a concurrent one is evaluated again.
    pub write_attempts_max: u32,
    /// Patients whose records may leave to one client within an hour; 0: no limit. A budget of the Call takes its place.
    pub patients_per_hour: u32,
    /// Roles by the rota.
    pub duty: DutySettings,
    /// What consents and labels come to.
    pub consent: ConsentSettings,
    /// Whether patients are told by name who of the staff saw their record; else by role.
    pub staff_names_to_patients: bool,
    /// Whose audit logs are witnessed here.
    pub witness: WitnessSettings,
    /// `rest.security` of the CapabilityStatement: where tokens come from.
    pub security: serde_json::Value,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base: "http://127.0.0.1:8080/fhir".into(),
            reference_check: ReferenceCheck::default(),
            delete_check: true,
            conditional_delete_max: 1,
            page_entries_default: 20,
            page_entries_max: 1_000,
            bundle_entries_max: 10_000,
            bundle_answer_bytes_max: 256 * 1024 * 1024,
            transaction_reads_max: 100,
            cursor_lifetime_s: 24 * 3_600,
            full_text: Vec::new(),
            rows_examined_max: ward_storage::ROWS_EXAMINED_MAX,
            costly_searches_per_client_max: 8,
            everything_entries_max: 1_000,
            write_attempts_max: 8,
            patients_per_hour: 0,
            duty: DutySettings::default(),
            consent: ConsentSettings::default(),
            staff_names_to_patients: true,
            witness: WitnessSettings::default(),
            security: serde_json::json!({
                "cors": true,
                "service": [{ "coding": [{
                    "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                    "code": "SMART-on-FHIR"
                }] }],
                "description": "OAuth 2.0 bearer tokens with SMART scopes (v1 and v2)."
            }),
        }
    }
}

pub struct Engine {
    pub(crate) store: Store,
    pub(crate) log: ward_audit::Log,
    /// The parameters of the R4 package, which everything that is written is indexed by, beside those of clients.
    pub(crate) registry: Arc<Registry>,
    pub(crate) extractor: Extractor,
    /// The same as far as callers see what they read.
    pub(crate) extractors: Extractors,
    /// Those that questions are read by.
    pub(crate) served: Served,
    pub(crate) compartments: Compartments,
    pub(crate) criteria: Criteria,
    pub(crate) validator: &'static Validator,
    pub(crate) places: Places,
    pub(crate) duties: Duties,
    pub(crate) actors: Actors,
    pub(crate) audit_contexts: Contexts,
    pub(crate) launch_patients: LaunchPatients,
    pub(crate) visibility: Visibility,
    pub(crate) record_budgets: RecordBudgets,
    pub(crate) settings: Settings,
    pub(crate) clock: fn() -> i64,
    pub(crate) cursor_key: [u8; 32],
    pub(crate) terminology: crate::search::terminology::Kept,
    pub(crate) policies: Policies,
    pub(crate) known_labels: KnownLabels,
    pub(crate) labelling: RwLock<Option<Arc<Labelling>>>,
    /// Digests of what the rules of this process say of each label.
    pub(crate) label_marks: OnceLock<BTreeMap<String, String>>,
    /// Labels are to be carried on, by the background.
    pub(crate) labels_asked: AtomicBool,
    pub(crate) races: Races,
    /// Records that nobody sees now.
    pub(crate) closed: Closed,
    /// A record was closed here: it is to be decided anew at once.
    pub(crate) due_asked: tokio::sync::Notify,
    /// Decisions by consents that are to be recorded.
    pub(crate) decisions: Decisions,
    /// Somebody wants the index to be built at once.
    pub(crate) index_asked: tokio::sync::Notify,
    /// Look-ups at once of whose record was asked for without a token.
    pub(crate) strangers: tokio::sync::Semaphore,
    /// What clients are called.
    clients: OnceLock<Arc<dyn ClientNames>>,
}

/// Of more it is not told whose record was asked for.
const STRANGERS_MAX: usize = 8;

/// Whoever keeps the registry of clients. Asked for each client of a page of AuditEvents: from memory.
pub trait ClientNames: Send + Sync {
    /// As people know it; `None`: it is not registered.
    fn name(&self, client_id: &str) -> Option<String>;
}

impl Engine {
    /// `clock` gives microseconds since 1970; `cursor_key` seals paging cursors.
    pub fn new(
        store: Store,
        log: ward_audit::Log,
        mut settings: Settings,
        clock: fn() -> i64,
        cursor_key: [u8; 32],
    ) -> Self {
        settings.full_text.sort_unstable();
        settings.full_text.dedup();
        let registry = Arc::new(Registry::new(ward_fhir::schema::r4()));
        let extractor = Extractor::new(
            registry.clone(),
            store.term_key().clone(),
            Some(&settings.base),
        );
        // By a state that does not read nothing is written or answered: any will do here.
        let indexed = Generations::read(&store.indexing(), &extractor, &registry);
        let unread = || all_types().into_iter().map(|ty| (ty, Edition::First));
        let behind = indexed.map_or_else(|_| unread().collect(), |known| known.behind());
        let extractor = extractor.behind(behind);
        Self {
            served: Served::new(extractor.clone()),
            extractor,
            extractors: Extractors::default(),
            compartments: Compartments::new(ward_fhir::schema::r4(), Some(&settings.base)),
            criteria: Criteria::default(),
            registry,
            store,
            log,
            validator: ward_validation::r4(),
            places: Places::new(settings.costly_searches_per_client_max),
            duties: Duties::default(),
            actors: Actors::default(),
            audit_contexts: Contexts::default(),
            launch_patients: LaunchPatients::default(),
            visibility: Visibility::new(&settings.consent),
            record_budgets: RecordBudgets::default(),
            settings,
            clock,
            cursor_key,
            terminology: crate::search::terminology::Kept::default(),
            policies: Policies::default(),
            known_labels: KnownLabels::default(),
            labelling: RwLock::default(),
            label_marks: OnceLock::new(),
            labels_asked: AtomicBool::new(false),
            races: Races::default(),
            closed: Closed::default(),
            due_asked: tokio::sync::Notify::new(),
            decisions: Decisions::default(),
            index_asked: tokio::sync::Notify::new(),
            strangers: tokio::sync::Semaphore::new(STRANGERS_MAX),
            clients: OnceLock::new(),
        }
    }

    /// From then on AuditEvents call clients by their names. Once; a second registry is not asked.
    pub fn name_clients(&self, names: Arc<dyn ClientNames>) {
        let _ = self.clients.set(names);
    }

    pub(crate) fn client_name(&self, client_id: &str) -> Option<String> {
        self.clients.get()?.name(client_id)
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    pub fn log(&self) -> &ward_audit::Log {
        &self.log
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Costly searches refused since the start, because their clients had too many under way.
    pub fn costly_searches_refused(&self) -> u64 {
        self.places.refused()
    }

    /// To be called when a commit has ended, well or not: what is kept of what it wrote holds no more.
    pub(crate) fn written(&self, touched: &Touched) {
        self.served.written(&touched.types);
        self.duties.written(&touched.types);
        self.actors.written(&touched.types);
        if touched.deletes_patients {
            self.launch_patients.deleted();
        }
    }

    pub fn now_us(&self) -> i64 {
        (self.clock)()
    }
}

/// What the writes of a unit change, as far as anything of it is kept in memory.
pub(crate) struct Touched {
    types: Vec<TypeId>,
    deletes_patients: bool,
}

impl Touched {
    pub fn by(writes: &[Write]) -> Touched {
        Touched {
            types: writes.iter().map(|write| write.ty).collect(),
            deletes_patients: deletes_patients(writes),
        }
    }
}

/// One Call on its way: who asks, what they may, what is asked.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub engine: &'a Engine,
    pub caller: &'a Caller,
    pub access: &'a Access,
    pub call: &'a Call,
    /// The state that reads are answered from.
    pub view: View<'a>,
    /// The Call runs as an entry of a batch Bundle: no Bundle within a Bundle.
    pub in_bundle: bool,
}

/// What the store says, as an answer.
pub(crate) fn store_failure(error: StoreError) -> Failure {
    match error {
        StoreError::Unavailable => {
            Failure::new(Kind::Unavailable, "the store cannot be reached; try again")
        }
        StoreError::Timeout => Failure::new(
            Kind::Timeout,
            "the deadline of the statement passed; narrow the request",
        ),
        StoreError::TooCostly => Failure::new(
            Kind::TooCostly,
            "no index answers this within the budget of resources looked at; narrow the request",
        ),
        StoreError::Wide(_) => Failure::new(
            Kind::TooCostly,
            "more codes or texts fit the criteria than the index combines; narrow the request",
        ),
        StoreError::Integrity => Failure::new(
            Kind::Internal,
            "a stored version failed its integrity check",
        ),
    }
}

pub(crate) fn stored<T>(result: std::result::Result<T, StoreError>) -> Result<T> {
    result.map_err(store_failure)
}
