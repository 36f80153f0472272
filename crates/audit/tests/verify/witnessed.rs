//! Witnesses sign one log, and what they and others keep of it must agree with it.

use crate::made::{Made, ORIGIN, WITNESS, checked, cosigner, signer, text, trusting};
use ward_audit::export::notes;
use ward_audit::tree::proof::consistency;
use ward_audit::verifier::{Place, Policy, Problem, Verdict};
use ward_audit::witness::{Refusal, Seen, Witness};

fn witness(seed: u8) -> Witness {
    let mut witness = Witness::new(cosigner(WITNESS, seed));
    witness.follow(Seen::nothing_of(signer(1).public().clone()));
    witness
}

/// TE5: two roots of the same size. Neither gets both signatures, and the two together show the fork.
#[test]
fn te5_a_fork_is_not_signed_by_both_witnesses() {
    let (mut one, mut other) = (Made::new(1), Made::new(2));
    let mut forks = [&mut one, &mut other].map(|made| {
        made.events(10);
        made.checkpoint()
    });
    let mut witnesses = [witness(101), witness(102)];
    for n in 0..2 {
        let signed = witnesses[n].cosign(&forks[n], 0, &[], 5).unwrap();
        forks[n].add(signed);
        let asked_again = witnesses[n].cosign(&forks[1 - n], 10, &[], 6);
        assert_eq!(asked_again, Err(Refusal::NotConsistent { seen: 10 }));
    }
    let both = Policy {
        witnesses: witnesses.iter().map(|w| w.key().clone()).collect(),
        ..trusting()
    };
    assert_ne!(checked(&one.ended(), &both).verdict(), Verdict::Whole);
    let with_the_others = Policy {
        anchors: vec![forks[1].clone()],
        ..trusting()
    };
    let report = checked(&one.ended(), &with_the_others);
    assert_eq!(report.verdict(), Verdict::Broken, "{report}");
    let place = Place::Anchor {
        number: 1,
        size: 10,
    };
    let first = report.first().unwrap();
    assert_eq!((&first.place, &first.problem), (&place, &Problem::Fork));
}

#[test]
fn a_witness_signs_what_continues_and_nothing_else() {
    let mut made = Made::new(3);
    made.events(100);
    let hundred = made.checkpoint();
    made.events(300);
    let four_hundred = made.checkpoint();
    let nodes = |level, index| made.node(level, index);
    let proof = |old| consistency(nodes, old, 400).unwrap();
    let mut witness = witness(101);
    witness.cosign(&hundred, 0, &[], 1).unwrap();
    let refused = [
        (
            witness.cosign(&four_hundred, 0, &[], 2),
            Refusal::OtherSize { seen: 100 },
        ),
        (
            witness.cosign(&four_hundred, 100, &proof(99), 2),
            Refusal::NotConsistent { seen: 100 },
        ),
    ];
    for (answer, refusal) in refused {
        assert_eq!(answer, Err(refusal));
    }
    let signature = witness.cosign(&four_hundred, 100, &proof(100), 2).unwrap();
    assert!(witness.key().verifies(four_hundred.text(), &signature));
    assert_eq!(signature.time_s(), Some(2));
    let back = witness.cosign(&hundred, 400, &[], 3);
    assert_eq!(back, Err(Refusal::NotConsistent { seen: 400 }));
    assert_eq!(witness.seen(ORIGIN).unwrap().size, 400);
    // Another log, and one that nobody has signed.
    let mut stranger = Witness::new(cosigner(WITNESS, 103));
    let unknown = stranger.cosign(&hundred, 0, &[], 1);
    assert_eq!(unknown, Err(Refusal::UnknownLog));
    stranger.follow(Seen::nothing_of(signer(9).public().clone()));
    let unsigned = stranger.cosign(&hundred, 0, &[], 1);
    assert_eq!(unsigned, Err(Refusal::NotSigned));
}

#[test]
fn a_witness_follows_the_turn_of_a_key() {
    let mut made = Made::new(4);
    made.events(3);
    made.rotate(2);
    made.cosign();
    made.events(3);
    made.checkpoint();
    made.cosign();
    let policy = Policy {
        witnesses: vec![made.witness.key().clone()],
        ..trusting()
    };
    let report = checked(&made.ended(), &policy);
    assert_eq!(report.verdict(), Verdict::Whole, "{report}");
    let seen = &report.witnessed[0];
    assert_eq!((seen.by.name(), seen.size), (WITNESS, 6));
}

#[test]
fn a_witness_that_did_not_sign_of_late_is_told() {
    let mut made = Made::new(5);
    made.events(3);
    made.checkpoint();
    made.cosign();
    let mut policy = Policy {
        witnesses: vec![made.witness.key().clone()],
        witness_lag_s: 100,
        ..trusting()
    };
    assert_eq!(checked(&made.ended(), &policy).verdict(), Verdict::Whole);
    for _ in 0..3 {
        made.now_us += 50_000_000;
        made.checkpoint();
    }
    let report = checked(&made.ended(), &policy);
    assert_eq!(report.verdict(), Verdict::Incomplete, "{report}");
    policy.witnesses = vec![cosigner("other.example", 7).public().clone()];
    let report = checked(&made.ended(), &policy);
    let by = "other.example".to_owned();
    let first = report.first().unwrap();
    assert_eq!(first.problem, Problem::NotWitnessed { by });
}

/// Checkpoints that others have kept agree, whether the file has a checkpoint of that size or not.
#[test]
fn anchors_that_agree_are_counted() {
    let mut made = Made::new(6);
    let mut anchors = Vec::new();
    for events in [0, 1, 7, 300] {
        made.events(events);
        anchors.push(made.checkpoint());
    }
    let read = anchors
        .iter()
        .map(|note| note.to_string())
        .collect::<String>();
    assert_eq!(notes(&read).unwrap(), anchors);
    assert_eq!(notes(&text(&made.lines)).unwrap(), anchors);
    let mut policy = trusting();
    policy.anchors = anchors;
    let report = checked(&made.ended(), &policy);
    assert_eq!(report.verdict(), Verdict::Whole, "{report}");
    assert_eq!(report.anchors, 4);
    // One that the log's key has not signed says nothing.
    let text = policy.anchors[0].text().to_owned();
    policy.anchors[0] = ward_audit::note::Note::unsigned(text).unwrap();
    let report = checked(&made.ended(), &policy);
    assert_eq!(report.verdict(), Verdict::Broken, "{report}");
}
