//! Signatures, turns of keys, times, heartbeats and counts.

use crate::made::{Made, ORIGIN, checked, signer, trusting};
use ward_audit::checkpoint::Checkpoint;
use ward_audit::export::Line;
use ward_audit::leaf::Class;
use ward_audit::note::{Note, Signer};
use ward_audit::verifier::{Policy, Problem, Report, Verdict};

fn three() -> Made {
    let mut made = Made::new(11);
    for _ in 0..3 {
        made.events(5);
        made.checkpoint();
    }
    made
}

/// The last checkpoint, changed and signed again.
fn last_as(made: &Made, signers: &[&Signer], change: impl Fn(&mut Checkpoint)) -> Vec<Line> {
    let mut lines = made.ended();
    let at = lines.len() - 2;
    let Line::Checkpoint(note) = &mut lines[at] else {
        panic!("no checkpoint")
    };
    let mut checkpoint = Checkpoint::parse(note.text()).unwrap();
    change(&mut checkpoint);
    *note = Note::unsigned(checkpoint.to_string()).unwrap();
    signers.iter().for_each(|signer| note.sign(signer));
    lines
}

fn problem(report: &Report, verdict: Verdict) -> Problem {
    assert_eq!(report.verdict(), verdict, "{report}");
    report.first().unwrap().problem.clone()
}

fn broken(lines: &[Line]) -> Problem {
    problem(&checked(lines, &trusting()), Verdict::Broken)
}

/// TE4: a new key that the old one has not introduced.
#[test]
fn te4_a_key_without_cross_signature_is_foreign() {
    let made = three();
    let rekeyed = last_as(&made, &[&signer(9)], |c| c.key = signer(9).public().id());
    let id = signer(9).public().id();
    let by = ORIGIN.to_owned();
    assert_eq!(broken(&rekeyed), Problem::ForeignSignature { by, id });
    let unchanged = last_as(&made, &[&signer(9)], |_| {});
    assert!(matches!(
        broken(&unchanged),
        Problem::ForeignSignature { .. }
    ));
    // The new key is named, but only one of the two has signed.
    let next = Some(signer(2).public().clone());
    for only in [1, 2] {
        let turn = last_as(&made, &[&signer(only)], |c| c.next = next.clone());
        let key = signer(3 - only).public().to_string();
        assert_eq!(broken(&turn), Problem::Unsigned { key });
    }
}

/// All of the log is made anew with another key: only who knows the key notices.
#[test]
fn a_log_that_was_made_anew_is_not_trusted() {
    let made = three();
    let policy = Policy {
        keys: vec![signer(5).public().clone()],
        ..trusting()
    };
    let report = checked(&made.ended(), &policy);
    assert_eq!(problem(&report, Verdict::Broken), Problem::Untrusted);
}

#[test]
fn keys_take_turns_and_each_of_them_can_be_trusted() {
    let mut made = three();
    for seed in 2..5 {
        made.rotate(seed);
        made.events(3);
        made.checkpoint();
    }
    for seed in 1..5 {
        let policy = Policy {
            keys: vec![signer(seed).public().clone()],
            ..trusting()
        };
        let report = checked(&made.ended(), &policy);
        assert_eq!(report.verdict(), Verdict::Whole, "{report}");
        assert_eq!(report.turns.len(), 4);
    }
    // The old key's turn is over.
    let old = last_as(&made, &[&signer(1)], |c| c.key = signer(1).public().id());
    assert!(matches!(broken(&old), Problem::ForeignSignature { .. }));
}

#[test]
fn signatures_that_are_missing_or_do_not_hold_are_found() {
    let made = three();
    let key = signer(1).public().to_string();
    assert_eq!(
        broken(&last_as(&made, &[], |_| {})),
        Problem::Unsigned { key }
    );
    let mut lines = made.ended();
    let at = lines.len() - 2;
    if let Line::Checkpoint(note) = &mut lines[at] {
        let mut signature = note.signatures()[0].clone();
        signature.bytes[9] ^= 4;
        let mut changed = Note::unsigned(note.text().to_owned()).unwrap();
        changed.add(signature);
        *note = changed;
    }
    let by = ORIGIN.to_owned();
    assert_eq!(broken(&lines), Problem::BadSignature { by });
    let stranger = Signer::new("stranger", ward_seal::Ed25519Key::from_seed(&[9; 32])).unwrap();
    let more = last_as(&made, &[&signer(1), &stranger], |_| {});
    assert!(matches!(broken(&more), Problem::ForeignSignature { .. }));
    let other_key = last_as(&made, &[&signer(1)], |c| c.key = [0; 4]);
    assert!(matches!(broken(&other_key), Problem::OtherKey { .. }));
}

