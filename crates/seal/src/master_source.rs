//! Where a master key is read from: a file only its owner can read, the environment, or a command's output.

use crate::master::MasterSource;
use crate::{private_file, random};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use zeroize::Zeroizing;

pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// How long a key command may take.
pub const COMMAND_TIMEOUT_S: u64 = 30;
/// Longest text that is read as a key; the key itself takes 44.
pub const KEY_TEXT_BYTES_MAX: u64 = 1024;

/// Error also for a key that nobody drew at random: whoever guesses how it was made has every record (X62).
pub(crate) fn read(source: &MasterSource) -> Result<Secret, String> {
    let key = read_any(source)?;
    match is_made_up(&key) {
        false => Ok(key),
        true => Err(
            "the master key is one that somebody made up (a pattern, or text): draw 32 random bytes, \
             such as by `head -c 32 /dev/urandom | base64`; what was sealed with this one is taken over by `ward rotate-key`"
                .into(),
        ),
    }
}

/// The key, however it was made.
pub(crate) fn read_any(source: &MasterSource) -> Result<Secret, String> {
    match source {
        MasterSource::File { path, create } => from_file(path, *create),
        MasterSource::Environment(name) => from_environment(name),
        MasterSource::Command(words) => from_command(words),
    }
}

/// Few different bytes, bytes that count up or down, or nothing but text. Of 32 random bytes about 30 differ, and the chance that
/// all of them are text is one in 10^13.
fn is_made_up(key: &Secret) -> bool {
    const DIFFERENT_BYTES_MIN: usize = 16;
    let different = key.iter().collect::<BTreeSet<_>>().len();
    let steps: BTreeSet<u8> = key.windows(2).map(|w| w[1].wrapping_sub(w[0])).collect();
    let is_text = key.iter().all(|byte| (b' '..=b'~').contains(byte));
    different < DIFFERENT_BYTES_MIN || steps.len() == 1 || is_text
}

fn from_file(path: &Path, create: bool) -> Result<Secret, String> {
    let shown = path.display();
    match File::open(path) {
        Ok(file) => read_file(file, path),
        Err(error) if error.kind() == ErrorKind::NotFound && create => {
            create_file(path)
                .map_err(|e| format!("master key file {shown} cannot be created: {e}"))?;
            let file = File::open(path)
                .map_err(|e| format!("master key file {shown} cannot be read: {e}"))?;
            read_file(file, path)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Err(format!(
            "master key file {shown} does not exist: point the setting at the key this data was sealed with, \
             or, for a new store, write 32 random bytes in base64 to it (mode 0600)"
        )),
        Err(error) => Err(format!("master key file {shown} cannot be read: {error}")),
    }
}

/// Mode and text come from the one open file, so it cannot be exchanged between the check and the use.
fn read_file(file: File, path: &Path) -> Result<Secret, String> {
    let shown = path.display();
    let metadata = file
        .metadata()
        .map_err(|e| format!("master key file {shown} cannot be read: {e}"))?;
    if !metadata.is_file() {
        return Err(format!("master key file {shown} is not a regular file"));
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!(
            "master key file {shown} can be read by others (mode {mode:04o}): run `chmod 600 {shown}`; \
             where a secret is mounted into a container set its defaultMode to 0400"
        ));
    }
    let text =
        read_text(file).map_err(|e| format!("master key file {shown} cannot be read: {e}"))?;
    parse(&text).ok_or_else(|| format!("master key file {shown} does not hold 32 bytes in base64"))
}

fn create_file(path: &Path) -> std::io::Result<()> {
    let mut bytes = Zeroizing::new([0; 32]);
    random::fill(&mut *bytes);
    let mut text = Zeroizing::new(STANDARD.encode(*bytes));
    text.push('\n');
    private_file::create(path, text.as_bytes())
}

fn from_environment(name: &str) -> Result<Secret, String> {
    let text = std::env::var(name).map(Zeroizing::new);
    let text = text.map_err(|_| {
        format!("environment variable {name} is not set: it must hold the master key")
    })?;
    parse(text.as_bytes())
        .ok_or_else(|| format!("environment variable {name} does not hold 32 bytes in base64"))
}

fn from_command(words: &[String]) -> Result<Secret, String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("the master key command is empty: name a program that prints the key".into());
    };
    let text =
        run(program, arguments).map_err(|why| format!("master key command {program} {why}"))?;
    parse(&text)
        .ok_or_else(|| format!("master key command {program} did not print 32 bytes in base64"))
}

fn run(program: &str, arguments: &[String]) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    let mut child = command
        .spawn()
        .map_err(|e| format!("cannot be started: {e}"))?;
    let stdout = child.stdout.take().expect("stdout was piped");
    let (sender, receiver) = mpsc::channel();
    // Reads beside us so that a silent command can be given up; the thread ends when the command's output closes.
    std::thread::spawn(move || sender.send(read_text(stdout)));
    let answer = receiver.recv_timeout(Duration::from_secs(COMMAND_TIMEOUT_S));
    if !matches!(answer, Ok(Ok(_))) {
        child
            .kill()
            .map_err(|e| format!("cannot be stopped: {e}"))?;
    }
    let status = child
        .wait()
        .map_err(|e| format!("has no exit status: {e}"))?;
    match answer {
        Err(_) => Err(format!("did not answer within {COMMAND_TIMEOUT_S} s")),
        Ok(Err(error)) => Err(format!("failed: {error}")),
        Ok(Ok(_)) if !status.success() => Err(format!("failed ({status})")),
        Ok(Ok(text)) => Ok(text),
    }
}

fn read_text(from: impl Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    // Room for all of it at once: a growing vector would leave copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(KEY_TEXT_BYTES_MAX as usize + 1));
    from.take(KEY_TEXT_BYTES_MAX + 1).read_to_end(&mut text)?;
    if text.len() as u64 > KEY_TEXT_BYTES_MAX {
        return Err(std::io::Error::other("longer than a key"));
    }
    Ok(text)
}

/// Base64 of 32 bytes, either alphabet, white space around it allowed.
fn parse(text: &[u8]) -> Option<Secret> {
    let text = text.trim_ascii();
    let decoded = STANDARD
        .decode(text)
        .or_else(|_| URL_SAFE_NO_PAD.decode(text))
        .ok()
        .map(Zeroizing::new)?;
    let bytes: [u8; 32] = decoded.as_slice().try_into().ok()?;
    Some(Zeroizing::new(bytes))
}

#[cfg(test)]
#[path = "master_source_tests.rs"]
mod tests;
