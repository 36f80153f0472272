use super::*;
use crate::master::MasterKey;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let path = std::env::temp_dir().join(format!("ward-seal-{}", random::uuid()));
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    fn source(&self, create: bool) -> MasterSource {
        MasterSource::File {
            path: self.0.join("master.key"),
            create,
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn words(words: &[&str]) -> MasterSource {
    MasterSource::Command(words.iter().map(|w| (*w).to_owned()).collect())
}

#[test]
fn creates_once_for_the_owner_only() {
    let folder = Folder::new();
    assert!(
        MasterKey::load(&folder.source(false))
            .unwrap_err()
            .contains("does not exist")
    );
    let first = MasterKey::load(&folder.source(true)).unwrap();
    let again = MasterKey::load(&folder.source(false)).unwrap();
    assert_eq!(first.id(), again.id());
    let mode = std::fs::metadata(folder.0.join("master.key"))
        .unwrap()
        .mode()
        & 0o777;
    assert_eq!(mode, 0o600);
    assert_eq!(
        std::fs::read_dir(&folder.0).unwrap().count(),
        1,
        "no draft is left"
    );
}

#[test]
fn many_starters_agree_on_one_key() {
    let folder = Folder::new();
    let load = |_| {
        let source = folder.source(true);
        std::thread::spawn(move || MasterKey::load(&source).unwrap().id())
    };
    let mut ids: Vec<_> = (0..8)
        .map(load)
        .collect::<Vec<_>>()
        .into_iter()
        .map(|t| t.join().unwrap())
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

#[test]
fn refuses_files_that_others_can_read() {
    let folder = Folder::new();
    MasterKey::load(&folder.source(true)).unwrap();
    let path = folder.0.join("master.key");
    for mode in [0o640, 0o604, 0o660, 0o610] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let message = MasterKey::load(&folder.source(true)).unwrap_err();
        assert!(message.contains("chmod 600"), "{message}");
    }
}

#[test]
fn refuses_text_that_is_no_key_and_never_repeats_it() {
    let folder = Folder::new();
    let path = folder.0.join("master.key");
    for text in ["", "c2hvcnQ=", "not base64 at all", &"A".repeat(5_000)] {
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let message = MasterKey::load(&folder.source(true)).unwrap_err();
        assert!(message.contains("master.key"));
        assert!(text.is_empty() || !message.contains(text));
    }
}

#[test]
fn reads_a_command() {
    let mut drawn = [0; 32];
    random::fill(&mut drawn);
    let key = STANDARD.encode(drawn);
    assert_eq!(
        MasterKey::load(&words(&["echo", &key])).unwrap().id(),
        MasterKey::from_bytes(drawn).id()
    );
    for (command, why) in [
        (words(&[]), "empty"),
        (words(&["/no/such/program"]), "cannot be started"),
        (words(&["false"]), "failed"),
        (words(&["echo", "short"]), "did not print"),
        (words(&["sh", "-c", "yes | head -c 100000"]), "failed"),
    ] {
        let message = MasterKey::load(&command).unwrap_err();
        assert!(message.contains(why), "{message}");
    }
}

#[test]
fn reads_the_environment() {
    // A variable that exists in every test run but holds no key, and one that does not exist.
    let message =
        MasterKey::load(&MasterSource::Environment("CARGO_MANIFEST_DIR".into())).unwrap_err();
    assert!(message.contains("does not hold"), "{message}");
    let message =
        MasterKey::load(&MasterSource::Environment("WARD_NO_SUCH_VARIABLE".into())).unwrap_err();
    assert!(message.contains("is not set"), "{message}");
    assert_eq!(
        *parse(STANDARD.encode([3; 32]).as_bytes()).unwrap(),
        [3; 32]
    );
}

/// X62: of zeros, of an example, counted up, or a sentence.
#[test]
fn x62_a_key_that_somebody_made_up_is_refused() {
    let counted = std::array::from_fn(|n| n as u8);
    let repeated = std::array::from_fn(|n| b"changeme"[n % 8]);
    for made_up in [
        [0; 32],
        [0xff; 32],
        counted,
        counted.map(|n| 200 - n),
        repeated,
        *b"correct horse battery staple 123",
    ] {
        let key = STANDARD.encode(made_up);
        let message = MasterKey::load(&words(&["echo", &key])).unwrap_err();
        assert!(message.contains("made up"), "{message}");
        assert!(!message.contains(&key), "{message}");
        // What it has sealed can be taken over.
        let old = MasterKey::load_to_replace(&words(&["echo", &key])).unwrap();
        assert_eq!(old.id(), MasterKey::from_bytes(made_up).id());
    }
    for _ in 0..1_000 {
        let mut drawn = Zeroizing::new([0; 32]);
        random::fill(&mut *drawn);
        assert!(!is_made_up(&drawn));
    }
}
