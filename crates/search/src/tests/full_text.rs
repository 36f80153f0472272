//! What the index has of words, against a look at each resource.

use super::sample::{BASE, KEY, document, extractor, registry};
use crate::check::split;
use crate::cost::is_costly;
use crate::entries::Entries;
use crate::extract::Extractor;
use crate::plan::Filter;
use crate::query::{Options, parse};
use crate::registry::Registry;
use crate::terminology::Embedded;
use std::sync::Arc;
use ward_fhir::Node;
use ward_fhir::TypeId;
use ward_fhir::schema::r4;

fn ty(name: &str) -> TypeId {
    r4().resource_type(name).unwrap()
}

/// Whose Patients and Conditions are indexed by their words.
fn indexing() -> Extractor {
    let words = vec![ty("Patient"), ty("Condition")];
    let registry = Registry::with(&registry(), Vec::new()).with_words(words);
    Extractor::new(Arc::new(registry), KEY, Some(BASE))
}

fn filter(extractor: &Extractor, query: &str) -> (Filter, bool) {
    let (name, text) = query.split_once('?').unwrap();
    let pairs: Vec<(&str, &str)> = text.split('&').filter_map(|p| p.split_once('=')).collect();
    let options = Options {
        strict: true,
        now_us: 0,
        count_default: 20,
        count_max: 100,
        terminology: &Embedded,
    };
    let types: Vec<TypeId> = r4().resource_type(name).into_iter().collect();
    let (plan, used) = parse(extractor, &types, &pairs, &options).unwrap();
    (plan.filter, used.custom)
}

/// As a store answers it, once what is marked was looked at.
fn by_index(filter: &Filter, entries: &Entries, node: Node<'_>) -> bool {
    match filter {
        Filter::All => true,
        Filter::And(all) => all.iter().all(|f| by_index(f, entries, node)),
        Filter::Or(any) => any.iter().any(|f| by_index(f, entries, node)),
        Filter::Not(inner) => !by_index(inner, entries, node),
        Filter::AnyTerm(terms) => terms.iter().any(|t| entries.has_term(*t)),
        Filter::Word(word) => {
            let forms = &mut entries.vocabulary.iter().filter(|v| v.form == word.form);
            let is_marked = word.marks.iter().any(|mark| entries.has_term(*mark));
            forms.any(|v| entries.has_term(v.term)) || is_marked && (word.check.test)(node)
        }
        other => panic!("{other:?}"),
    }
}

const WORDS: [&str; 14] = [
    "kidney",
    "kid",
    "Ångström",
    "STRASSE",
    "hba1c",
    "b12",
    "2020-02-29",
    "a1b2c3d4",
    "a1b2c3d4e5",
    "a1b2c3",
    "12345678901234",
    "1234567890",
    "of",
    "pneumonoultramicroscopicsilicovolcanoconiosis",
];

/// Numbers that look random, from 0 to 255.
fn scattered(seed: u64) -> impl Iterator<Item = usize> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    std::iter::from_fn(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Some((state >> 32) as usize % 256)
    })
}

/// A beginning of one of the words, or all of it.
fn some(numbers: &mut impl Iterator<Item = usize>) -> String {
    let word = WORDS[numbers.next().unwrap() % WORDS.len()];
    let chars = word.chars().count();
    let kept = match numbers.next().unwrap() % 3 {
        0 => chars,
        _ => 1 + numbers.next().unwrap() % chars,
    };
    word.chars().take(kept).collect()
}

fn asked(numbers: &mut impl Iterator<Item = usize>) -> String {
    let (a, b) = (some(numbers), some(numbers));
    match numbers.next().unwrap() % 8 {
        0 => format!("{a} {b}"),
        1 => format!("{a} OR {b}"),
        2 => format!("{a} NOT {b}"),
        3 => format!("\"{a} {b}\""),
        4 => format!("{b} OR \"{a} {b}\" NOT {a}"),
        _ => a,
    }
}

