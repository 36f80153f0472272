use super::*;
use crate::dev_certificates::DevFiles;

struct Folder {
    data: tempfile::TempDir,
    tls: Tls,
}

/// A data folder with a development pair, and the options that name it.
fn folder() -> Folder {
    let data = tempfile::tempdir().expect("a folder");
    let files = DevFiles::of(data.path());
    files.issue_server(&[]).expect("a pair");
    let tls = Tls {
        certificate_file: files.certificate().display().to_string(),
        key_file: files.key().display().to_string(),
        client_ca_file: String::new(),
        development: false,
        hsts_max_age_s: 0,
    };
    Folder { data, tls }
}

fn served(current: &Current) -> Vec<u8> {
    let pair = current.0.read().expect("readable").clone();
    pair.cert[0].to_vec()
}

#[test]
fn a_new_pair_is_taken_and_a_bad_one_is_not() {
    let Folder { data, tls } = folder();
    let files = DevFiles::of(data.path());
    let mut renewal = prepare(&tls).expect("a pair").renewal;
    let first = served(&renewal.current);
    renewal.look();
    assert_eq!(served(&renewal.current), first);

    files.issue_server(&["ward.test".into()]).expect("a pair");
    renewal.look();
    let second = served(&renewal.current);
    assert_ne!(second, first);

    // A key of another certificate, no PEM at all, no file: the old pair stays, and the next good one is taken.
    let key = std::fs::read(files.key()).expect("a key");
    files.issue_client("other").expect("a pair");
    for bad in [
        std::fs::read(files.client_key("other")).expect("a key"),
        b"no PEM".to_vec(),
        vec![],
    ] {
        std::fs::write(files.key(), &bad).expect("writable");
        renewal.look();
        assert_eq!(served(&renewal.current), second);
    }
    std::fs::remove_file(files.key()).expect("removed");
    renewal.look();
    assert_eq!(served(&renewal.current), second);
    std::fs::write(files.key(), key).expect("writable");
    renewal.look();
    assert_eq!(served(&renewal.current), second);
    files.issue_server(&[]).expect("a pair");
    renewal.look();
    assert_ne!(served(&renewal.current), second);
}

#[test]
fn what_cannot_be_used_is_named() {
    let Folder { data, tls } = folder();
    let files = DevFiles::of(data.path());
    files.issue_client("other").expect("a pair");
    let empty = data.path().join("empty.pem");
    std::fs::write(&empty, "").expect("writable");
    let empty = empty.display().to_string();
    let with = |change: &dyn Fn(&mut Tls)| {
        let mut changed = tls.clone();
        change(&mut changed);
        prepare(&changed).err().unwrap_or_default()
    };
    for (problem, part) in [
        (
            with(&|t| t.certificate_file = "/nowhere".into()),
            "tls.certificate_file /nowhere",
        ),
        (
            with(&|t| t.certificate_file.clone_from(&empty)),
            "no certificates in PEM",
        ),
        (
            with(&|t| t.certificate_file.clone_from(&t.key_file.clone())),
            "no certificates in PEM",
        ),
        (
            with(&|t| t.key_file = "/nowhere".into()),
            "tls.key_file /nowhere",
        ),
        (
            with(&|t| t.key_file.clone_from(&empty)),
            "no private key in PEM",
        ),
        (
            with(&|t| t.key_file = files.client_key("other").display().to_string()),
            "do not go together",
        ),
        (
            with(&|t| t.client_ca_file = "/nowhere".into()),
            "tls.client_ca_file /nowhere",
        ),
        (
            with(&|t| t.client_ca_file.clone_from(&empty)),
            "tls.client_ca_file",
        ),
    ] {
        assert!(problem.contains(part), "{problem}");
    }
}

/// AT8: nothing but AEAD with a key exchange that forgets.
#[test]
fn suites_are_ephemeral_and_authenticated() {
    let config = prepare(&folder().tls).expect("a pair").config;
    let names: Vec<String> = config
        .crypto_provider()
        .cipher_suites
        .iter()
        .map(|suite| format!("{:?}", suite.suite()))
        .collect();
    assert!(names.len() >= 6, "{names:?}");
    for name in names {
        assert!(
            name.starts_with("TLS13_") || name.starts_with("TLS_ECDHE_"),
            "{name}"
        );
        assert!(name.contains("GCM") || name.contains("POLY1305"), "{name}");
    }
}
