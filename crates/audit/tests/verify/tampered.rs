//! Entries and lines that were changed, put in, taken out or exchanged.

use crate::made::{Made, checked, one, signer, text, trusting};
use ward_audit::export::Line;
use ward_audit::leaf::{Content, Leaf};
use ward_audit::verifier::{Place, Policy, Problem, Report, Verdict, verify};

/// 40 events, a checkpoint after each ten.
fn forty() -> Made {
    let mut made = Made::new(7);
    made.checkpoint();
    for _ in 0..4 {
        made.events(10);
        made.checkpoint();
        made.cosign();
    }
    made
}

fn first(report: &Report) -> (u64, Place, Problem) {
    assert_eq!(report.verdict(), Verdict::Broken, "{report}");
    let first = report.first().unwrap().clone();
    (first.line, first.place, first.problem)
}

/// Where the entry stands among the lines.
fn at(lines: &[Line], seq: u64) -> usize {
    let is_it = |line: &Line| matches!(line, Line::Leaf(leaf, _) if leaf.seq == seq);
    lines.iter().position(is_it).unwrap()
}

fn leaf(lines: &mut [Line], seq: u64) -> &mut Leaf {
    let at = at(lines, seq);
    match &mut lines[at] {
        Line::Leaf(leaf, _) => leaf,
        _ => unreachable!("it is a leaf"),
    }
}

/// As somebody does it who has the store and knows the format, but not the key.
fn hash_again(lines: &mut [Line]) {
    for line in lines {
        if let Line::Leaf(leaf, hash) = line {
            *hash = leaf.hash();
        }
    }
}

fn entries(first: u64, end: u64) -> Place {
    Place::Entries(first..end)
}

#[test]
fn a_whole_log_is_whole() {
    let made = forty();
    let report = checked(&made.ended(), &trusting());
    assert_eq!(report.verdict(), Verdict::Whole, "{report}");
    assert_eq!((report.entries, report.checkpoints), (40, 5));
    assert_eq!(report.recorded, made.counted);
    let untrusting = checked(&made.ended(), &Policy::default());
    assert_eq!(untrusting.verdict(), Verdict::Incomplete);
    assert!(untrusting.to_string().contains("--key"));
}

/// TE1: one bit in a random place of the file, a thousand times. Each is found, and its line is named.
#[test]
fn te1_a_flipped_bit_is_found_where_it_is() {
    let mut made = forty();
    made.rotate(2);
    made.events(10);
    made.removal(
        ward_audit::removal::RemovalKind::Redaction,
        one(3..5),
        &[&signer(2)],
    );
    made.redact(3..5);
    made.checkpoint();
    let good = text(&made.ended()).into_bytes();
    let mut random = Made::new(seed());
    for _ in 0..1_000 {
        let place = (random.random() % good.len() as u64) as usize;
        let bit = 1 << (random.random() % 8);
        let mut bad = good.clone();
        bad[place] ^= bit;
        let report = verify(bad.as_slice(), &trusting()).unwrap();
        let line = good[..place].iter().filter(|byte| **byte == b'\n').count() + 1;
        let (found, ..) = first(&report);
        assert_eq!(found, line as u64, "byte {place}, bit {bit}: {report}");
    }
}

/// As in every random test: docs/guide/how-we-know.md.
fn seed() -> u64 {
    let seed = match std::env::var("WARD_TEST_SEED").as_deref() {
        Ok("clock") => u64::from(std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos()),
        Ok(number) => number.parse().unwrap(),
        Err(_) => 1,
    };
    println!("WARD_TEST_SEED={seed}");
    seed
}

#[test]
fn an_edited_record_is_named() {
    let mut lines = forty().ended();
    let Content::Whole { record, .. } = &mut leaf(&mut lines, 17).content else {
        panic!("it has a record")
    };
    record[3] ^= 1;
    let line = at(&lines, 17) as u64 + 1;
    let found = first(&checked(&lines, &trusting()));
    assert_eq!(found, (line, entries(17, 18), Problem::Changed));
    // With the hash made anew it is one of those under the next checkpoint.
    hash_again(&mut lines);
    let (_, place, problem) = first(&checked(&lines, &trusting()));
    assert_eq!((place, problem), (entries(10, 20), Problem::OtherRoot));
}

#[test]
fn what_stands_of_an_event_in_clear_is_bound() {
    for change in [
        |leaf: &mut Leaf| leaf.at_us += 1,
        |leaf: &mut Leaf| leaf.class.0 ^= 1,
        |leaf: &mut Leaf| {
            *leaf = Leaf {
                seq: leaf.seq,
                ..leaf.redacted()
            }
        },
    ] {
        let mut lines = forty().ended();
        change(leaf(&mut lines, 17));
        let (_, place, problem) = first(&checked(&lines, &trusting()));
        assert_eq!(place, entries(17, 18));
        assert!([Problem::Changed, Problem::NotRemoved].contains(&problem));
    }
}

#[test]
fn a_deleted_entry_is_named() {
    let mut lines = forty().ended();
    let line = at(&lines, 17);
    lines.remove(line);
    let found = first(&checked(&lines, &trusting()));
    assert_eq!(found, (line as u64 + 1, entries(17, 18), Problem::Missing));
    // With the numbers behind it made anew, the hashes do not fit.
    for line in &mut lines {
        if let Line::Leaf(leaf, _) = line {
            leaf.seq -= u64::from(leaf.seq > 17);
        }
    }
    let (_, place, problem) = first(&checked(&lines, &trusting()));
    assert_eq!((place, problem), (entries(17, 18), Problem::Changed));
    hash_again(&mut lines);
    let (_, place, _) = first(&checked(&lines, &trusting()));
    assert_eq!(place, entries(19, 20));
}