#[test]
fn the_index_proposes_what_matches_and_decides_single_words() {
    let (indexing, plain) = (indexing(), extractor());
    let mut matches = 0;
    for seed in 1..4_000 {
        let mut numbers = scattered(seed);
        let texts: Vec<String> = (0..4).map(|_| some(&mut numbers)).collect();
        let json = format!(
            r#"{{"resourceType":"Patient","id":"kidney","meta":{{"versionId":"b12","lastUpdated":"2020-02-29T00:00:00Z"}},
            "text":{{"status":"generated","div":"<div>{} {}</div>"}},"name":[{{"family":"{} {}"}}]}}"#,
            texts[0], texts[1], texts[2], texts[3]
        );
        let document = document(&json);
        let node = document.root();
        let entries = indexing.extract(node, &|_| None);
        let name = if seed % 3 == 0 { "_text" } else { "_content" };
        let query = format!("Patient?{name}={}", asked(&mut numbers));
        let expected = match filter(&plain, &query) {
            (Filter::Check(check), false) => (check.test)(node),
            other => panic!("{query}: {other:?}"),
        };
        let (filter, by_words) = filter(&indexing, &query);
        assert!(by_words, "{query}");
        let split = split(filter, &indexing).unwrap();
        let passed = split.checks.iter().all(|check| (check.test)(node));
        let found = by_index(&split.index, &entries, node) && passed;
        assert_eq!(found, expected, "{query}\n{json}");
        matches += usize::from(found);
    }
    assert!(matches > 400, "{matches}");
}

#[test]
fn who_is_asked_by_the_index() {
    let indexing = indexing();
    let is_word = |query: &str| matches!(filter(&indexing, query).0, Filter::Word(_));
    assert!(is_word("Patient?_content=kid") && is_word("Condition?_text=kid"));
    // Too short, or of a type that is not indexed by words.
    assert!(!is_word("Patient?_content=ki") && !is_word("Observation?_content=kid"));
    assert!(!is_word("?_content=kid") && is_word("?_type=Patient,Condition&_content=kid"));
    assert!(!is_word("?_type=Patient,Observation&_content=kid"));
    let costly = |query: &str| is_costly(&filter(&indexing, query).0);
    assert!(!costly("Patient?_content=kid pain OR knee NOT bone"));
    assert!(costly("Patient?_content=\"kid pain\"") && costly("Patient?_content=of"));
    // Behind a hop too.
    let chain = filter(&indexing, "Observation?patient._content=kid").0;
    assert!(split(chain, &indexing).is_ok_and(|s| s.checks.is_empty()));
}

#[test]
fn what_is_indexed_is_bounded() {
    let of = |extractor: &Extractor, text: &str| {
        let json = format!(r#"{{"resourceType":"Patient","name":[{{"text":"{text}"}}]}}"#);
        extractor.extract(document(&json).root(), &|_| None)
    };
    let added = |text: &str| {
        let (with, without) = (of(&indexing(), text), of(&extractor(), text));
        let forms = with.vocabulary.len() - without.vocabulary.len();
        (with.terms.len() - without.terms.len(), forms)
    };
    assert_eq!(added("of a b12"), (1, 1), "b12");
    assert_eq!(
        added("kidney kidney KIDNEY"),
        (1, 4),
        "kid kidn kidne kidney"
    );
    assert_eq!(
        added("a1b2c3d4e5f6"),
        (2, 2),
        "its first 4 and 8, a1b and a1b2"
    );
    assert_eq!(added("a1b2c3d"), (1, 2));
    assert_eq!(added(&"a".repeat(5_000)), (2, 2));
    let many: Vec<String> = (0..3_000).map(|at| format!("w{at:04}")).collect();
    assert_eq!(added(&many.join(" ")).0, 2_001, "2,000 and the mark");
    // Other types have none.
    let json = r#"{"resourceType":"Organization","name":"kidney"}"#;
    let entries = |e: &Extractor| e.extract(document(json).root(), &|_| None);
    assert_eq!(entries(&indexing()), entries(&extractor()));
}
