//! The secrets of the demo's callers as files of the data folder, for whoever signs in as one of them: `demo/NAME.pem`, the private
//! key of a backend service (ES384, PKCS #8), and `demo/NAME.json`, a person's password and the secret of the authenticator app.

use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use ward_seal::{Es384Key, base64, from_base64};
use ward_smart::DemoCaller;
use ward_smart::state::{DemoSecrets, PersonSecret};

pub struct CallerFiles {
    folder: PathBuf,
}

/// What a person signs in with.
#[derive(Serialize, Deserialize)]
pub struct PersonFile {
    pub username: String,
    pub password: String,
    /// base32
    pub totp_secret: String,
}

impl CallerFiles {
    pub fn of(data: &Path) -> CallerFiles {
        CallerFiles {
            folder: data.join("demo"),
        }
    }

    /// Writes what is not there or is another, readable by its owner alone. The store has the same: nothing is lost with a file.
    pub fn write(&self, secrets: &DemoSecrets) -> Result<(), String> {
        let made = std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder);
        made.map_err(|e| format!("cannot create {}: {e}", self.folder.display()))?;
        for caller in DemoCaller::ALL {
            let system = secrets.systems.iter();
            let mut system = system.filter(|s| s.client_id == caller.client_id());
            if let Some(system) = system.next() {
                private(&self.key_path(caller), &pem(&system.pkcs8))?;
            }
            let person = secrets.people.iter();
            let mut person = person.filter(|p| caller.username() == Some(&p.username));
            if let Some(person) = person.next() {
                private(&self.person_path(&person.username), &json(person)?)?;
            }
        }
        Ok(())
    }

    /// The private key of a backend service.
    pub fn key(&self, caller: DemoCaller) -> Result<Es384Key, String> {
        let path = self.key_path(caller);
        let text = read(&path)?;
        let body: String = text.lines().filter(|l| !l.starts_with("-----")).collect();
        let key = from_base64(&body).and_then(|der| Es384Key::from_pkcs8(&der));
        key.ok_or_else(|| format!("{} holds no ES384 private key", path.display()))
    }

    pub fn person(&self, username: &str) -> Result<PersonFile, String> {
        let path = self.person_path(username);
        serde_json::from_str(&read(&path)?)
            .map_err(|e| format!("{} cannot be understood: {e}", path.display()))
    }

    /// The cookie of a person's last sign-in, locked: of two that sign in as the same person, one waits and goes on in the
    /// session of the other.
    pub fn session(&self, username: &str) -> Result<SessionFile, String> {
        let path = self.folder.join(format!("{username}.session"));
        let problem = |e: std::io::Error| format!("cannot use {}: {e}", path.display());
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).mode(0o600);
        let file = options.open(&path).map_err(problem)?;
        file.lock().map_err(problem)?;
        let mut cookie = String::new();
        (&file)
            .take(COOKIE_BYTES_MAX)
            .read_to_string(&mut cookie)
            .map_err(problem)?;
        Ok(SessionFile { file, path, cookie })
    }

    fn key_path(&self, caller: DemoCaller) -> PathBuf {
        self.folder.join(format!("{}.pem", caller.name()))
    }

    fn person_path(&self, username: &str) -> PathBuf {
        self.folder.join(format!("{username}.json"))
    }
}

/// Unlocked when it is dropped.
pub struct SessionFile {
    file: File,
    path: PathBuf,
    cookie: String,
}

impl SessionFile {
    /// `name=value`; `None` before the first sign-in.
    pub fn cookie(&self) -> Option<&str> {
        (!self.cookie.is_empty()).then_some(self.cookie.as_str())
    }

    pub fn keep(&mut self, cookie: &str) -> Result<(), String> {
        use std::io::Seek;
        if cookie == self.cookie {
            return Ok(());
        }
        let written = self
            .file
            .rewind()
            .and_then(|()| self.file.set_len(0))
            .and_then(|()| self.file.write_all(cookie.as_bytes()));
        written.map_err(|e| format!("cannot write {}: {e}", self.path.display()))?;
        cookie.clone_into(&mut self.cookie);
        Ok(())
    }
}

const COOKIE_BYTES_MAX: u64 = 1024;

fn json(person: &PersonSecret) -> Result<String, String> {
    let file = PersonFile {
        username: person.username.clone(),
        password: person.password.clone(),
        totp_secret: person.totp.clone(),
    };
    let text = serde_json::to_string_pretty(&file).map_err(|e| e.to_string())?;
    Ok(format!("{text}\n"))
}

/// <https://www.rfc-editor.org/rfc/rfc7468#section-10>
fn pem(pkcs8: &str) -> String {
    // What is stored is one line, however it was written.
    let body = base64(&from_base64(pkcs8).unwrap_or_default());
    let lines: Vec<&str> = (0..body.len())
        .step_by(PEM_LINE)
        .map(|at| &body[at..body.len().min(at + PEM_LINE)])
        .collect();
    format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        lines.join("\n")
    )
}

const PEM_LINE: usize = 64;

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| {
        format!(
            "cannot read {}: {e}; a start with --demo writes it",
            path.display()
        )
    })
}

/// Readable by its owner alone. What has been made readable since is written anew.
fn is_private(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|known| known.mode() & 0o077 == 0)
}

/// A whole file in the place of another, but not durable: the next start writes it again.
fn private(path: &Path, text: &str) -> Result<(), String> {
    if is_private(path) && std::fs::read_to_string(path).is_ok_and(|known| known == text) {
        return Ok(());
    }
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    // What a crash has left.
    let _ = std::fs::remove_file(&draft);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let written = options
        .open(&draft)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| std::fs::rename(&draft, path));
    written.map_err(|e| format!("cannot write {}: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use ward_smart::state::SystemSecret;

    fn secrets() -> DemoSecrets {
        DemoSecrets {
            systems: vec![SystemSecret {
                client_id: DemoCaller::Lab.client_id().into(),
                pkcs8: base64(Es384Key::generate().to_pkcs8()),
            }],
            people: vec![PersonSecret {
                username: "clinician".into(),
                password: "secret".into(),
                totp: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".into(),
            }],
        }
    }

    #[test]
    fn secrets_are_their_owners_alone_and_are_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let (files, secrets) = (CallerFiles::of(folder.path()), secrets());
        assert!(files.key(DemoCaller::Lab).is_err());
        let lab = folder.path().join("demo/lab.pem");
        for _ in 0..2 {
            files.write(&secrets).expect("written");
            // Whoever has opened it to others since.
            let open = std::fs::Permissions::from_mode(0o644);
            std::fs::set_permissions(&lab, open).expect("set");
        }
        files.write(&secrets).expect("written");
        let key = files.key(DemoCaller::Lab).expect("a key");
        assert_eq!(base64(key.to_pkcs8()), secrets.systems[0].pkcs8);
        let person = files.person("clinician").expect("a person");
        assert_eq!(person.password, "secret");
        for name in ["lab.pem", "clinician.json"] {
            let metadata = std::fs::metadata(folder.path().join("demo").join(name));
            assert_eq!(metadata.expect("a file").mode() & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn a_session_is_kept_as_a_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = CallerFiles::of(folder.path());
        files.write(&secrets()).expect("written");
        let mut first = files.session("clinician").expect("a file");
        assert_eq!(first.cookie(), None);
        first.keep("ward-session=a-long-one").expect("written");
        first.keep("ward-session=b").expect("written");
        drop(first);
        let again = files.session("clinician").expect("a file");
        assert_eq!(again.cookie(), Some("ward-session=b"));
    }
}
