use super::*;

/// The example of the first implementation, <https://pkg.go.dev/golang.org/x/mod/sumdb/note>.
const PETER_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETER_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\n\
    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

fn signer(name: &str, seed: u8) -> Signer {
    Signer::new(name, Ed25519Key::from_seed(&[seed; 32])).unwrap()
}

#[test]
fn notes_of_others_are_read_and_verified() {
    let key = VerifierKey::parse(PETER_KEY).unwrap();
    let note = Note::parse(PETER_NOTE).unwrap();
    assert!(note.is_signed_by(&key));
    assert_eq!(note.to_string(), PETER_NOTE);
    let changed = PETER_NOTE.replace("answer", "Answer");
    assert!(!Note::parse(&changed).unwrap().is_signed_by(&key));
}

#[test]
fn a_note_has_one_spelling() {
    let mut note = Note::unsigned("text\nmore\n".into()).unwrap();
    note.sign(&signer("log.example", 1));
    let written = note.to_string();
    assert_eq!(Note::parse(&written).as_ref(), Ok(&note));
    let (text, signature) = written.split_once("\n\n").unwrap();
    for bad in [
        text.to_owned(),
        format!("{text}\n{signature}"),
        format!("{text}\n\n{}", signature.trim_end()),
        format!("{text}\r\n\n{signature}"),
        format!("{text}\n\n{}", signature.replace("— ", "- ")),
        format!(
            "{text}\n\n{}",
            signature.replace("log.example", "log+example")
        ),
        format!("{text}\n\n{}", signature.replace("log.example", "")),
        format!("{text}\n\n{}", signature.replace('=', "")),
        format!("{text}\n\n{}", signature.repeat(SIGNATURES_MAX + 1)),
        "x".repeat(NOTE_BYTES_MAX + 1),
        String::new(),
    ] {
        assert!(Note::parse(&bad).is_err(), "{bad:?}");
    }
    assert_eq!(Note::unsigned("no newline".into()), None);
    assert_eq!(Note::unsigned("\n".into()), None);
}

#[test]
fn keys_have_one_spelling() {
    for key in [signer("a.example/log", 1).public, cosigner(2).public] {
        let written = key.to_string();
        assert_eq!(VerifierKey::parse(&written), Some(key));
        for at in 0..written.len() {
            let mut bytes = written.clone().into_bytes();
            bytes[at] ^= 1;
            if let Ok(changed) = String::from_utf8(bytes) {
                assert_eq!(VerifierKey::parse(&changed), None, "{changed}");
            }
        }
    }
    assert!(Signer::new("two words", Ed25519Key::from_seed(&[1; 32])).is_none());
}

fn cosigner(seed: u8) -> Signer {
    Signer::cosigner("witness.example", Ed25519Key::from_seed(&[seed; 32])).unwrap()
}

#[test]
fn a_cosignature_tells_when() {
    let mut note = Note::unsigned("log\n1\nroot\n".into()).unwrap();
    let witness = cosigner(3);
    note.add(witness.cosign(note.text(), 1_679_315_147));
    assert!(note.is_signed_by(witness.public()));
    assert_eq!(note.signatures()[0].time_s(), Some(1_679_315_147));
    let mut later = note.clone();
    later.signatures[0].bytes[7] ^= 1;
    assert!(!later.is_signed_by(witness.public()));
    assert!(!note.is_signed_by(cosigner(4).public()));
}
