//! What is judged by how somebody behaves: A9, A10, A13, A15 to A30.

use super::world::*;
use crate::*;

fn opens(world: &mut World, count: i64, step_s: i64, department: Option<Key>) -> Vec<Rule> {
    let at_s = world.learn_days(12, 5) + 3_600;
    for n in 0..count {
        if let Some(department) = department {
            world.stay(5_000 + n, department);
        }
    }
    let reads = (0..count).map(|n| read(NURSE, 5_000 + n, at_s + n * step_s));
    let mut told = rules(&world.see_all(reads));
    // Nobody else uses the app.
    told.retain(|rule| *rule != Rule::A20);
    told
}

#[test]
fn far_more_patients_than_usual() {
    // Work, but of a hundred in a day.
    assert_eq!(opens(&mut World::new(), 44, 30, Some(1)), []);
    assert_eq!(opens(&mut World::new(), 56, 30, Some(1)), [Rule::A9]);
    // Without a reason, far fewer.
    assert_eq!(opens(&mut World::new(), 15, 300, None), []);
    assert_eq!(opens(&mut World::new(), 17, 300, None), [Rule::A9]);
}

#[test]
fn who_always_has_many_patients_is_no_news() {
    let mut world = World::new();
    let at_s = world.learn_days(12, 25) + 3_600;
    for n in 0..56 {
        world.stay(5_000 + n, 1);
    }
    let work = (0..56).map(|n| read(NURSE, 5_000 + n, at_s + n * 30));
    assert_eq!(rules(&world.see_all(work)), []);
}

#[test]
fn records_opened_one_after_the_other() {
    let browse = |count, step_s, department| {
        let mut world = World::new();
        for n in 0..count {
            if let Some(department) = department {
                world.stay(300 + n, department);
            }
        }
        let all = (0..count).map(|n| read(NURSE, 300 + n, NOON + n * step_s));
        world.see_all(all)
    };
    let alerts = browse(16, 15, None);
    assert_eq!(rules(&alerts), [Rule::A10]);
    assert!(alerts[0].reasons[0].text.contains("order of their ids"));
    assert_eq!(rules(&browse(15, 15, None)), []);
    assert_eq!(rules(&browse(30, 21, None)), []);
    assert_eq!(rules(&browse(40, 10, Some(1))), [], "a round of the ward");
}

#[test]
fn an_account_that_slept() {
    let after = |days: i64, patient| {
        let mut world = World::new();
        world.nurse().used_s = Some(NOON - days * DAY);
        rules(&world.see_all([read(NURSE, patient, NOON), read(NURSE, patient, NOON + 60)]))
    };
    assert_eq!(after(46, 7), [Rule::A13]);
    assert_eq!(after(45, 7), []);
    // Signing in opens nothing; what comes next does.
    let mut world = World::new();
    world.nurse().used_s = Some(NOON - 50 * DAY);
    assert_eq!(rules(&world.see_all([read(NURSE, 0, NOON)])), []);
    assert_eq!(
        rules(&world.see_all([read(NURSE, 7, NOON + 60)])),
        [Rule::A13]
    );
}

#[test]
fn sensitive_records_far_more_often_than_peers() {
    let hunt = |count: i64, others: i64| {
        let mut world = World::new();
        let at_s = world.learn_days(12, 5) + 3_600;
        let open = |world: &mut World, n: i64, labels| {
            world.stay(6_000 + n, 1);
            world.see(Access {
                labels,
                ..read(NURSE, 6_000 + n, at_s + n * 70)
            })
        };
        for n in 0..others {
            open(&mut world, n, Labels::default());
        }
        let found = (others..others + count).flat_map(|n| open(&mut world, n, Labels::SENSITIVE));
        rules(&found.collect::<Vec<_>>())
    };
    assert_eq!(hunt(8, 10), [Rule::A15]);
    assert_eq!(hunt(7, 10), []);
}

