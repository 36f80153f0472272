//! `ward check-config`: what is wrong is told before anything starts, and the guide's table is what the program says.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use ward_testkit::ward_binary;

/// The call with these variables, in a folder where no store is.
fn check_config(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(ward_binary())
        .arg("check-config")
        .args(arguments)
        .envs(variables.iter().copied())
        .current_dir(folder)
        .output()
        .unwrap()
}

#[test]
fn the_table_of_the_guide_is_what_the_program_prints() {
    let guide = include_str!("../../docs/guide/configuration.md");
    let table = guide.lines().filter(|line| line.starts_with('|'));
    let table: Vec<&str> = table.collect();
    let folder = tempfile::tempdir().unwrap();
    let printed = check_config(folder.path(), &["--markdown"], &[]);
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert_eq!(table, printed.lines().collect::<Vec<_>>());
}

#[test]
fn a_configuration_that_could_not_start_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let valid = check_config(folder.path(), &[], &[]);
    assert_eq!(valid.status.code(), Some(0));
    let said = String::from_utf8(valid.stdout).unwrap();
    assert!(said.ends_with("the configuration is valid\n"), "{said}");
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "a check makes nothing"
    );
    let open = folder.path().join("open.key");
    std::fs::write(&open, "").unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).unwrap();
    for (option, value, says) in [
        ("WARD_LOG_FILTER", "ward=loud", "log.filter: "),
        ("WARD_KEYS_MASTER_FILE", "absent.key", "keys.master_file: "),
        ("WARD_KEYS_MASTER_FILE", "open.key", "chmod 600"),
        (
            "WARD_KEYS_MASTER_ENVIRONMENT",
            "NOT_SET",
            "keys.master_environment: ",
        ),
        (
            "WARD_KEYS_MASTER_COMMAND",
            "[\"/no/such/program\"]",
            "keys.master_command: ",
        ),
        (
            "WARD_KEYS_MASTER_COMMAND",
            "[\"echo\", \"no key\"]",
            "keys.master_command: ",
        ),
    ] {
        let refused = check_config(folder.path(), &[], &[(option, value)]);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{option}={value}: {said}");
        assert!(said.contains(says), "{option}={value}: {said}");
    }
}

/// A store that was used and has lost its key is told as a start would tell it.
#[test]
fn a_lost_key_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("ward-data")).unwrap();
    std::fs::write(folder.path().join("ward-data/ward.db"), "").unwrap();
    let refused = check_config(folder.path(), &[], &[]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("does not exist"), "{said}");
}
