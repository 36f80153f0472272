//! What is judged by whose record it is: explanations, A1 to A8, A11, A12, A14, and how incidents are told.

use super::world::*;
use crate::*;

#[test]
fn every_reason_of_work_explains() {
    use Explanation::*;
    let all = [
        Encounter,
        CareTeam,
        Order,
        Appointment,
        Schedule,
        Referral,
        Task,
        Billing,
        Panel,
        Thread,
    ];
    for by in all {
        let mut world = World::new();
        world.about(7).staff = 99;
        world.tie(NURSE, 7, by);
        assert_eq!(rules(&world.read_deeply(NURSE, 7, NOON)), [], "{by:?}");
        assert_eq!(world.detector.counted().unexplained, 0, "{by:?}");
        // It is a reason of whoever it names, and of no one else.
        world.people.get_mut(&COLLEAGUE).unwrap().department = 2;
        assert_eq!(rules(&world.read_deeply(COLLEAGUE, 7, NOON)), [Rule::A2]);
    }
}

#[test]
fn a_reason_holds_from_when_the_record_says_it_and_for_its_time() {
    let mut world = World::new();
    world.about(7).staff = 99;
    let tie = |known_s, until_s| Tie {
        by: Explanation::Encounter,
        from_s: NOON,
        until_s,
        known_s,
    };
    world.ties.insert((NURSE, 7), vec![tie(NOON + 1, NOON)]);
    assert_eq!(rules(&world.read_deeply(NURSE, 7, NOON)), [Rule::A2]);
    for (after, told) in [(14 * DAY - 300, vec![]), (14 * DAY, vec![Rule::A2])] {
        let mut world = World::new();
        world.about(7).staff = 99;
        world.ties.insert((NURSE, 7), vec![tie(NOON, NOON)]);
        assert_eq!(rules(&world.read_deeply(NURSE, 7, NOON + after)), told);
    }
}

#[test]
fn the_department_explains_around_a_stay() {
    let about = |days_after: f64| {
        let mut world = World::new();
        world.about(7).staff = 99;
        world.stays.insert(
            7,
            vec![Stay {
                department: 1,
                from_s: NOON - 10 * DAY,
                until_s: NOON,
            }],
        );
        let at_s = NOON + (days_after * DAY as f64) as i64;
        rules(&world.read_deeply(NURSE, 7, at_s))
    };
    assert_eq!(about(2.9), []);
    assert_eq!(about(3.1), [Rule::A2]);
    assert_eq!(about(-12.9), []);
    assert_eq!(about(-13.1), [Rule::A2]);
}

#[test]
fn a_colleague_with_a_reason_explains_for_a_day() {
    let mut world = World::new();
    world.about(7).staff = 99;
    world.tie(COLLEAGUE, 7, Explanation::Order);
    world.see(read(COLLEAGUE, 7, NOON));
    assert_eq!(rules(&world.read_deeply(NURSE, 7, NOON + 23 * 3_600)), []);
    assert_eq!(
        rules(&world.read_deeply(NURSE, 7, NOON + 25 * 3_600)),
        [Rule::A2]
    );
}

#[test]
fn an_emergency_override_explains_and_has_its_own_review() {
    let mut world = World::new();
    let access = Access {
        break_glass: true,
        ..read(NURSE, 7, NOON)
    };
    world.see(access);
    assert_eq!(world.detector.counted().unexplained, 0);
}

#[test]
fn a_stranger_alone_is_no_alert() {
    let mut world = World::new();
    assert_eq!(rules(&world.read_deeply(NURSE, 7, NOON)), []);
    assert_eq!(world.detector.counted().unexplained, 4);
    // And one who came back on another day, and is of another unit: still a point below.
    let mut world = World::new();
    world.stay(7, 2);
    assert_eq!(rules(&world.see_all([read(NURSE, 7, NOON)])), []);
}

#[test]
fn a_co_worker() {
    let mut world = World::new();
    world.about(7).staff = 99;
    let alerts = world.see_all([read(NURSE, 7, NOON)]);
    assert_eq!(rules(&alerts), [Rule::A2]);
    let alert = &alerts[0];
    assert_eq!((alert.patient, alert.subject.user), (7, NURSE));
    assert!(alert.points >= 100 && alert.evidence == [1]);
    assert!(alert.reasons.iter().any(|r| r.rule == Rule::A1));
    world.stay(7, 1);
    let mut world = World::new();
    world.about(7).staff = 99;
    world.stay(7, 1);
    assert_eq!(rules(&world.read_deeply(NURSE, 7, NOON)), []);
}