#[test]
fn emergency_overrides() {
    let declared = |patient, at_s| Access {
        act: Act::BreakGlass,
        break_glass: true,
        ..read(NURSE, patient, at_s)
    };
    let followed = |count: i64, step_s: i64| {
        let mut world = World::new();
        (0..count).for_each(|n| world.stay(40 + n, 3));
        rules(&world.see_all((0..count).map(|n| declared(40 + n, NOON + n * step_s))))
    };
    assert_eq!(followed(3, DAY), []);
    assert_eq!(followed(4, DAY), [Rule::A16]);
    assert_eq!(followed(4, 3 * DAY), [], "not within a week");
    let mut world = World::new();
    world.kin.insert((NURSE, 7), Kin::Family);
    assert_eq!(rules(&world.see_all([declared(7, NOON)])), [Rule::A16]);
    let mut world = World::new();
    world.see(declared(7, NOON));
    assert_eq!(rules(&world.see_all([read(NURSE, 0, NOON + DAY - 1)])), []);
    assert_eq!(
        rules(&world.see_all([read(NURSE, 0, NOON + DAY)])),
        [Rule::A16]
    );
}

#[test]
fn probing_searches() {
    let probe = |count: i64, step_s: i64, change: fn(&mut Access)| {
        let mut world = World::new();
        world.stay(7, 1);
        rules(&world.see_all((0..count).map(|n| {
            let mut access = Access {
                act: Act::Search,
                shape: 3,
                target: 100 + n as u64,
                results: (n % 2) as u32,
                ..read(NURSE, 7, NOON + n * step_s)
            };
            change(&mut access);
            access
        })))
    };
    assert_eq!(probe(10, 30, |_| ()), [Rule::A17]);
    assert_eq!(probe(9, 30, |_| ()), []);
    assert_eq!(probe(20, 40, |_| ()), [], "slowly");
    assert_eq!(probe(20, 10, |a| a.target = 5), [], "waits for a result");
    assert_eq!(probe(20, 10, |a| a.results = 9), [], "finds much");
    assert_eq!(
        probe(20, 10, |a| a.is_clinical = false),
        [],
        "looks for a name"
    );
    assert_eq!(
        probe(20, 10, |a| a.shape = a.target),
        [],
        "asks for this and that"
    );
}

#[test]
fn a_burst_of_refusals() {
    let refused = |count: i64, user, change: fn(&mut Access)| {
        let mut world = World::new();
        world.see_all((0..count).map(|n| {
            let mut access = Access {
                outcome: Outcome::NotFound,
                target: 100 + n as u64,
                ..read(user, 0, NOON + n * 2)
            };
            change(&mut access);
            access
        }))
    };
    assert_eq!(rules(&refused(21, NURSE, |_| ())), [Rule::A18]);
    assert_eq!(rules(&refused(20, NURSE, |_| ())), []);
    assert_eq!(
        rules(&refused(100, NURSE, |a| a.target = 4)),
        [],
        "one broken link"
    );
    assert_eq!(
        rules(&refused(29, NURSE, |a| a.outcome = Outcome::Failed)),
        []
    );
    let nobody = refused(21, 0, |_| ());
    assert_eq!(rules(&nobody), [Rule::A18]);
    assert_eq!((nobody[0].subject.source, nobody[0].subject.client), (5, 1));
}

#[test]
fn two_places_at_once() {
    let place = |km: f64| Point {
        latitude: 48_000_000 + (km * 1_000.0 / 0.111_195) as i32,
        longitude: 11_000_000,
    };
    let travel = |km: f64, minutes: i64| {
        let mut world = World::new();
        world.stay(7, 1);
        world.places = [(5, place(0.0)), (6, place(km))].into();
        let away = Access {
            source: 6,
            ..read(NURSE, 7, NOON + minutes * 60)
        };
        rules(&world.see_all([read(NURSE, 7, NOON), away]))
    };
    assert_eq!(travel(500.0, 10), [Rule::A19]);
    assert_eq!(travel(140.0, 1), [], "near enough for a gateway");
    assert_eq!(travel(500.0, 40), [], "by aeroplane");
    // An address that is theirs by habit.
    let mut world = World::new();
    world.stay(7, 1);
    world.places = [(5, place(0.0)), (6, place(500.0))].into();
    for day in 0..3 {
        let away = Access {
            source: 6,
            ..read(NURSE, 7, NOON + day * DAY)
        };
        world.see(away);
    }
    let away = Access {
        source: 6,
        ..read(NURSE, 7, NOON + 3 * DAY + 60)
    };
    assert_eq!(
        rules(&world.see_all([read(NURSE, 7, NOON + 3 * DAY), away])),
        []
    );
}