#[test]
fn an_inserted_entry_is_named() {
    let mut lines = forty().ended();
    let line = at(&lines, 17);
    lines.insert(line, lines[line].clone());
    let found = first(&checked(&lines, &trusting()));
    assert_eq!(found, (line as u64 + 2, entries(17, 18), Problem::Inserted));
    let mut lines = forty().ended();
    let mut forged = lines[line].clone();
    let last = at(&lines, 39);
    if let Line::Leaf(leaf, hash) = &mut forged {
        leaf.seq = 40;
        *hash = leaf.hash();
    }
    lines.insert(last + 1, forged);
    let (_, _, problem) = first(&checked(&lines, &trusting()));
    assert!(matches!(problem, Problem::Malformed(_)), "{problem}");
}

/// TE3.
#[test]
fn te3_swapped_entries_are_named() {
    let mut lines = forty().ended();
    let line = at(&lines, 17);
    lines.swap(line, line + 1);
    let (_, place, problem) = first(&checked(&lines, &trusting()));
    assert_eq!((place, problem), (entries(17, 18), Problem::Swapped));
    // With their numbers exchanged, too.
    let mut lines = forty().ended();
    lines.swap(line, line + 1);
    leaf(&mut lines[line..line + 1], 18).seq = 17;
    leaf(&mut lines[line + 1..line + 2], 17).seq = 18;
    let (_, place, problem) = first(&checked(&lines, &trusting()));
    assert_eq!((place, problem), (entries(17, 18), Problem::Changed));
    hash_again(&mut lines);
    let (_, place, problem) = first(&checked(&lines, &trusting()));
    assert_eq!((place, problem), (entries(10, 20), Problem::OtherRoot));
}

/// TE2: the newest events are taken out and what is left looks whole, but for any one checkpoint that is kept elsewhere.
#[test]
fn te2_a_cut_end_shows_against_one_checkpoint_from_elsewhere() {
    for count in [1, 10, 1_000] {
        let mut made = Made::new(count);
        made.events(5);
        made.checkpoint();
        let short = made.ended();
        made.events(count);
        let anchor = made.checkpoint();
        let mut policy = trusting();
        assert_eq!(checked(&short, &policy).verdict(), Verdict::Whole);
        policy.anchors = vec![anchor];
        let (_, place, problem) = first(&checked(&short, &policy));
        let missing = entries(5, 5 + count);
        assert_eq!((place, problem), (missing, Problem::Truncated));
    }
}

#[test]
fn a_file_that_was_cut_is_found_wherever_it_was_cut() {
    let whole = text(&forty().ended());
    for end in (0..whole.len()).step_by(7) {
        let report = verify(&whole.as_bytes()[..end], &trusting()).unwrap();
        assert_eq!(report.verdict(), Verdict::Broken, "{end}");
    }
    let lines = forty().ended();
    let cut = [&lines[..at(&lines, 33)], &lines[lines.len() - 1..]].concat();
    let (_, place, problem) = first(&checked(&cut, &trusting()));
    assert_eq!((place, problem), (entries(33, 40), Problem::Truncated));
}

/// TE8: an old copy is restored and the log goes on from it.
#[test]
fn te8_a_restored_copy_is_a_rollback() {
    let mut old = forty();
    let mut lost = forty();
    lost.events(20);
    let anchor = lost.checkpoint();
    old.now_us += 3_000_000_000;
    let resumed = checked(&old.ended(), &trusting());
    assert_eq!(resumed.verdict(), Verdict::Whole);
    old.events(3);
    old.checkpoint();
    let mut policy = trusting();
    policy.anchors = vec![anchor];
    let (_, place, problem) = first(&checked(&old.ended(), &policy));
    assert_eq!((place, problem), (entries(43, 60), Problem::Rollback));
    // Once it is longer than before, it is another log.
    old.events(30);
    old.checkpoint();
    let (_, place, problem) = first(&checked(&old.ended(), &policy));
    let place_of_anchor = Place::Anchor {
        number: 1,
        size: 60,
    };
    assert_eq!((place, problem), (place_of_anchor, Problem::Fork));
}

/// TE9, without a database: rows are gone that were there.
#[test]
fn te9_rows_that_are_gone_leave_a_gap() {
    let mut lines = forty().ended();
    lines.retain(|line| !matches!(line, Line::Leaf(leaf, _) if (20..25).contains(&leaf.seq)));
    let (_, place, problem) = first(&checked(&lines, &trusting()));
    assert_eq!((place, problem), (entries(20, 25), Problem::Missing));
}

#[test]
fn nothing_that_is_read_makes_it_panic() {
    let whole = text(&forty().ended());
    let mut random = Made::new(3);
    for _ in 0..2_000 {
        let mut lines: Vec<&str> = whole.lines().collect();
        for _ in 0..1 + random.random() % 4 {
            let (a, b) = (random.random() as usize, random.random() as usize);
            let (a, b) = (a % lines.len(), b % lines.len());
            match random.random() % 3 {
                0 => lines.swap(a, b),
                1 => drop(lines.remove(a)),
                _ => lines.insert(a, lines[b]),
            }
        }
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let report = verify(text.as_bytes(), &trusting()).unwrap();
        let is_good = report.verdict() == Verdict::Whole;
        assert_eq!(is_good, text == whole, "{report}");
    }
    let unsigned = checked(&Made::new(1).ended(), &trusting());
    assert_eq!(unsigned.verdict(), Verdict::Broken, "{unsigned}");
    for text in ["", "\n", "{}", "[1]\n", "{\"end\":0,\"checkpoints\":0}\n"] {
        let report = verify(text.as_bytes(), &trusting()).unwrap();
        assert_eq!(report.verdict(), Verdict::Broken, "{text:?}");
    }
}