#[test]
fn family() {
    let mut world = World::new();
    world.kin.insert((NURSE, 7), Kin::Family);
    assert_eq!(rules(&world.read_deeply(NURSE, 7, NOON)), [Rule::A3]);
    world.kin.insert((NURSE, 8), Kin::Family);
    world.stay(8, 1);
    assert_eq!(rules(&world.read_deeply(NURSE, 8, NOON)), []);
    // By address and surname, where nothing else tells it; either alone does not.
    for (address, surname, told) in [(3, 4, true), (3, 5, false), (2, 4, false)] {
        let mut world = World::new();
        let home = |address| Some(Home { address, at: None });
        (world.nurse().home, world.nurse().surname) = (home(3), 4);
        *world.about(7) = Patient {
            home: home(address),
            surname,
            surname_share: 0.05,
            ..PLAIN
        };
        let found = rules(&world.see_all([read(NURSE, 7, NOON)]));
        assert_eq!(found == [Rule::A3], told, "{address} {surname}: {found:?}");
    }
}

#[test]
fn a_rare_surname_weighs_and_a_common_one_does_not() {
    let about = |share| {
        let mut world = World::new();
        world.nurse().surname = 4;
        *world.about(7) = Patient {
            surname: 4,
            surname_share: share,
            ..PLAIN
        };
        world.read_deeply(NURSE, 7, NOON)
    };
    let rare = about(0.000_05);
    assert_eq!(rules(&rare), [Rule::A1]);
    assert!(
        rare[0]
            .reasons
            .iter()
            .any(|r| (r.rule, r.points) == (Rule::A4, 20))
    );
    assert_eq!(rules(&about(0.01)), []);
}

#[test]
fn a_neighbour() {
    let about = |metres: f64| {
        let mut world = World::new();
        let home = |metres: f64| {
            Some(Home {
                address: metres as u64 + 1,
                at: Some(Point {
                    latitude: 48_000_000 + (metres / 0.111_195) as i32,
                    longitude: 11_000_000,
                }),
            })
        };
        world.nurse().home = home(0.0);
        world.about(7).home = home(metres);
        world.read_deeply(NURSE, 7, NOON)
    };
    let near = about(240.0);
    assert_eq!(rules(&near), [Rule::A1]);
    assert!(near[0].reasons.iter().any(|r| r.rule == Rule::A5));
    assert_eq!(rules(&about(260.0)), []);
}

#[test]
fn a_patient_in_the_public_eye() {
    let mut world = World::new();
    world.about(7).is_vip = true;
    assert_eq!(rules(&world.see_all([read(NURSE, 7, NOON)])), [Rule::A6]);
    let labelled = Access {
        labels: Labels::CELEBRITY,
        ..read(NURSE, 8, NOON)
    };
    assert_eq!(rules(&world.see(labelled)), [Rule::A6]);
    world.about(9).is_vip = true;
    world.stay(9, 1);
    assert_eq!(rules(&world.read_deeply(NURSE, 9, NOON)), []);
    // A list of patients is not somebody's record.
    world.about(10).is_vip = true;
    let listed = Access {
        is_listed: true,
        ..read(NURSE, 10, NOON)
    };
    assert_eq!(rules(&world.see(listed)), []);
}

#[test]
fn ones_own_record_whatever_explains_it_but_by_the_portal() {
    let mut world = World::new();
    world.nurse().patient = 7;
    world.stay(7, 1);
    assert_eq!(rules(&world.see_all([read(NURSE, 7, NOON)])), [Rule::A7]);
    world.people.insert(
        50,
        Person {
            kind: Kind::Patient,
            patient: 8,
            department: 0,
            ..world.people[&NURSE]
        },
    );
    assert_eq!(rules(&world.read_deeply(50, 8, NOON)), []);
}

#[test]
fn the_household() {
    let mut world = World::new();
    world.kin.insert((NURSE, 7), Kin::Household);
    let alerts = world.read_deeply(NURSE, 7, NOON);
    assert_eq!(rules(&alerts), [Rule::A1]);
    assert!(alerts[0].reasons.iter().any(|r| r.rule == Rule::A8));
}

