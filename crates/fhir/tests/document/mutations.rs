//! Documents with random damage: never a panic, and what is accepted goes round.

use crate::round_trip::text;
use crate::{json_value, shared};
use ward_fhir::json::read;
use ward_fhir::tree::Limits;

/// <https://www.jstatsoft.org/article/view/v008i14>
struct XorShift(u64);

impl XorShift {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

const SEED: u64 = 0x5EED_0F4A_11D0_C5ED;
const ROUNDS: usize = 12_000;
/// What damage is made of: pieces that mean something to a JSON reader.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "null",
    "true",
    "0",
    "-",
    "1e5",
    "1.",
    "\\u",
    "\\ud83d",
    "\\ude00",
    " ",
    "\n",
    "\u{0}",
    "é",
    "{}",
    "[]",
    "\"\"",
    "\"_given\":[null],",
    "\"id\":\"a\",",
    "\"_id\":{\"id\":\"a\"},",
    "\"resourceType\":\"Patient\",",
    "\"extension\":[{\"url\":\"u\",\"valueString\":\"s\"}],",
    "_",
    "\"x\":1,",
];

#[test]
fn damaged_documents() {
    let seed = std::env::var("WARD_TEST_SEED")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(SEED);
    eprintln!("seed {seed} (WARD_TEST_SEED)");
    let mut samples = SAMPLES.iter().map(|s| s.to_string()).collect::<Vec<_>>();
    if let Some(lines) = shared::lines("examples/r4-examples-4.0.1.ndjson.gz") {
        samples.extend(lines.into_iter().filter(|l| l.len() < 4_000));
    }
    let mut random = XorShift(seed);
    let mut accepted = 0;
    for _ in 0..ROUNDS {
        let mut bytes = samples[random.below(samples.len())].clone().into_bytes();
        for _ in 0..=random.below(3) {
            damage(&mut bytes, &mut random);
        }
        let limits = Limits {
            depth_max: 1 + random.below(64),
            ..Limits::default()
        };
        match read(&bytes, None, &limits) {
            Ok(document) => {
                accepted += 1;
                let source = std::str::from_utf8(&bytes).unwrap();
                let written = text(document.root());
                assert_eq!(
                    json_value::parse(source),
                    json_value::parse(&written),
                    "seed {seed}: {source}"
                );
                let again = read(written.as_bytes(), None, &limits).unwrap();
                assert_eq!(text(again.root()), written, "seed {seed}: {source}");
            }
            Err(failure) => {
                assert!(!failure.issues.is_empty() && failure.status() / 100 == 4);
                assert!(
                    failure.issues.iter().all(|i| i.expression.is_some()),
                    "{:?}",
                    failure.issues
                );
            }
        }
    }
    assert!(
        (ROUNDS / 50..ROUNDS).contains(&accepted),
        "{accepted} of {ROUNDS} accepted"
    );
}

fn damage(bytes: &mut Vec<u8>, random: &mut XorShift) {
    bytes.push(b' ');
    let at = random.below(bytes.len());
    match random.below(7) {
        0 => bytes[at] = random.next() as u8,
        1 => bytes.truncate(at),
        2 => drop(bytes.drain(at..(at + 1 + random.below(8)).min(bytes.len()))),
        3 => drop(bytes.splice(
            at..at,
            bytes[at..(at + random.below(40)).min(bytes.len())].to_vec(),
        )),
        4 => swap_members(bytes, random),
        _ => {
            let piece = PIECES[random.below(PIECES.len())].bytes();
            drop(bytes.splice(at..at, piece));
        }
    }
}

/// Moves the text between two commas elsewhere: often a change of order that stays legal.
fn swap_members(bytes: &mut Vec<u8>, random: &mut XorShift) {
    let commas: Vec<usize> = (0..bytes.len()).filter(|i| bytes[*i] == b',').collect();
    if commas.len() < 3 {
        return;
    }
    let from = random.below(commas.len() - 2);
    let piece: Vec<u8> = bytes[commas[from]..commas[from + 1]].to_vec();
    bytes.drain(commas[from]..commas[from + 1]);
    let commas: Vec<usize> = (0..bytes.len()).filter(|i| bytes[*i] == b',').collect();
    let to = commas[random.below(commas.len())];
    bytes.splice(to..to, piece);
}

const SAMPLES: &[&str] = &[
    concat!(
        r#"{"resourceType":"Patient","_gender":{"id":"g"},"gender":"male","name":[{"given":["a",null,"c"],"family":"f","#,
        r#""_given":[null,{"id":"x"},null],"_family":{"id":"y"}}],"birthDate":"1970-01-01","_birthDate":{"id":"z"}}"#
    ),
    concat!(
        r#"{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"active":true,"resourceType":"Patient"}},"#,
        r#"{"resource":{"resourceType":"Observation","status":"final","code":{"text":"\ud83d\ude00"},"valueInteger":1}}]}"#
    ),
];