#[test]
fn a_checkpoint_that_is_missing_or_put_in_breaks_the_chain() {
    let made = three();
    let whole = made.ended();
    let places: Vec<usize> = (0..whole.len())
        .filter(|at| matches!(whole[*at], Line::Checkpoint(_)))
        .collect();
    for at in &places[..2] {
        let mut lines = whole.clone();
        lines.remove(*at);
        if let Some(Line::End { checkpoints, .. }) = lines.last_mut() {
            *checkpoints -= 1;
        }
        assert_eq!(broken(&lines), Problem::OtherPrevious);
        let mut lines = whole.clone();
        lines.insert(*at, lines[*at].clone());
        assert_eq!(broken(&lines), Problem::OtherPrevious);
    }
    let mut swapped = whole.clone();
    swapped.swap(places[0], places[1]);
    broken(&swapped);
    let signed_twice = last_as(&made, &[&signer(1)], |c| {
        c.size = 10;
        c.root.0[0] ^= 1;
    });
    broken(&signed_twice);
}

/// TE7: the clock is set back by an hour. The issuer signs nothing then; a log that was signed so is found.
#[test]
fn te7_a_clock_that_was_set_back_is_an_alarm() {
    let made = three();
    let back = last_as(&made, &[&signer(1)], |c| c.time_us -= 3_600_000_000);
    let Problem::ClockBack { by_us } = broken(&back) else {
        panic!("not the clock")
    };
    assert!((3_590_000_000..3_600_000_000).contains(&by_us));
    let before_its_entries = last_as(&made, &[&signer(1)], |c| c.time_us += 5);
    let whole = checked(&before_its_entries, &trusting());
    assert_eq!(whole.verdict(), Verdict::Whole, "{whole}");
}

#[test]
fn an_entry_that_is_dated_after_its_checkpoint_is_told() {
    let mut made = three();
    made.now_us += 120_000_000;
    made.leaf(Class::OTHER, b"too early".to_vec());
    made.now_us -= 119_000_000;
    made.checkpoint();
    let report = checked(&made.ended(), &trusting());
    assert_eq!(problem(&report, Verdict::Incomplete), Problem::PostDated);
}

#[test]
fn silence_is_told_unless_it_was_announced() {
    let mut made = three();
    made.now_us += 58_000_000;
    made.checkpoint();
    let whole = checked(&made.ended(), &trusting());
    assert_eq!(whole.verdict(), Verdict::Whole, "{whole}");
    made.now_us += 3_600_000_000;
    made.checkpoint();
    let missing = Problem::MissingHeartbeat {
        silent_s: 3_601,
        promised_s: 60,
    };
    let report = checked(&made.ended(), &trusting());
    assert_eq!(problem(&report, Verdict::Incomplete), missing);
    let mut made = three();
    made.stop();
    made.now_us += 3_600_000_000;
    made.checkpoint();
    let report = checked(&made.ended(), &trusting());
    assert_eq!(report.verdict(), Verdict::Whole, "{report}");
    assert_eq!(report.pauses.len(), 1);
    let policy = Policy {
        within_max_s: Some(10),
        ..trusting()
    };
    let mut made = three();
    made.now_us += 20_000_000;
    made.checkpoint();
    let report = checked(&made.ended(), &policy);
    assert!(matches!(
        problem(&report, Verdict::Incomplete),
        Problem::MissingHeartbeat { promised_s: 10, .. }
    ));
}

#[test]
fn an_old_file_is_not_taken_for_a_fresh_one() {
    let made = three();
    let mut policy = trusting();
    policy.fresh = Some((made.now_us + 60_000_000, 120));
    assert_eq!(checked(&made.ended(), &policy).verdict(), Verdict::Whole);
    policy.fresh = Some((made.now_us + 600_000_000, 120));
    let report = checked(&made.ended(), &policy);
    assert_eq!(
        problem(&report, Verdict::Incomplete),
        Problem::Stale { age_s: 600 }
    );
}

/// T4: an answer left and nothing was recorded.
#[test]
fn an_answer_without_a_record_shows_in_the_count() {
    let mut made = three();
    made.counted.add(Class::READ, 100);
    made.checkpoint();
    let Problem::Unrecorded { class, counted, .. } = broken(&made.ended()) else {
        panic!("not counted")
    };
    assert_eq!((class, counted), (1, made.counted.of(Class::READ)));
    let made = three();
    let less = last_as(&made, &[&signer(1)], |c| c.counted = Default::default());
    assert_eq!(broken(&less), Problem::CountedLess);
}

#[test]
fn entries_that_nobody_has_signed_are_told() {
    let mut made = three();
    made.events(2);
    let report = checked(&made.ended(), &trusting());
    assert_eq!(problem(&report, Verdict::Incomplete), Problem::Uncovered);
}
