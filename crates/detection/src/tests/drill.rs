//! The drill in small.

use crate::drill::{Drill, Kind, first_days};
use crate::*;

fn small(seed: u64) -> Drill {
    Drill {
        staff: 150,
        patients: 6_000,
        days: 14,
        of_each_kind: 1,
        ..Drill::new(seed)
    }
}

#[test]
fn finds_what_is_hidden_and_tells_little_else() {
    let report = small(7).run(&|| 0);
    let (all, found) = report.found();
    assert!(all >= Kind::ALL.len() - 2, "{report}");
    assert!(found * 10 >= all * 8, "{report}");
    assert!(report.alerts_a_day() <= 8.0, "{report}");
}

#[test]
fn the_same_seed_is_the_same_month() {
    let (one, planted) = first_days(&small(3), 6);
    let (same, _) = first_days(&small(3), 6);
    let (other, _) = first_days(&small(4), 6);
    assert!(one == same && one != other && planted > 0);
    assert!(one.windows(2).all(|pair| pair[0].at_s <= pair[1].at_s));
}

#[test]
fn memory_is_bounded_whoever_comes() {
    let mut world = super::world::World::new();
    for n in 0..250_000i64 {
        let access = Access {
            source: n as u64,
            target: n as u64,
            act: Act::Login,
            outcome: Outcome::Denied,
            ..super::world::read(n as u64, 0, super::world::NOON + n)
        };
        world.see(access);
    }
    let remembered = world.detector.remembered();
    assert!(remembered[0] <= detector::USERS_MAX, "{remembered:?}");
    assert!(remembered[3] <= detector::INCIDENTS_MAX, "{remembered:?}");
}
