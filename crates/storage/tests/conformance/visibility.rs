//! What a caller's mask hides might as well not be in the store: every answer is that of a copy from which it was removed.

use crate::hops;
use crate::place::*;
use crate::plans::{CLASSES, Maker, World};
use bytes::Bytes;
use std::collections::BTreeSet;
use ward_access::{Access, Action, Mask};
use ward_fhir::TypeId;
use ward_fhir::tree::{Document, Node};
use ward_search::plan::{Filter, Plan, SortKey, Total};
use ward_search::query::Include;
use ward_storage::{
    CLASS_BYTES_MAX, Current, Expect, Guard, HistoryQuery, HistoryScope, Looking, NOBODY, Page,
    Revision, Rid, Row, Store, StoreError, Unit, View, Write,
};
use ward_testkit::Random;

/// Ids of the rows; the last one is beyond every mask.
const IDS: [i32; 4] = [0, 1, 2, 40_000];
/// What callers see of them.
const SEEN: [&[i32]; 3] = [&[0], &[0, 2], &[]];
const PATIENTS: usize = 24;

/// The same question to the whole store and to what is left of it.
struct Pair<'a> {
    whole: &'a Store,
    rest: &'a Store,
    /// Of a caller of the whole with a mask, and of the same one without.
    access: (Access, Access),
    what: String,
}

pub async fn what_is_hidden_might_as_well_not_be_there(place: Place) {
    let mut random = Random::seeded();
    let store = place.open().await;
    let mut draw = || IDS[random.below(IDS.len())];
    let world = Maker::new(&store).populate(PATIENTS, &mut draw).await;
    let changed = change(&store, &world.rows, &mut random).await;
    store.close().await;
    let mut copies = Vec::new();
    for seen in SEEN {
        copies.push((seen, place.reduced(seen, &[]).await));
    }
    let whole = place.open().await;
    for (seen, copy) in copies {
        let rest = copy.open().await;
        for (caller, access) in callers(&whole, seen, world.patients[3]) {
            let pair = Pair {
                whole: &whole,
                rest: &rest,
                access,
                what: format!("{seen:?} {caller}"),
            };
            pair.asks_all_classes(&world).await;
            pair.asks_who_refers(&world).await;
            pair.reads(&world.rows, &changed).await;
            pair.reads_history(&changed).await;
        }
        rest.close().await;
    }
}

/// While it is decided anew who sees a record, nobody does; what belongs to it and is at home elsewhere is seen as it was.
pub async fn a_closed_record_might_as_well_not_be_there(place: Place) {
    let mut random = Random::seeded();
    let store = place.open().await;
    let mut draw = || IDS[random.below(IDS.len())];
    let world = Maker::new(&store).populate(PATIENTS, &mut draw).await;
    let changed = change(&store, &world.rows, &mut random).await;
    store.close().await;
    let closed = &world.patients[2..6];
    let copy = place.reduced(&[0, 1], closed).await;
    let (whole, rest) = (place.open().await, copy.open().await);
    for patient in [world.patients[3], world.patients[9]] {
        for (caller, (masked, open)) in callers(&whole, &[0, 1], patient) {
            // Nobody's, so that the copy is not asked its counters, which have what was removed.
            let nobody = [-1];
            let pair = Pair {
                whole: &whole,
                rest: &rest,
                access: (masked.without(closed), open.without(&nobody)),
                what: format!("closed {caller}"),
            };
            pair.asks_all_classes(&world).await;
            pair.asks_who_refers(&world).await;
            pair.reads(&world.rows, &changed).await;
            pair.reads_history(&changed).await;
        }
    }
}

