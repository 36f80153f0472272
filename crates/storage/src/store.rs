//! The store as the rest of the server sees it: one set of coarse operations over either database.

use crate::contract::{
    CommitError, Current, Database, Explanation, HistoryQuery, Indexed, Indexing, OpenError, Page,
    Rid, Row, StoreError, StoreSettings, Tidied, Unit,
};
use crate::core::{Core, Hits};
use crate::examine::is_gathered;
use crate::postgres::Postgres;
use crate::sqlite::Sqlite;
use crate::staged::{self, Staged, View};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::LazyLock;
use ward_access::{Access, Action};
use ward_fhir::TypeId;
use ward_fhir::schema::{TypeKind, r4};
use ward_seal::MasterKey;
use ward_search::compartment::Compartments;
use ward_search::entries::TermKey;
use ward_search::plan::{Plan, Position, SortValue};

/// Cheap to clone; all clones are the same store.
#[derive(Clone)]
pub struct Store(pub(crate) Backend);

#[derive(Clone)]
pub(crate) enum Backend {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Store {
    /// Opens or creates: migrates, checks itself, and refuses a newer format or another master key.
    pub async fn open(settings: StoreSettings, master: MasterKey) -> Result<Store, OpenError> {
        match settings.database.clone() {
            Database::Sqlite { path } => {
                Sqlite::open(&path, settings, master).map(|store| Store(Backend::Sqlite(store)))
            }
            Database::Postgres { url } => Postgres::open(&url, settings, master)
                .await
                .map(|store| Store(Backend::Postgres(store))),
        }
    }

