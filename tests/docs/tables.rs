//! `docs/interactions.md` names tests: each is there.

use super::text;
use std::path::Path;

#[test]
fn every_test_that_is_named_is_there() {
    let table = text("docs/interactions.md");
    let rows = table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| interaction "));
    let mut rows_seen = 0;
    for row in rows {
        rows_seen += 1;
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let named: Vec<&str> = quoted(cells.last().unwrap()).collect();
        assert!(!named.is_empty(), "no test is named: {row}");
        for name in named {
            assert!(is_there(name), "{name} is no test");
        }
    }
    assert!(rows_seen > 30, "{rows_seen}");
    assert!(!is_there("rest::crud::nobody_wrote_this"));
}

fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// `rest::crud::name` is a function of `tests/rest/crud.rs`, `calls::reads::name` one of `crates/resources/tests/calls/reads.rs`.
fn is_there(name: &str) -> bool {
    let Some((module, function)) = name.rsplit_once("::") else {
        return false;
    };
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let place = match module.strip_prefix("calls::") {
        Some(rest) => format!("{root}/crates/resources/tests/calls/{rest}"),
        None => format!("{root}/tests/{}", module.replace("::", "/")),
    };
    let files = [format!("{place}.rs"), format!("{place}/mod.rs")];
    let files = files.iter().filter(|file| Path::new(file).exists());
    let mut texts = files.map(|file| std::fs::read_to_string(file).unwrap());
    texts.any(|text| {
        let plain = format!("#[test]\nfn {function}()");
        text.contains(&plain) || text.contains(&format!("pub async fn {function}(house: House)"))
    })
}
