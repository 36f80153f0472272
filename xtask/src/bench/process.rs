//! Programs that a bench starts: built once, ended by their own id when the bench is over.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// Where the programs are after [`build`].
pub struct Programs {
    folder: PathBuf,
}

/// Builds server, load generator and, where it is there, the raw insert of the storage crate.
pub fn build(raw_insert: bool) -> Result<Programs, String> {
    build_package(&[
        "--package",
        "ward-server",
        "--package",
        "ward-loadgen",
        "--bins",
    ])?;
    if raw_insert {
        build_package(&["--package", "ward-storage", "--example", "raw_insert"])?;
    }
    let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned());
    Ok(Programs {
        folder: Path::new(&target).join("dist"),
    })
}

/// `cargo build` with further words, in the profile that packages are built with.
pub fn build_package(words: &[&str]) -> Result<(), String> {
    let mut command = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    command
        .args(["build", "--profile", "dist", "--locked"])
        .args(words);
    // What cargo tells xtask about its own package would look like a change to build scripts that watch it, and half the
    // workspace would be built again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    finish(&mut command)
}

impl Programs {
    pub fn command(&self, name: &str) -> Command {
        Command::new(self.folder.join(name))
    }
}

/// A running program; killed when dropped.
pub struct Running {
    child: Child,
}

impl Running {
    /// Starts a program and returns what `find` makes of one of its lines on standard output or error.
    pub fn start<T>(
        command: &mut Command,
        on_error: bool,
        find: impl Fn(&str) -> Option<T>,
    ) -> Result<(Self, T), String> {
        let (out, err) = if on_error {
            (Stdio::null(), Stdio::piped())
        } else {
            (Stdio::piped(), Stdio::inherit())
        };
        let text = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(|e| format!("{text}: {e}"))?;
        let stream: Option<Box<dyn std::io::Read + Send>> = if on_error {
            child.stderr.take().map(|s| Box::new(s) as _)
        } else {
            child.stdout.take().map(|s| Box::new(s) as _)
        };
        let mut running = Self { child };
        let mut lines = BufReader::new(stream.ok_or_else(|| format!("{text}: no output"))?).lines();
        while let Some(Ok(line)) = lines.next() {
            if let Some(found) = find(&line) {
                // Whatever else it says must not block it.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok((running, found));
            }
        }
        let _ = running.child.wait();
        Err(format!("{text}: ended before it was ready"))
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs to the end and reads standard output as JSON. Exit code 1 is accepted: a load with failures reports them.
pub fn json(command: &mut Command) -> Result<Value, String> {
    let done = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| format!("{command:?}: {e}"))?;
    serde_json::from_slice(&done.stdout).map_err(|e| format!("{command:?}: {}: {e}", done.status))
}

fn finish(command: &mut Command) -> Result<(), String> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|e| format!("{command:?}: {e}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{command:?}: {status}"))
    }
}