    /// A new row id whose low 12 bits fit `patient`; for a Patient, and for what belongs to none, pass `None`.
    pub fn allocate(&self, patient: Option<Rid>) -> Rid {
        loop {
            if let Some(rid) = self.core().allocator.allocate(patient) {
                self.refill();
                return rid;
            }
            // A million row ids were used while one more block was being persisted: wait for it.
            self.refill();
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    /// Public id of a row: 20 characters of base32, a keyed bijection.
    pub fn public_id(&self, rid: Rid) -> String {
        self.core().cipher.encode(rid)
    }

    /// `None`: not one of ours.
    pub fn decode_id(&self, id: &str) -> Option<Rid> {
        self.core().cipher.decode(id)
    }

    /// Public id of an AuditEvent by its number, greater than 0: of the form of others, and never one of theirs.
    pub fn event_id(&self, number: i64) -> String {
        self.core().event_cipher.encode(number)
    }

    /// `None`: not one of these.
    pub fn decode_event_id(&self, id: &str) -> Option<i64> {
        self.core().event_cipher.decode(id)
    }

    pub fn term_key(&self) -> &TermKey {
        &self.core().term_key
    }

    /// Row ids of logical ids: own ids arithmetically (whether or not the row exists), client ids by one statement.
    pub async fn locate(&self, ids: &[(TypeId, &str)]) -> Result<Vec<Option<Rid>>, StoreError> {
        self.locate_by(ids, async |keys| match &self.0 {
            Backend::Sqlite(store) => store.locate(keys),
            Backend::Postgres(store) => store.locate(keys).await,
        })
        .await
    }

    /// `look_up` answers for the ids of clients, and is not asked about none.
    pub(crate) async fn locate_by(
        &self,
        ids: &[(TypeId, &str)],
        look_up: impl AsyncFnOnce(&[(TypeId, &str)]) -> Result<Vec<Option<Rid>>, StoreError>,
    ) -> Result<Vec<Option<Rid>>, StoreError> {
        let mut rids: Vec<Option<Rid>> = ids.iter().map(|(_, id)| self.decode_id(id)).collect();
        let unknown: Vec<usize> = (0..ids.len()).filter(|at| rids[*at].is_none()).collect();
        if unknown.is_empty() {
            return Ok(rids);
        }
        let keys: Vec<(TypeId, &str)> = unknown.iter().map(|at| ids[*at]).collect();
        let found = look_up(&keys).await?;
        unknown
            .into_iter()
            .zip(found)
            .for_each(|(at, rid)| rids[at] = rid);
        Ok(rids)
    }

    /// Like `locate`, and client ids that no row has yet get one: a reference may come before its target. Durable.
    pub async fn reserve(&self, ids: &[(TypeId, &str)]) -> Result<Vec<Rid>, StoreError> {
        let mut rids = self.locate(ids).await?;
        let unknown: Vec<usize> = (0..ids.len()).filter(|at| rids[*at].is_none()).collect();
        if !unknown.is_empty() {
            let wanted = unknown
                .iter()
                .map(|at| (ids[*at].0, ids[*at].1.to_owned(), self.allocate(None)))
                .collect();
            let found = match &self.0 {
                Backend::Sqlite(store) => store.reserve(wanted).await?,
                Backend::Postgres(store) => store.reserve(wanted).await?,
            };
            unknown
                .into_iter()
                .zip(found)
                .for_each(|(at, rid)| rids[at] = Some(rid));
        }
        rids.into_iter()
            .map(|rid| rid.ok_or(StoreError::Integrity))
            .collect()
    }

    /// Whether the row is there and not deleted. The only question without an access, and nothing of the row comes with its
    /// answer: it is what an access is decided from, so it must not reach a client by itself.
    pub async fn is_live(&self, ty: TypeId, rid: Rid) -> Result<bool, StoreError> {
        match &self.0 {
            Backend::Sqlite(store) => store.is_live(ty, rid),
            Backend::Postgres(store) => store.is_live(ty, rid).await,
        }
    }

    /// The current version, as far as the access lets it through for `action`: absent and forbidden look the same.
    pub async fn read(
        &self,
        access: &Access,
        action: Action,
        ty: TypeId,
        rid: Rid,
    ) -> Result<Current, StoreError> {
        let found = match &self.0 {
            Backend::Sqlite(store) => store.read(access, action, ty, rid),
            Backend::Postgres(store) => store.read(access, action, ty, rid).await,
        };
        found.inspect(|found| hand(access, found.row()))
    }

    /// Several at once, one statement.
    pub async fn read_many(
        &self,
        access: &Access,
        action: Action,
        keys: &[(TypeId, Rid)],
    ) -> Result<Vec<Current>, StoreError> {
        let found = match &self.0 {
            Backend::Sqlite(store) => store.read_many(access, action, keys),
            Backend::Postgres(store) => store.read_many(access, action, keys).await,
        };
        found.inspect(|found| hand(access, found.iter().filter_map(Current::row)))
    }

    /// One version, if it may be seen as well as the current one. `memberships`: of the references in it.
    pub async fn read_version(
        &self,
        access: &Access,
        memberships: &Compartments,
        ty: TypeId,
        rid: Rid,
        version: u32,
    ) -> Result<Option<Row>, StoreError> {
        View::committed(self)
            .read_version(access, memberships, ty, rid, version)
            .await
    }

    /// Newest first, each version that may be seen as well as the current one. `Page::next` holds (updated, version) and the
    /// row id of the last version; see `history_after`.
    pub async fn history(
        &self,
        access: &Access,
        memberships: &Compartments,
        query: &HistoryQuery,
    ) -> Result<Page, StoreError> {
        View::committed(self)
            .history(access, memberships, query)
            .await
    }

    pub(crate) async fn version(
        &self,
        access: &Access,
        ty: TypeId,
        rid: Rid,
        version: u32,
    ) -> Result<Option<Row>, StoreError> {
        match &self.0 {
            Backend::Sqlite(store) => store.read_version(access, ty, rid, version),
            Backend::Postgres(store) => store.read_version(access, ty, rid, version).await,
        }
    }

    pub(crate) async fn versions(
        &self,
        access: &Access,
        query: &HistoryQuery,
    ) -> Result<Vec<Row>, StoreError> {
        match &self.0 {
            Backend::Sqlite(store) => store.versions(access, query).await,
            Backend::Postgres(store) => store.versions(access, query).await,
        }
    }

    /// A history page's `next` as `HistoryQuery::after`.
    pub fn history_after(position: &Position) -> Option<(i64, Rid, u32)> {
        match position.values.as_slice() {
            [SortValue::Integer(updated), SortValue::Integer(version)] => {
                Some((*updated, position.rid, u32::try_from(*version).ok()?))
            }
            _ => None,
        }
    }

    /// A page of matches; `count` 0 asks for the total only. `Integrity`: a sort that `examine` gathers, or a check.
    pub async fn search(&self, access: &Access, plan: &Plan) -> Result<Page, StoreError> {
        Ok(search_page(self.hits(access, plan).await?))
    }

    /// Of one moment each.
    pub(crate) async fn referring(
        &self,
        access: &Access,
        plans: &[Plan],
    ) -> Result<Vec<Page>, StoreError> {
        let mut pages = Vec::with_capacity(plans.len());
        match &self.0 {
            Backend::Sqlite(store) => {
                for plan in plans {
                    let hits = store.search(access, plan).await?;
                    pages.push(search_page(handed(access, hits)));
                }
            }
            Backend::Postgres(store) => {
                let hits = store.referring(access, plans).await?;
                pages.extend(
                    hits.into_iter()
                        .map(|hits| search_page(handed(access, hits))),
                );
            }
        }
        Ok(pages)
    }

    pub(crate) async fn used(&self, types: &[TypeId]) -> Result<Vec<TypeId>, StoreError> {
        match &self.0 {
            Backend::Sqlite(store) => store.used(types),
            Backend::Postgres(store) => store.used(types).await,
        }
    }

    /// How the plan would be answered: names and counters are looked up and the statements planned, but not run.
    pub async fn explain(&self, access: &Access, plan: &Plan) -> Result<Explanation, StoreError> {
        let mut plan = plan.clone();
        // Rows in an order that no index holds are proposed in the natural one.
        if plan.sort.iter().any(is_gathered) {
            plan.sort.clear();
            plan.after = None;
        }
        match &self.0 {
            Backend::Sqlite(store) => store.explain(access, &plan),
            Backend::Postgres(store) => store.explain(access, &plan).await,
        }
    }

    /// The same of [`Store::read_many`].
    pub async fn explain_many(
        &self,
        access: &Access,
        action: Action,
        keys: &[(TypeId, Rid)],
    ) -> Result<Explanation, StoreError> {
        match &self.0 {
            Backend::Sqlite(store) => store.explain_many(access, action, keys),
            Backend::Postgres(store) => store.explain_many(access, action, keys).await,
        }
    }

    /// Writes the unit (without its record) and holds it open, so that what it makes can be read before it is committed or
    /// given up. It holds up other writes: for what must be answered from its own effect only.
    pub async fn stage(&self, unit: Unit) -> Result<Staged, CommitError> {
        Ok(Staged(match &self.0 {
            Backend::Sqlite(store) => staged::Backend::Sqlite(store.stage(unit).await?),
            Backend::Postgres(store) => {
                staged::Backend::Postgres(Box::new(store.stage(unit).await?))
            }
        }))
    }

    pub(crate) async fn hits(&self, access: &Access, plan: &Plan) -> Result<Hits, StoreError> {
        let hits = match &self.0 {
            Backend::Sqlite(store) => store.search(access, plan).await,
            Backend::Postgres(store) => store.search(access, plan).await,
        };
        hits.map(|hits| handed(access, hits))
    }

    /// All or nothing, durable when it returns.
    pub async fn commit(&self, unit: Unit) -> Result<(), CommitError> {
        match &self.0 {
            Backend::Sqlite(store) => store.commit(unit).await,
            Backend::Postgres(store) => store.commit(unit).await,
        }
    }

    /// Rises with every commit that writes a SearchParameter, in the order of the commits over all processes.
    pub async fn parameters_mark(&self) -> Result<i64, StoreError> {
        match &self.0 {
            Backend::Sqlite(store) => store.parameters_mark(),
            Backend::Postgres(store) => store.parameters_mark().await,
        }
    }

    /// By what rows are indexed, as this process knows it. No statement.
    pub fn indexing(&self) -> Arc<Indexing> {
        self.core().indexing.get()
    }

    /// The same as it is now. One statement.
    pub async fn load_indexing(&self) -> Result<Arc<Indexing>, StoreError> {
        match &self.0 {
            Backend::Sqlite(store) => store.load_indexing(),
            Backend::Postgres(store) => store.load_indexing().await,
        }
    }

    /// In place of the revision `from`; `false`: that is no longer the current one. When the generation rises, every commit
    /// with the one before has ended, and none comes later.
    pub async fn change_indexing(
        &self,
        from: i64,
        generation: u32,
        state: Bytes,
    ) -> Result<bool, StoreError> {
        match &self.0 {
            Backend::Sqlite(store) => store.change_indexing(from, generation, state).await,
            Backend::Postgres(store) => store.change_indexing(from, generation, state).await,
        }
    }

    /// Looks at texts and URIs by which codes were found and that a row has lost, those that nothing has any more are removed;
    /// `most` at most. What a row has lost within `StoreSettings::texts_kept_s` is left alone. Any process
    /// may at any time: what is left are rows.
    pub async fn remove_left_phrases(&self, most: u32) -> Result<Tidied, StoreError> {
        match &self.0 {
            Backend::Sqlite(store) => store.remove_left_phrases(most).await,
            Backend::Postgres(store) => store.remove_left_phrases(most).await,
        }
    }

    /// By what the live rows of a type are indexed, in an order that lasts: at most `most` after `after`. A row whose
    /// generation was too low when the walk began and still is when it ends has been passed.
    pub async fn indexed(
        &self,
        ty: TypeId,
        after: Option<Indexed>,
        most: u32,
    ) -> Result<Vec<Indexed>, StoreError> {
        match &self.0 {
            Backend::Sqlite(store) => store.indexed(ty, after, most),
            Backend::Postgres(store) => store.indexed(ty, after, most).await,
        }
    }

    /// Takes or keeps the work that one process at a time does, and says how far it has come; `false`: another has it. It is
    /// given up by whoever has not said anything for [`WORK_KEPT_S`].
    pub async fn work(&self, progress: &str) -> Result<bool, StoreError> {
        match &self.0 {
            Backend::Sqlite(store) => Ok(store.work(progress)),
            Backend::Postgres(store) => store.work(progress).await,
        }
    }

    /// What `work` was told last, by whichever process.
    pub async fn progress(&self) -> Result<String, StoreError> {
        match &self.0 {
            Backend::Sqlite(store) => Ok(store.progress()),
            Backend::Postgres(store) => store.progress().await,
        }
    }

    /// Live rows of each type by the counters. One statement.
    pub async fn counted(&self, types: &[TypeId]) -> Result<Vec<u64>, StoreError> {
        match &self.0 {
            Backend::Sqlite(store) => store.counted(types),
            Backend::Postgres(store) => store.counted(types).await,
        }
    }

    /// Whether other processes may write to it too.
    pub fn is_shared(&self) -> bool {
        matches!(self.0, Backend::Postgres(_))
    }

    pub async fn ready(&self) -> bool {
        match &self.0 {
            Backend::Sqlite(store) => store.ready(),
            Backend::Postgres(store) => store.ready().await,
        }
    }

    /// To be called every second: the embedded store tidies up in a quiet one.
    pub fn rest(&self) {
        if let Backend::Sqlite(store) = &self.0 {
            store.rest();
        }
    }

    /// Finishes what is queued; later commits are refused.
    pub async fn close(&self) {
        match &self.0 {
            Backend::Sqlite(store) => store.close().await,
            Backend::Postgres(store) => store.close().await,
        }
    }

    /// Statements executed so far.
    pub fn statements(&self) -> u64 {
        self.core().meter.statements()
    }

    pub(crate) fn core(&self) -> &Core {
        match &self.0 {
            Backend::Sqlite(store) => store.core(),
            Backend::Postgres(store) => store.core(),
        }
    }

    fn refill(&self) {
        if !self.core().allocator.wants_spare() {
            return;
        }
        let asked = match &self.0 {
            Backend::Sqlite(store) => store.refill(),
            Backend::Postgres(store) => store.refill(),
        };
        if !asked {
            self.core().allocator.keep_spare(None);
        }
    }
}

/// Seconds after which silent work is another's.
pub(crate) const WORK_KEPT_S: u32 = 10;

/// Of at most one version more than the page has.
pub(crate) fn history_page(mut rows: Vec<Row>, query: &HistoryQuery) -> Page {
    let more = rows.len() > query.count as usize;
    rows.truncate(query.count as usize);
    let position = |row: &Row| Position {
        values: vec![
            SortValue::Integer(row.updated_us),
            SortValue::Integer(i64::from(row.version)),
        ],
        rid: row.rid,
        part: 0,
    };
    let next = if more {
        rows.last().map(position)
    } else {
        None
    };
    Page {
        positions: Vec::new(),
        more,
        next,
        rows,
        total: None,
    }
}

/// To be called with all rows that leave for a caller: what of them is masked is remembered.
pub(crate) fn hand<'r>(access: &Access, rows: impl IntoIterator<Item = &'r Row>) {
    if access.mask().masked().is_some() {
        for row in rows {
            access.hand(row.ty, &row.id, row.visibility);
        }
    }
}

pub(crate) fn handed(access: &Access, hits: Hits) -> Hits {
    hand(access, hits.rows.iter().map(|(_, row)| row));
    hits
}

pub(crate) fn search_page(hits: Hits) -> Page {
    let (positions, rows): (Vec<Position>, Vec<Row>) = hits.rows.into_iter().unzip();
    Page {
        next: positions.last().cloned().filter(|_| hits.more),
        rows,
        positions,
        more: hits.more,
        total: hits.total,
    }
}

/// Every concrete resource type.
pub(crate) fn resource_types() -> &'static [TypeId] {
    static ALL: LazyLock<Vec<TypeId>> = LazyLock::new(|| {
        r4().types
            .iter()
            .filter(|t| t.kind == TypeKind::Resource && !t.is_abstract)
            .map(|t| t.id)
            .collect()
    });
    &ALL
}

/// What clients define search parameters by.
pub(crate) fn search_parameter() -> TypeId {
    static TYPE: LazyLock<TypeId> = LazyLock::new(|| {
        r4().resource_type("SearchParameter")
            .unwrap_or(TypeId(u16::MAX))
    });
    *TYPE
}

/// Rows hold type numbers: a store must not be opened with definitions that number types otherwise.
pub(crate) fn definitions_mark() -> [u8; 32] {
    let mut text = String::new();
    for ty in resource_types() {
        text.push_str(&format!("{}={};", ty.0, r4().ty(*ty).name));
    }
    ward_seal::hash::sha256(text.as_bytes())
}