/// Some rows get further versions that more or fewer may see, some are deleted; then who sees a version, current or not, is decided
/// anew for some.
async fn change(store: &Store, rows: &[Write], random: &mut Random) -> Vec<Write> {
    let mut changed = Vec::new();
    for row in rows {
        let next = Write {
            visibility: IDS[random.below(IDS.len())],
            ..match random.below(12) {
                0 => delete(row),
                1 | 2 => {
                    let body = std::str::from_utf8(&row.body).unwrap();
                    update(row, body, row.entries.clone())
                }
                _ => continue,
            }
        };
        commit(store, &next).await.unwrap();
        changed.push(next);
    }
    for some in changed.chunks(20).step_by(2) {
        let writes = some
            .iter()
            .map(|write| seen_by(write, IDS[random.below(IDS.len())]));
        let mut anew = unit(writes.collect());
        anew.revisions = some
            .iter()
            .step_by(2)
            .map(|write| Revision {
                rid: write.rid,
                version: 1,
                visibility: IDS[random.below(IDS.len())],
            })
            .collect();
        store.commit(anew).await.unwrap();
    }
    changed
}

/// The same version, of another visibility.
pub fn seen_by(write: &Write, visibility: i32) -> Write {
    Write {
        expect: Expect::Stays(write.version),
        visibility,
        policy: Some(0),
        old_entries: write.entries.clone(),
        body: Bytes::new(),
        ..write.clone()
    }
}

fn callers(store: &Store, seen: &[i32], patient: Rid) -> Vec<(&'static str, (Access, Access))> {
    let vitals = "system/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs system/Patient.rs system/Encounter.rs";
    let of = |make: &dyn Fn(&Mask) -> Access| (make(&Mask::of(seen)), make(&Mask::every()));
    vec![
        (
            "system",
            of(&|mask| scoped_by(mask, "system/*.cruds", None)),
        ),
        ("app", of(&|mask| app_by(mask, store, patient))),
        ("part", of(&|mask| granular_by(mask, store, vitals, None))),
    ]
}