#[test]
fn two_workstations_at_once() {
    let switch = |count: i64, step_s: i64| {
        let mut world = World::new();
        world.stay(7, 1);
        rules(&world.see_all((0..count).map(|n| Access {
            workstation: 1 + n as u64 % 2,
            ..read(NURSE, 7, NOON + n * step_s)
        })))
    };
    assert_eq!(switch(9, 20), [Rule::A19]);
    assert_eq!(switch(8, 20), []);
    assert_eq!(switch(30, 60), []);
}

#[test]
fn an_app_unlike_itself() {
    let app = |at_s, n: i64, ty| Access {
        client: 3,
        ty,
        ..read(0, 2_000 + n, at_s)
    };
    let after = |count: i64, ty| {
        let mut world = World::new();
        for hour in 0..100 {
            let at_s = NOON - (100 - hour) * 3_600;
            let usual = (0..20).map(|n| app(at_s + n, n, 1));
            assert_eq!(rules(&world.see_all(usual)), []);
        }
        rules(&world.see_all((0..count).map(|n| app(NOON + n, n, ty))))
    };
    assert_eq!(after(60, 1), []);
    assert_eq!(after(85, 1), [Rule::A20]);
    assert_eq!(after(1, 2), [Rule::A20]);
}

#[test]
fn an_attack_on_sign_ins() {
    let tried = |count: u64, accounts: u64, act, signed_in: u64| {
        let mut world = World::new();
        let access = |n: u64, outcome| Access {
            act,
            outcome,
            target: 400 + n % accounts,
            ..read(0, 0, NOON + n as i64)
        };
        world.see_all((0..signed_in).map(|n| access(n, Outcome::Granted)));
        rules(&world.see_all((0..count).map(|n| access(n, Outcome::Denied))))
    };
    assert_eq!(tried(10, 1, Act::Login, 0), [Rule::A21]);
    assert_eq!(tried(9, 1, Act::Login, 0), []);
    assert_eq!(tried(20, 20, Act::Login, 0), [Rule::A21]);
    assert_eq!(tried(19, 19, Act::Login, 0), []);
    assert_eq!(tried(20, 20, Act::Login, 100), [], "a hospital's address");
    // Of accounts that are not told, each counts as another.
    let mut world = World::new();
    let untold = |n| Access {
        act: Act::Login,
        outcome: Outcome::Denied,
        ..read(0, 0, NOON + n)
    };
    assert_eq!(rules(&world.see_all((0..19).map(untold))), []);
    assert_eq!(rules(&world.see_all((19..22).map(untold))), [Rule::A21]);
    assert_eq!(tried(5, 1, Act::SecondFactor, 0), [Rule::A21]);
    assert_eq!(tried(4, 1, Act::SecondFactor, 0), []);
}

#[test]
fn what_one_event_tells() {
    let tell = |act, user, outcome| {
        let mut world = World::new();
        let access = Access {
            act,
            outcome,
            ..read(user, 0, NOON)
        };
        rules(&world.see_all([access, access]))
    };
    assert_eq!(tell(Act::TokenReuse, NURSE, Outcome::Denied), [Rule::A22]);
    assert_eq!(tell(Act::PolicyFault, NURSE, Outcome::Denied), [Rule::A24]);
    assert_eq!(tell(Act::AuditGap, 0, Outcome::Failed), [Rule::A25]);
    assert_eq!(tell(Act::LabelDown, NURSE, Outcome::Denied), [Rule::A27]);
    assert_eq!(tell(Act::LabelDown, NURSE, Outcome::Granted), [Rule::A27]);
    assert_eq!(tell(Act::LabelDown, SERVICE, Outcome::Granted), [], "a job");
}

