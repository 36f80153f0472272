//! What was taken out by a rule: proofs hold, and every removal is named.

use crate::made::{Made, approver, checked, one, signer, trusting};
use ward_audit::counted::Counted;
use ward_audit::export::Line;
use ward_audit::leaf::Class;
use ward_audit::removal::RemovalKind;
use ward_audit::tree::proof::{inclusion, verify_inclusion};
use ward_audit::verifier::{Place, Policy, Problem, Verdict};

fn hundreds(count: u64) -> Made {
    let mut made = Made::new(count);
    for _ in 0..count {
        made.events(100);
        made.checkpoint();
    }
    made
}

fn two_approvals() -> Policy {
    Policy {
        approvers: [51, 52].map(|seed| approver(seed).public().clone()).into(),
        approvals: 2,
        ..trusting()
    }
}

/// TE6: 100 events are redacted, and the log is whole.
#[test]
fn te6_a_redacted_log_is_whole_and_tells_what_is_gone() {
    let mut made = hundreds(4);
    let before = made.node(0, 150).unwrap();
    let by = [&signer(1), &approver(51), &approver(52)];
    made.removal(RemovalKind::Redaction, vec![120..170, 300..350], &by);
    made.redact(120..170);
    made.redact(300..350);
    made.checkpoint();
    let report = checked(&made.ended(), &two_approvals());
    assert_eq!(report.verdict(), Verdict::Whole, "{report}");
    assert_eq!(report.redactions(), 100);
    assert_eq!(report.redacted, [120..170, 300..350]);
    // The proof of a redacted entry is what it was.
    let path = inclusion(|level, index| made.node(level, index), 150, 401).unwrap();
    let root = made.entries.root().unwrap();
    assert!(verify_inclusion(&before, 150, 401, &path, &root));
}

/// What has expired is named like what was redacted; by the key that signed before, too, where it has turned since.
#[test]
fn expired_records_are_named_by_any_key_of_the_log() {
    let mut made = hundreds(4);
    made.removal(RemovalKind::Expiry, vec![0..7, 9..30], &[&signer(1)]);
    made.redact(0..7);
    made.redact(9..30);
    made.rotate(2);
    made.removal(RemovalKind::Expiry, one(40..41), &[&signer(1)]);
    made.redact(40..41);
    made.removal(RemovalKind::Expiry, one(50..51), &[&signer(2)]);
    made.redact(50..51);
    made.checkpoint();
    let report = checked(&made.ended(), &trusting());
    assert_eq!(report.verdict(), Verdict::Whole, "{report}");
    assert_eq!(report.redacted, [0..7, 9..30, 40..41, 50..51]);
    // A key that is nobody's, and one whose turn is yet to come.
    for seed in [9, 2] {
        let mut made = hundreds(1);
        made.removal(RemovalKind::Expiry, one(10..20), &[&signer(seed)]);
        made.redact(10..20);
        made.checkpoint();
        made.rotate(2);
        let report = checked(&made.ended(), &trusting());
        assert_eq!(report.verdict(), Verdict::Broken, "{report}");
        let place = Place::Entries(10..20);
        assert!(report.findings.iter().any(|f| f.place == place), "{report}");
    }
}

#[test]
fn a_redaction_that_nobody_declared_is_found() {
    let mut made = hundreds(3);
    made.removal(RemovalKind::Redaction, one(10..20), &[&signer(1)]);
    made.redact(10..21);
    made.checkpoint();
    let report = checked(&made.ended(), &trusting());
    assert_eq!(report.verdict(), Verdict::Broken, "{report}");
    let first = report.first().unwrap();
    let place = Place::Entries(20..21);
    assert_eq!(
        (&first.place, &first.problem),
        (&place, &Problem::NotRemoved)
    );
}

#[test]
fn a_removal_needs_the_signatures_that_the_auditor_asks_for() {
    for (signers, problem) in [
        (
            vec![1u8, 51],
            Some(Problem::NotApproved {
                approvals: 1,
                needed: 2,
            }),
        ),
        (
            vec![1, 51, 51],
            Some(Problem::NotApproved {
                approvals: 1,
                needed: 2,
            }),
        ),
        (vec![51, 52], None),
        (vec![9, 51, 52], None),
    ] {
        let mut made = hundreds(1);
        let signers: Vec<_> = signers
            .iter()
            .map(|seed| {
                if *seed > 50 {
                    approver(*seed)
                } else {
                    signer(*seed)
                }
            })
            .collect();
        let by: Vec<_> = signers.iter().collect();
        made.removal(RemovalKind::Redaction, one(10..20), &by);
        made.redact(10..20);
        made.checkpoint();
        let report = checked(&made.ended(), &two_approvals());
        assert_eq!(report.verdict(), Verdict::Broken, "{report}");
        let found = report
            .findings
            .iter()
            .find(|f| f.place == Place::Entries(100..101));
        let found = found.unwrap_or_else(|| panic!("{report}"));
        if let Some(problem) = problem {
            assert_eq!(found.problem, problem);
        }
    }
}