impl Pair<'_> {
    async fn asks_all_classes(&self, world: &World) {
        let maker = Maker::new(self.whole);
        for (class, question) in CLASSES {
            let asked = question
                .replace("{patient}", &maker.id(world.patients[3]))
                .replace("{encounter}", &maker.id(world.encounters[3]));
            let plan = maker.plan(&asked);
            if !plan
                .types
                .iter()
                .all(|ty| self.access.0.may(*ty, Action::Search))
            {
                continue;
            }
            for count in [7, 1_000] {
                let plan = Plan {
                    count: if plan.count == 0 { 0 } else { count },
                    total: Total::Accurate,
                    ..plan.clone()
                };
                self.asks(&plan, class).await;
            }
        }
        let gathered = Plan {
            sort: vec![SortKey::Quantity {
                param: hops::param("Observation", "value-quantity"),
                descending: true,
            }],
            total: Total::Accurate,
            count: 7,
            ..maker.plan("Observation?code=http://loinc.org|2339-0")
        };
        self.examines(&maker, &gathered).await;
    }

    /// Page by page, and as the condition of a write.
    async fn asks(&self, plan: &Plan, class: &str) {
        let mut plan = plan.clone();
        let mut rids = Vec::new();
        loop {
            let whole = self.whole.search(&self.access.0, &plan).await;
            let rest = self.rest.search(&self.access.1, &plan).await;
            assert_eq!(told(&whole), told(&rest), "{} {class} {plan:?}", self.what);
            let Ok(page) = whole else { return };
            rids.extend(page.rows.iter().map(|row| row.rid));
            match page.next {
                Some(next) => plan.after = Some(next),
                None => break,
            }
        }
        if plan.count > 0 {
            self.holds(&plan, rids, class).await;
        }
    }

    /// A condition sees what its caller sees.
    async fn holds(&self, plan: &Plan, rids: Vec<Rid>, class: &str) {
        let condition = |rids: Vec<Rid>| Unit {
            guards: vec![Guard::Matches {
                key: 1,
                plan: plan.clone(),
                access: self.access.0.clone(),
                rids,
            }],
            ..Unit::default()
        };
        let met = self.whole.commit(condition(rids.clone())).await;
        assert_eq!(met, Ok(()), "{} {class}", self.what);
        if let Some((_, fewer)) = rids.split_last() {
            let met = self.whole.commit(condition(fewer.to_vec())).await;
            assert!(met.is_err(), "{} {class}", self.what);
        }
    }

    /// Rows that are looked at one by one, within a budget that only what is seen counts against.
    async fn examines(&self, maker: &Maker<'_>, plan: &Plan) {
        for rows_max in [10, 10_000] {
            let looking = Looking {
                checks: &[],
                score: None,
                contained: None,
                extractor: &maker.extractor,
                rows_max,
                view: &stored,
            };
            let ask = async |store: &Store, access: &Access| {
                let page = View::committed(store).examine(access, plan, looking).await;
                told(&page)
            };
            let whole = ask(self.whole, &self.access.0).await;
            assert_eq!(whole, ask(self.rest, &self.access.1).await, "{}", self.what);
        }
    }

    /// `_revinclude`, and each hop of `:iterate`.
    async fn asks_who_refers(&self, world: &World) {
        let maker = Maker::new(self.whole);
        let rows: Vec<Document> = world
            .patients
            .iter()
            .map(|rid| maker.patient(*rid))
            .collect();
        let nodes: Vec<Node<'_>> = rows.iter().map(Document::root).collect();
        let mut plans = Vec::new();
        for source in ["Observation", "Encounter", "RiskAssessment"] {
            let include = Include {
                iterate: false,
                reverse: true,
                source: Some(ty(source)),
                param: None,
                target: None,
            };
            for (ty, _, terms) in include.referring(&maker.extractor, &nodes) {
                let filter = Filter::AnyTerm(terms);
                plans.push(Plan {
                    count: 60,
                    ..plan(ty, filter)
                });
            }
        }
        plans.retain(|plan| self.access.0.may(plan.types[0], Action::Search));
        assert!(!plans.is_empty());
        let ask = async |store: &Store, access: &Access| -> Vec<String> {
            let pages = View::committed(store).referring(access, &plans).await;
            pages
                .unwrap()
                .into_iter()
                .map(|page| told(&Ok(page)))
                .collect()
        };
        let whole = ask(self.whole, &self.access.0).await;
        assert_eq!(whole, ask(self.rest, &self.access.1).await, "{}", self.what);
    }

    async fn reads(&self, rows: &[Write], changed: &[Write]) {
        let keys: Vec<_> = rows.iter().map(|row| (row.ty, row.rid)).collect();
        let many = async |store: &Store, access: &Access| -> Vec<String> {
            let rows = store.read_many(access, Action::Read, &keys).await.unwrap();
            rows.iter().map(current).collect()
        };
        let whole = many(self.whole, &self.access.0).await;
        assert_eq!(
            whole,
            many(self.rest, &self.access.1).await,
            "{}",
            self.what
        );
        self.names(&keys).await;
        for row in changed.iter().step_by(5) {
            let one = async |store: &Store, access: &Access| {
                let mut versions = Vec::new();
                for version in 1..=3 {
                    let version = store
                        .read_version(access, memberships(), row.ty, row.rid, version)
                        .await
                        .unwrap();
                    versions.push(version.as_ref().map(shown));
                }
                (
                    current(&read(store, access, row.ty, row.rid).await),
                    versions,
                )
            };
            let whole = one(self.whole, &self.access.0).await;
            assert_eq!(whole, one(self.rest, &self.access.1).await, "{}", self.what);
        }
    }

    /// What may be named: what is read, and of types that are not reached what the mask and closed records let through.
    async fn names(&self, keys: &[(TypeId, Rid)]) {
        let (masked, open) = &self.access;
        let whole = self.whole.visible(masked, keys).await.unwrap();
        let rest = self.rest.visible(open, keys).await.unwrap();
        assert_eq!(whole, rest, "{}", self.what);
        let read = self.whole.read_many(masked, Action::Read, keys).await;
        let read = read.unwrap().into_iter();
        for (key, (visible, read)) in keys.iter().zip(whole.iter().zip(read)) {
            if masked.may(key.0, Action::Read) {
                assert_eq!(*visible, !matches!(read, Current::Absent), "{}", self.what);
            }
        }
        let reached = Mask::clone(masked.mask());
        let narrow = scoped_by(&reached, "system/Organization.rs", None).without(masked.closed());
        let beyond = self.whole.visible(&narrow, keys).await.unwrap();
        let all = scoped_by(&reached, "system/*.rs", None).without(masked.closed());
        assert_eq!(beyond, self.whole.visible(&all, keys).await.unwrap());
        let nobody = [(keys[0].0, -1), (keys[0].0, keys[0].1)];
        assert!(!self.whole.visible(&all, &nobody).await.unwrap()[0]);
    }

    async fn reads_history(&self, changed: &[Write]) {
        let middle = changed[changed.len() / 2].updated_us;
        let instances = changed.iter().step_by(9).map(|row| HistoryScope::Instance {
            ty: row.ty,
            rid: row.rid,
        });
        let mut scopes: Vec<HistoryScope> = instances.collect();
        scopes.push(HistoryScope::Type(ty("Observation")));
        scopes.push(HistoryScope::System);
        for scope in scopes {
            for (since_us, at_us) in [
                (None, None),
                (Some(middle), None),
                (None, Some((middle, middle + 10_000))),
            ] {
                let mut query = HistoryQuery {
                    scope: scope.clone(),
                    since_us,
                    at_us,
                    count: 90,
                    after: None,
                };
                loop {
                    let ask = async |store: &Store, access: &Access| {
                        store.history(access, memberships(), &query).await.unwrap()
                    };
                    let page = ask(self.whole, &self.access.0).await;
                    let rest = ask(self.rest, &self.access.1).await;
                    let next = page.next.as_ref().and_then(Store::history_after);
                    assert_eq!(told(&Ok(page)), told(&Ok(rest)), "{} {query:?}", self.what);
                    query.after = next;
                    if next.is_none() {
                        break;
                    }
                }
            }
        }
    }
}

