//! A condition that reads what is masked in some rows (`Filter::Shows`) holds of none of them, in every class of search and for totals;
//! denied it holds of them. <https://hl7.org/fhir/R4/search.html>

use crate::place::*;
use crate::plans::{CLASSES, Maker};
use std::collections::BTreeSet;
use ward_access::{Access, Mask, Masked, Veil};
use ward_search::groups::Groups;
use ward_search::plan::{Filter, Plan, Total};
use ward_storage::{Rid, Store};
use ward_testkit::Random;

const IDS: [i32; 4] = [0, 1, 2, 40_000];
const PATIENTS: usize = 24;
const VALUE: Groups = Groups::of(0);
const NOTE: Groups = Groups::of(1);

/// Sees all rows but those of the last id: of 1 without the value, of 2 without the note.
fn masked() -> Mask {
    let without = |masked| Veil {
        masked,
        redacted: Groups::NONE,
    };
    let masked = Masked::default().with(&[(1, without(VALUE)), (2, without(NOTE))]);
    Mask::of(&IDS[..3]).masking(masked)
}

pub async fn a_condition_holds_of_no_row_in_which_it_is_masked(place: Place) {
    let mut random = Random::seeded();
    let store = place.open().await;
    let mut draw = || IDS[random.below(IDS.len())];
    let world = Maker::new(&store).populate(PATIENTS, &mut draw).await;
    let of = |mask: &Mask| scoped_by(mask, "system/*.cruds", None);
    let (caller, open, narrow) = (
        of(&masked()),
        of(&Mask::of(&IDS[..3])),
        of(&Mask::of(&[0, 2])),
    );
    let maker = Maker::new(&store);
    let own = CLASSES.iter().filter(|(_, text)| is_of_one_row(text));
    for (name, text) in own {
        let text = text
            .replace("{patient}", &maker.id(world.patients[3]))
            .replace("{encounter}", &maker.id(world.encounters[3]));
        let plan = Plan {
            count: 5_000,
            ..maker.plan(&text)
        };
        let asked = |filter: Filter| Plan {
            filter,
            ..plan.clone()
        };
        let beside = |groups| Filter::And(vec![plan.filter.clone(), Filter::Shows(groups)]);
        let shown = found(&store, &caller, &asked(beside(VALUE))).await;
        assert_eq!(shown, found(&store, &narrow, &plan).await, "{name}");
        assert_eq!(
            total(&store, &caller, &asked(beside(VALUE))).await,
            total(&store, &narrow, &plan).await,
            "{name}"
        );
        // What reads neither is asked as ever.
        let neither = asked(beside(Groups::of(5)));
        let all = found(&store, &open, &plan).await;
        assert_eq!(found(&store, &caller, &neither).await, all, "{name}");
        let denied = asked(Filter::Not(Box::new(beside(VALUE))));
        let every = asked(Filter::All);
        let every = set(found(&store, &open, &every).await);
        let rest: BTreeSet<Rid> = &every - &set(shown);
        assert_eq!(
            set(found(&store, &caller, &denied).await),
            rest,
            "not {name}"
        );
    }
}

/// Nothing is asked of other resources, which are hidden from the narrower caller.
fn is_of_one_row(text: &str) -> bool {
    let names = text.split(['?', '&']).skip(1);
    let mut names = names.filter_map(|pair| pair.split('=').next());
    names.all(|name| !name.contains('.') && !name.starts_with("_has"))
}

fn set(rows: Vec<Rid>) -> BTreeSet<Rid> {
    rows.into_iter().collect()
}

async fn total(store: &Store, access: &Access, plan: &Plan) -> Option<u64> {
    let plan = Plan {
        total: Total::Accurate,
        count: 0,
        ..plan.clone()
    };
    store.search(access, &plan).await.unwrap().total
}
