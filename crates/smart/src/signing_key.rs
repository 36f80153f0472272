//! Where the store's signing key lies: sealed under the master key, in a file of the data folder or in a row.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use ward_seal::jws::SigningKey;
use ward_seal::{MasterKey, private_file};

/// Longest sealed key that is read; ours takes about 180.
pub const SEALED_BYTES_MAX: usize = 4096;

/// The key in the file, or a new one put there (mode 0600). Two processes that start at once get the same one.
/// Errors say what to mend.
pub fn load_or_create(path: &Path, master: &MasterKey) -> Result<SigningKey, String> {
    let named = named(path);
    take_rotated(path, master).map_err(|error| named(error.to_string()))?;
    let sealed = match read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let new = seal(&SigningKey::generate(), master);
            private_file::create(path, &new).and_then(|()| read(path))
        }
        found => found,
    };
    open(&sealed.map_err(|error| named(error.to_string()))?, master).map_err(named)
}

/// The first half of an exchange of the master key: puts the key, sealed under `new`, beside the file. It is taken by
/// `load_or_create` once that is called with `new`, and is of no effect before. Nothing to do when there is no key, or it is
/// sealed under `new` already. Errors say what to mend.
pub fn rotate(path: &Path, old: &MasterKey, new: &MasterKey) -> Result<(), String> {
    let named = named(path);
    let failed = |error: std::io::Error| named(error.to_string());
    let sealed = match read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => found.map_err(failed)?,
    };
    if open(&sealed, new).is_ok() {
        return Ok(());
    }
    let key = open(&sealed, old).map_err(&named)?;
    let beside = rotated(path);
    // What an exchange that was given up has left.
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    private_file::create(&beside, &seal(&key, new)).map_err(failed)
}

/// Puts the key that `rotate` has left beside the file in its place, if it opens under this master key.
fn take_rotated(path: &Path, master: &MasterKey) -> std::io::Result<()> {
    let beside = rotated(path);
    let taken = match read(&beside) {
        Ok(sealed) if open(&sealed, master).is_ok() => std::fs::rename(&beside, path),
        found => found.map(drop),
    };
    match taken {
        // There is none, or another process has taken it meanwhile.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn rotated(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".rotated");
    PathBuf::from(name)
}

fn named(path: &Path) -> impl Fn(String) -> String {
    move |why| format!("signing key file {}: {why}", path.display())
}

/// Bytes to store: magic, id of the master key, the sealed key.
pub fn seal(key: &SigningKey, master: &MasterKey) -> Vec<u8> {
    [MAGIC, &master.id().to_be_bytes(), &key.seal(master)].concat()
}

/// The key that `seal` stored. Errors say what to mend.
pub fn open(stored: &[u8], master: &MasterKey) -> Result<SigningKey, String> {
    const DAMAGED: &str =
        "not a sealed signing key, or damaged: restore it, or remove it, which voids all tokens";
    let rest = stored
        .strip_prefix(MAGIC)
        .filter(|_| stored.len() <= SEALED_BYTES_MAX)
        .ok_or(DAMAGED)?;
    let (id, sealed) = rest.split_first_chunk().ok_or(DAMAGED)?;
    let id = u32::from_be_bytes(*id);
    if id != master.id() {
        return Err(format!(
            "sealed under master key {id:08x}, but the one configured is {:08x}",
            master.id()
        ));
    }
    SigningKey::unseal(sealed, master).map_err(|_| DAMAGED.to_owned())
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(SEALED_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

const MAGIC: &[u8] = b"wardsig1";

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn survives_in_bytes_and_under_its_master_key_only() {
        let (master, other) = (
            MasterKey::from_bytes([1; 32]),
            MasterKey::from_bytes([2; 32]),
        );
        let key = SigningKey::generate();
        let stored = seal(&key, &master);
        assert!(stored.len() < 200);
        assert_eq!(open(&stored, &master).unwrap().kid(), key.kid());
        let message = open(&stored, &other).unwrap_err();
        assert!(
            message.contains(&format!("{:08x}", other.id())),
            "{message}"
        );
        for at in 0..stored.len() {
            let mut changed = stored.clone();
            changed[at] ^= 1;
            assert!(open(&changed, &master).is_err(), "byte {at}");
            assert!(open(&stored[..at], &master).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn an_exchange_of_the_master_key_takes_effect_when_the_new_one_is_used() {
        let folder = std::env::temp_dir().join(format!("ward-smart-{}", ward_seal::random::uuid()));
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("signing.key");
        let [old, new, third] = [1, 2, 3].map(|byte| MasterKey::from_bytes([byte; 32]));
        let kid = |master| load_or_create(&path, master).map(|key| key.kid().to_owned());
        rotate(&path, &old, &new).unwrap();
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "no key");
        let first = kid(&old).unwrap();
        // Given up, begun again, and cut off before anything else is exchanged.
        rotate(&path, &old, &third).unwrap();
        rotate(&path, &old, &new).unwrap();
        assert_eq!(kid(&old).as_ref(), Ok(&first));
        assert!(kid(&third).is_err());
        let mode = std::fs::metadata(rotated(&path)).unwrap().mode() & 0o777;
        assert_eq!(mode, 0o600);
        assert_eq!(kid(&new).as_ref(), Ok(&first));
        assert!(kid(&old).is_err());
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        rotate(&path, &old, &new).unwrap();
        assert_eq!(kid(&new).as_ref(), Ok(&first), "exchanged before");
        assert!(rotate(&path, &old, &third).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn is_created_once_in_a_private_file() {
        let folder = std::env::temp_dir().join(format!("ward-smart-{}", ward_seal::random::uuid()));
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("signing.key");
        let master = MasterKey::from_bytes([1; 32]);
        let first = load_or_create(&path, &master).unwrap();
        assert_eq!(load_or_create(&path, &master).unwrap().kid(), first.kid());
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(
            load_or_create(&path, &MasterKey::from_bytes([2; 32]))
                .unwrap_err()
                .contains("signing.key")
        );
        std::fs::write(&path, vec![0; 10_000]).unwrap();
        assert!(load_or_create(&path, &master).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(load_or_create(&path, &master).is_err());
    }
}