/// All that an answer tells.
fn told(page: &Result<Page, StoreError>) -> String {
    match page {
        Err(error) => format!("{error:?}"),
        Ok(page) => {
            let rows: Vec<String> = page.rows.iter().map(shown).collect();
            let Page {
                more,
                next,
                positions,
                total,
                ..
            } = page;
            format!("{total:?} {more} {next:?} {positions:?} {rows:#?}")
        }
    }
}

fn shown(row: &Row) -> String {
    format!("{row:?}")
}

fn current(current: &Current) -> String {
    format!("{current:?}")
}

/// Chains and reverse chains through what is hidden lead nowhere.
pub async fn what_is_hidden_decides_no_hop(place: Place) {
    let mut random = Random::seeded();
    let store = place.open().await;
    let rows = hops::world(&store, &mut random).await;
    let patients = rows.iter().filter(|row| row.ty == ty("Patient"));
    let patients: Vec<Rid> = patients.map(|row| row.rid).collect();
    store.close().await;
    let mut copies = Vec::new();
    for seen in SEEN {
        copies.push((seen, place.reduced(seen, &[]).await));
    }
    let whole = place.open().await;
    for (seen, copy) in copies {
        let rest = copy.open().await;
        let every = |make: &dyn Fn(&Mask) -> Access| (make(&Mask::of(seen)), make(&Mask::every()));
        let system = every(&|mask| scoped_by(mask, "system/*.cruds", None));
        let app = every(&|mask| app_by(mask, &whole, patients[1]));
        for round in 0..200 {
            let on = ["Observation", "Patient", "Encounter", "Practitioner"][random.below(4)];
            let filter = hops::hops(&mut random, on, 3, &rows, &whole);
            let pair = Pair {
                whole: &whole,
                rest: &rest,
                access: if random.coin() {
                    system.clone()
                } else {
                    app.clone()
                },
                what: format!("{seen:?} {round}"),
            };
            let plan = Plan {
                count: 5,
                total: Total::Accurate,
                ..plan(ty(on), filter)
            };
            pair.asks(&plan, on).await;
        }
        rest.close().await;
    }
}