#[test]
fn an_unusual_export() {
    let export = |size: u32, shape, at_s| Access {
        act: Act::Export,
        results: size,
        shape,
        ..read(0, 0, at_s)
    };
    let after = |size, shape, days: i64| {
        let mut world = World::new();
        for week in 1..9 {
            world.see(export(10_000, 1, NOON - week * 7 * DAY));
        }
        rules(&world.see_all([export(size, shape, NOON + days * DAY)]))
    };
    assert_eq!(after(15_000, 1, 0), []);
    assert_eq!(after(25_000, 1, 0), [Rule::A23]);
    assert_eq!(after(10_000, 2, 0), [Rule::A23]);
    assert_eq!(after(10_000, 1, 3), [Rule::A23], "on a Saturday");
    let mut world = World::new();
    assert_eq!(
        rules(&world.see_all([export(10, 1, NOON)])),
        [Rule::A23],
        "the first"
    );
}

#[test]
fn a_role_granted_then_used() {
    let grant = |user, target| Access {
        act: Act::Grant,
        target,
        ..read(user, 0, NOON)
    };
    let after = |count: i64, minutes: i64, department: Option<Key>| {
        let mut world = World::new();
        world.see(grant(COLLEAGUE, NURSE));
        for n in 0..count {
            if let Some(department) = department {
                world.stay(70 + n, department);
            }
        }
        let reads = (0..count).map(|n| read(NURSE, 70 + n, NOON + minutes * 60 + n * 60));
        rules(&world.see_all(reads))
    };
    assert_eq!(after(3, 10, None), [Rule::A26]);
    assert_eq!(after(2, 10, None), []);
    assert_eq!(after(3, 61, None), []);
    assert_eq!(after(9, 10, Some(1)), [], "their work");
    let mut world = World::new();
    assert_eq!(rules(&world.see_all([grant(NURSE, NURSE)])), [Rule::A26]);
}

#[test]
fn many_documents_weigh() {
    let mut world = World::new();
    let at_s = world.learn_days(12, 5) + 3_600;
    world.stay(7, 1);
    let documents = (0..21).map(|n| Access {
        act: Act::Document,
        ..read(NURSE, 7, at_s + n * 60)
    });
    assert_eq!(rules(&world.see_all(documents)), []);
    // A stranger's record in depth, of another unit: 65, and 15 more.
    world.stay(8, 2);
    let alerts = world.read_deeply(NURSE, 8, at_s + 3_000);
    assert_eq!(rules(&alerts), [Rule::A1]);
    assert!(alerts[0].reasons.iter().any(|r| r.rule == Rule::A28));
}

#[test]
fn an_entry_changed_under_hold() {
    let changed = |act, held_s| {
        let mut world = World::new();
        world.stay(7, 1);
        world.about(7).held_s = held_s;
        let access = Access {
            act,
            ..read(NURSE, 7, NOON)
        };
        rules(&world.see_all([access]))
    };
    assert_eq!(changed(Act::Change, Some(NOON - 1)), [Rule::A29]);
    assert_eq!(changed(Act::Delete, Some(NOON - 1)), [Rule::A29]);
    assert_eq!(changed(Act::Create, Some(NOON - 1)), []);
    assert_eq!(changed(Act::Change, Some(NOON + 1)), []);
    assert_eq!(changed(Act::Change, None), []);
}

#[test]
fn mass_change_or_deletion() {
    let change = |user, act, at_s| Access {
        act,
        client: 3,
        ..read(user, 1_000, at_s)
    };
    let after = |user, count: i64, act| {
        let mut world = World::new();
        world.stay(1_000, 1);
        for minute in 0..80 {
            for n in 0..3 {
                let at_s = NOON - (80 - minute) * 60 + n;
                assert_eq!(rules(&world.see_all([change(user, act, at_s)])), []);
            }
        }
        rules(&world.see_all((0..count).map(|n| change(user, act, NOON + n % 60))))
    };
    for user in [NURSE, 0] {
        for act in [Act::Delete, Act::Change] {
            assert_eq!(after(user, 30, act), []);
            assert_eq!(after(user, 40, act), [Rule::A30], "{user} {act:?}");
        }
        assert_eq!(after(user, 90, Act::Create), []);
    }
}
