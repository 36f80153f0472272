//! One event and its proof, as a patient has them who trusts nobody but the key.

use crate::made::{Made, cosigner, signer};
use ward_audit::export::Line;
use ward_audit::leaf::{Content, Leaf};
use ward_audit::tlog_proof::{ProofError, TlogProof};
use ward_audit::tree::proof::inclusion;

fn leaf_of(made: &Made, seq: u64) -> Leaf {
    let is_it = |line: &Line| matches!(line, Line::Leaf(leaf, _) if leaf.seq == seq);
    match made.lines.iter().find(|line| is_it(line)) {
        Some(Line::Leaf(leaf, _)) => leaf.clone(),
        _ => panic!("no entry {seq}"),
    }
}

/// Of the last checkpoint.
fn proof(made: &Made, seq: u64) -> TlogProof {
    let Some(Line::Checkpoint(checkpoint)) = made.lines.last() else {
        panic!("no checkpoint")
    };
    let nodes = |level, index| made.node(level, index);
    TlogProof {
        leaf: leaf_of(made, seq),
        path: inclusion(nodes, seq, made.size()).unwrap(),
        checkpoint: checkpoint.clone(),
    }
}

#[test]
fn an_event_is_proved_by_a_text() {
    let mut made = Made::new(8);
    made.events(700);
    made.checkpoint();
    made.cosign();
    let key = [signer(1).public().clone()];
    let witness = [made.witness.key().clone()];
    for seq in [0, 255, 256, 511, 699] {
        for redact in [false, true] {
            let mut proof = proof(&made, seq);
            if redact {
                proof.leaf = proof.leaf.redacted();
            }
            let text = proof.to_string();
            let read = TlogProof::parse(&text).unwrap();
            assert_eq!(read, proof);
            assert_eq!(read.verify(&key, &witness).unwrap().size, 700);
        }
    }
    let whole = proof(&made, 5);
    let other_key = [signer(2).public().clone()];
    assert_eq!(whole.verify(&other_key, &[]), Err(ProofError::Unsigned));
    let silent = [cosigner("silent.example", 9).public().clone()];
    let by = "silent.example".to_owned();
    assert_eq!(
        whole.verify(&key, &silent),
        Err(ProofError::NotWitnessed { by })
    );
    let mut edited = whole.clone();
    if let Content::Whole { record, .. } = &mut edited.leaf.content {
        record[0] ^= 1;
    }
    assert_eq!(edited.verify(&key, &[]), Err(ProofError::NotIncluded));
}

/// Whatever byte of the text is changed: it is not a proof any more.
#[test]
fn a_proof_has_no_byte_to_spare() {
    let mut made = Made::new(9);
    made.events(20);
    made.checkpoint();
    let key = [signer(1).public().clone()];
    let text = proof(&made, 7).to_string();
    let holds = |text: &str| {
        let read = TlogProof::parse(text);
        read.is_ok_and(|proof| proof.verify(&key, &[]).is_ok())
    };
    assert!(holds(&text));
    for at in 0..text.len() {
        for flip in [1, 4, 32] {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= flip;
            let changed = String::from_utf8(bytes);
            assert!(!changed.is_ok_and(|text| holds(&text)), "{at}");
        }
        assert!(!text.get(..at).is_some_and(holds), "{at}");
    }
}

/// docs/guide/auditing-format.md speaks of it.
#[test]
fn the_published_proof_is_what_is_written_here() {
    let proof = proof(&crate::made::example(), 9).to_string();
    assert_eq!(include_str!("example.tlog-proof"), proof);
}