/// The first months are dropped; the tree goes on behind them.
#[test]
fn dropped_entries_leave_every_proof_of_the_rest() {
    let mut made = hundreds(5);
    let whole = made.ended();
    let dropped = made.drop_entries(0..250);
    let retention = RemovalKind::Retention(dropped);
    made.removal(retention, one(0..250), &[&signer(1)]);
    let anchor = made.checkpoint();
    let mut policy = trusting();
    policy.anchors = ward_audit::export::notes(&crate::made::text(&whole)).unwrap();
    policy.anchors.push(anchor);
    let report = checked(&made.ended(), &policy);
    assert_eq!(report.verdict(), Verdict::Whole, "{report}");
    assert_eq!(report.dropped.len(), 1);
    // Two of the six lie within what was dropped.
    assert_eq!((report.anchors, report.anchors_dropped), (4, 2));
    assert_eq!(report.recorded.total(), 501);
}

#[test]
fn entries_in_the_middle_can_be_dropped_too() {
    let mut made = hundreds(5);
    for range in [130..131, 200..300, 310..399] {
        let counted = made.drop_entries(range.clone());
        let kind = RemovalKind::Retention(counted);
        made.removal(kind, vec![range], &[&signer(1)]);
    }
    made.checkpoint();
    let report = checked(&made.ended(), &trusting());
    assert_eq!(report.verdict(), Verdict::Whole, "{report}");
    assert_eq!(report.dropped, [130..131, 200..300, 310..399]);
}

#[test]
fn dropping_that_nobody_declared_so_is_found() {
    let kinds: [fn(Counted) -> Option<RemovalKind>; 3] = [
        |_| None,
        |_| Some(RemovalKind::Redaction),
        |mut counted| {
            counted.add(Class::READ, 1);
            Some(RemovalKind::Retention(counted))
        },
    ];
    for kind in kinds {
        let mut made = hundreds(3);
        let counted = made.drop_entries(0..150);
        if let Some(kind) = kind(counted) {
            made.removal(kind, one(0..150), &[&signer(1)]);
        }
        made.checkpoint();
        let report = checked(&made.ended(), &trusting());
        assert_eq!(report.verdict(), Verdict::Broken, "{report}");
        let place = Place::Entries(0..150);
        assert!(report.findings.iter().any(|f| f.place == place), "{report}");
    }
}

#[test]
fn what_is_kept_of_dropped_entries_is_bound_to_the_signed_roots() {
    let mut made = hundreds(3);
    let counted = made.drop_entries(0..150);
    made.removal(RemovalKind::Retention(counted), one(0..150), &[&signer(1)]);
    made.checkpoint();
    let whole = made.ended();
    for at in 0..3 {
        let mut lines = whole.clone();
        for line in &mut lines {
            if let Line::Dropped(range, _) = line {
                let mut hashes = range.hashes().to_vec();
                let many = hashes.len();
                hashes[at % many].0[5] ^= 1;
                let changed =
                    ward_audit::tree::compact_range::CompactRange::from_hashes(0, 150, hashes);
                *range = changed.unwrap();
            }
        }
        let report = checked(&lines, &trusting());
        assert_eq!(report.verdict(), Verdict::Broken, "{report}");
        assert_eq!(report.first().unwrap().problem, Problem::OtherRoot);
    }
}

/// docs/guide/auditing-format.md speaks of these files.
#[test]
fn the_published_example_is_what_is_written_here() {
    let made = crate::made::example();
    let keys = format!("{}\n{}\n", signer(1).public(), made.witness.key());
    assert_eq!(include_str!("example-keys.txt"), keys);
    assert_eq!(
        include_str!("example.ndjson"),
        crate::made::text(&made.ended())
    );
    let mut policy = two_approvals();
    policy.witnesses = vec![made.witness.key().clone()];
    let report = checked(&made.ended(), &policy);
    assert_eq!(report.verdict(), Verdict::Whole, "{report}");
    assert_eq!((report.redactions(), report.dropped), (3, one(0..6)));
}