pub async fn classes_have_dense_ids_on_every_node(place: Place) {
    let store = place.open().await;
    assert_eq!(store.classes(0, 10).await, Ok(vec![Bytes::new()]));
    let class = |n: usize| Bytes::from(format!("class {n}"));
    let asked = [class(1), Bytes::new(), class(2), class(1)];
    let ids = store.intern_classes(&asked).await.unwrap();
    assert_eq!(ids, [1, 0, 2, 1]);
    assert_eq!(store.intern_classes(&[]).await, Ok(Vec::new()));
    // PostgreSQL has other nodes, of which none knows what another has interned.
    let other = place.open().await;
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let node = if task % 2 == 0 { &store } else { &other };
            let (node, order) = (node.clone(), (0..12).map(move |n| (n * 7 + task) % 12));
            tokio::spawn(async move {
                let asked: Vec<Bytes> = order.clone().map(class).collect();
                let ids = node.intern_classes(&asked).await.unwrap();
                order.zip(ids).collect::<BTreeSet<(usize, i32)>>()
            })
        })
        .collect();
    let mut told = BTreeSet::new();
    for task in tasks {
        told.extend(task.await.unwrap());
    }
    assert_eq!(told.len(), 12, "one id each: {told:?}");
    let ids: BTreeSet<i32> = told.iter().map(|(_, id)| *id).collect();
    assert!(ids.iter().copied().eq(1..=12), "{ids:?}");
    let known = other.classes(1, 100).await.unwrap();
    for (n, id) in told {
        assert_eq!(known[id as usize - 1], class(n));
    }
    assert_eq!(other.classes(12, 100).await.unwrap().len(), 1);
    assert_eq!(other.classes(3, 4).await.unwrap(), known[2..6]);
    assert!(other.classes(13, 100).await.unwrap().is_empty());
    store.close().await;
    other.close().await;
    let again = place.open().await;
    assert_eq!(again.intern_classes(&asked).await, Ok(vec![1, 0, 2, 1]));
    let before = again.statements();
    again.intern_classes(&asked).await.unwrap();
    assert_eq!(again.statements() - before, 1);
}

pub async fn what_cannot_be_interned_is_nobodys(place: Place) {
    let store = place.open().await;
    let long = Bytes::from(vec![7; CLASS_BYTES_MAX + 1]);
    let full = long.slice(1..);
    let ids = store
        .intern_classes(&[long.clone(), full.clone(), long])
        .await;
    assert_eq!(ids, Ok(vec![NOBODY, 1, NOBODY]));
    let (table, id) = match &place {
        Place::Sqlite(_) => ("vis_class", "k"),
        Place::Postgres(_) => ("vis_class", "w"),
    };
    // All ids but one are taken.
    let last = ward_storage::VISIBILITY_IDS_MAX - 2;
    place
        .run(&format!("update {table} set {id} = {last} where {id} = 1"))
        .await;
    let asked = [Bytes::from("a"), Bytes::from("b"), full];
    let ids = store.intern_classes(&asked).await.unwrap();
    assert_eq!(ids, [last as i32 + 1, NOBODY, last as i32]);
    assert_eq!(
        store.classes(0, 10).await,
        Err(StoreError::Integrity),
        "an id is missing"
    );
    // Nobody's row is the server's only, whatever a mask says of the ids that there are.
    let row = Write {
        visibility: NOBODY,
        ..create(ty("Observation"), store.allocate(None), 0, "{}")
    };
    commit(&store, &row).await.unwrap();
    let everything = Mask::of_bits(&[0xff; ward_storage::VISIBILITY_IDS_MAX / 8]);
    let caller = scoped_by(&everything, "system/*.cruds", None);
    assert!(matches!(
        read(&store, &caller, row.ty, row.rid).await,
        Current::Absent
    ));
    assert!(
        found(&store, &caller, &plan(row.ty, Filter::All))
            .await
            .is_empty()
    );
    live(read(&store, &all(), row.ty, row.rid).await);
}

fn stored(row: &ward_storage::Row) -> Option<ward_fhir::Document> {
    ward_fhir::json::read(&row.body, None, &ward_fhir::tree::Limits::default()).ok()
}
