//! The `ward` program of this build: built once per test run, in the profile of the tests. `WARD_TEST_BINARY` names another
//! one, such as the program out of a package.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

pub fn ward_binary() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(build).clone()
}

fn build() -> PathBuf {
    if let Some(binary) = std::env::var_os("WARD_TEST_BINARY") {
        return binary.into();
    }
    let mut folder = std::env::current_exe().expect("a test has a path");
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut command = Command::new(cargo);
    command.args([
        "build",
        "--quiet",
        "--locked",
        "--package",
        "ward-server",
        "--bin",
        "ward",
    ]);
    if folder.ends_with("release") {
        command.arg("--release");
    }
    if let Some(target) = folder.parent() {
        command.env("CARGO_TARGET_DIR", target);
    }
    // What cargo tells a test about its package would look like a change to build scripts that watch it, and half the
    // workspace would be built again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let status = command.status().expect("cargo runs");
    assert!(status.success(), "the server does not build");
    folder.join("ward")
}