#[test]
fn off_shift() {
    let during = |duty, department| {
        let mut world = World::new();
        world.duty = duty;
        world.stay(7, department);
        world.read_deeply(NURSE, 7, NOON)
    };
    let alerts = during(Duty::Off, 2);
    assert_eq!(rules(&alerts), [Rule::A1]);
    assert!(alerts[0].reasons.iter().any(|r| r.rule == Rule::A11));
    assert!(alerts[0].reasons.iter().any(|r| r.rule == Rule::A12));
    for duty in [Duty::On, Duty::OnCall, Duty::Unknown] {
        assert_eq!(rules(&during(duty, 2)), [], "{duty:?}");
    }
    assert_eq!(rules(&during(Duty::Off, 1)), [], "explained");
}

#[test]
fn who_died_or_was_not_seen_for_long() {
    let about = |patient: Patient| {
        let mut world = World::new();
        *world.about(7) = patient;
        rules(&world.read_deeply(NURSE, 7, NOON))
    };
    let seen = |days: i64| Patient {
        seen_s: Some(NOON - days * DAY),
        ..PLAIN
    };
    assert_eq!(about(seen(366)), [Rule::A1]);
    assert_eq!(about(seen(364)), []);
    let deceased_s = Some(NOON - DAY);
    assert_eq!(
        about(Patient {
            deceased_s,
            ..PLAIN
        }),
        [Rule::A1]
    );
}

#[test]
fn sensitive_entries_and_another_day_weigh() {
    let mut world = World::new();
    world.learn_days(3, 5);
    let labelled = |at_s| Access {
        labels: Labels::SENSITIVE,
        ..read(NURSE, 7, at_s)
    };
    assert_eq!(rules(&world.see_all([labelled(NOON + 5 * 3_600)])), []);
    assert_eq!(
        rules(&world.see_all([labelled(NOON + 2 * DAY)])),
        [Rule::A1]
    );
}

#[test]
fn an_incident_is_told_once_and_again_when_it_is_another() {
    let mut world = World::new();
    world.about(7).staff = 99;
    for day in 0..5 {
        let alerts = world.read_deeply(NURSE, 7, NOON + day * DAY);
        assert_eq!(alerts.len(), usize::from(day == 0), "day {day}");
    }
    assert_eq!(
        rules(&world.read_deeply(NURSE, 7, NOON + 20 * DAY)),
        [Rule::A2]
    );
}

#[test]
fn further_strangers_of_a_day_belong_to_one_alert() {
    let mut world = World::new();
    let begin = world.learn_days(3, 5) + 3_600;
    world.duty = Duty::Off;
    let first = world.read_deeply(NURSE, 7, begin);
    assert_eq!(first[0].follows, None);
    let second = world.read_deeply(NURSE, 8, begin + 600);
    assert_eq!(second[0].follows, Some(first[0].id));
    world.about(9).is_vip = true;
    assert_eq!(rules(&world.read_deeply(NURSE, 9, begin + 900)), [Rule::A6]);
    let later = world.read_deeply(NURSE, 10, begin + 2 * DAY);
    assert_eq!(later[0].follows, None);
}

#[test]
fn what_was_found_changes_what_is_told() {
    let mut world = World::new();
    world.about(7).staff = 99;
    let found = |rules: &[Rule], verdict| Feedback {
        at_s: NOON,
        verdict,
        rules: rules.to_vec(),
        user: NURSE,
        patient: 7,
    };
    world
        .detector
        .learn(&found(&[Rule::A2], Verdict::Explained));
    assert_eq!(
        rules(&world.read_deeply(NURSE, 7, NOON + DAY)),
        [],
        "these two"
    );
    world.about(8).staff = 99;
    assert_eq!(rules(&world.read_deeply(NURSE, 8, NOON + DAY)), [Rule::A2]);
    // Where co-workers are nearly always explained, it takes more than that.
    for _ in 0..100 {
        world
            .detector
            .learn(&found(&[Rule::A2], Verdict::Explained));
    }
    world.about(9).staff = 99;
    let at_s = NOON + 4 * DAY;
    let registration = Access {
        is_clinical: false,
        ..read(NURSE, 9, at_s)
    };
    assert_eq!(rules(&world.see(registration)), []);
    assert_eq!(rules(&world.read_deeply(NURSE, 9, at_s)), [Rule::A2]);
}
