//! `cargo xtask bench instructions`: instructions per interaction on the embedded store, counted by callgrind as the difference of
//! two runs, written to `docs/instructions.md`. Counts do not depend on what else the machine does.

use super::process::build_package;
use std::process::Command;

const INTERACTIONS: [&str; 12] = [
    "read",
    "vread",
    "search",
    "history",
    "$everything",
    "create",
    "conditional create",
    "update",
    "patch",
    "create and delete",
    "batch",
    "transaction",
];
const FEW: u64 = 50;
const MANY: u64 = 150;

pub fn run() -> Result<(), String> {
    build_package(&["--package", "ward-resources", "--example", "interactions"])?;
    let mut table = String::from(
        "# Instructions per interaction\nEmbedded store, everything on (access, validation, sealing, record), counted by callgrind as the difference of two runs;\n\
         made by `cargo xtask bench instructions`. A change of more than a few per cent is a finding.\n\n| interaction | instructions |\n|---|---|\n",
    );
    for interaction in INTERACTIONS {
        let each =
            (count(interaction, MANY)?.saturating_sub(count(interaction, FEW)?)) / (MANY - FEW);
        eprintln!("{interaction}: {each}");
        table.push_str(&format!("| {interaction} | {} |\n", thousands(each)));
    }
    std::fs::write("docs/instructions.md", table).map_err(|e| format!("docs/instructions.md: {e}"))
}

fn count(interaction: &str, times: u64) -> Result<u64, String> {
    let program = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".into())
        + "/dist/examples/interactions";
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            &program,
            interaction,
            &times.to_string(),
        ])
        .output()
        .map_err(|e| format!("valgrind: {e}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text
        .lines()
        .find_map(|l| l.split_once("Collected :"))
        .map(|(_, n)| n.trim().to_owned());
    collected
        .and_then(|n| n.parse().ok())
        .ok_or_else(|| format!("callgrind of {interaction}: {text}"))
}

fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
