//! Floors: which of our packages may use which. Arrows go downwards only (design §2).

use super::Finding;
use super::metadata::{Metadata, Package, Use};

/// From the ground up. A package may use what stands on a lower floor, or before it on its own.
const FLOORS: &[(&str, &[&str])] = &[
    (
        "words",
        &["ward-hospital", "ward-seal", "ward-fhir", "ward-fhirpath"],
    ),
    (
        "meaning",
        &[
            "ward-terminology",
            "ward-search",
            "ward-validation",
            "ward-access",
            "ward-consent",
            "ward-detection",
        ],
    ),
    ("record", &["ward-audit", "ward-auditevent"]),
    ("storage", &["ward-storage"]),
    ("interactions", &["ward-resources"]),
    (
        "doors",
        &["ward-smart", "ward-bulk", "ward-subscriptions", "ward-http"],
    ),
    ("binary", &["ward-server"]),
    (
        "witnesses",
        &[
            "ward-testkit",
            "ward-loadgen",
            "ward-tests",
            "ward-interop",
            "xtask",
        ],
    ),
];

/// Packages that know nothing of ours, whatever stands below them.
const ALONE: &[&str] = &["ward-hospital", "ward-seal", "ward-fhir"];

/// Only these may use the package; everybody else may not, whatever the floor.
const RESERVED: &[(&str, &[&str])] = &[
    (
        "ward-hospital",
        &["ward-server", "ward-testkit", "ward-loadgen", "xtask"],
    ),
    ("ward-testkit", &["ward-tests", "ward-interop"]),
    // Clinical data has one way in: the interactions (and the wiring that opens the store). `ward-smart` keeps its own rows
    // there, which are not clinical.
    (
        "ward-storage",
        &[
            "ward-resources",
            "ward-smart",
            "ward-bulk",
            "ward-subscriptions",
            "ward-server",
        ],
    ),
];

/// Meanings know no async runtime, clock, network or database: not even at second hand.
const PURE: &[&str] = &[
    "ward-hospital",
    "ward-fhir",
    "ward-fhirpath",
    "ward-terminology",
    "ward-search",
    "ward-validation",
    "ward-access",
    "ward-consent",
    "ward-detection",
];
const EFFECTS: &[&str] = &[
    "tokio",
    "async-std",
    "futures-executor",
    "hyper",
    "reqwest",
    "actix-web",
    "diesel",
    "diesel-async",
    "tokio-postgres",
    "libsqlite3-sys",
    "jiff",
    "time",
    "chrono",
    "socket2",
    "mio",
];

pub fn check(metadata: &Metadata, findings: &mut Vec<Finding>) {
    for package in metadata.ours() {
        let Some(place) = place(&package.name) else {
            findings.push(format!(
                "floors: {} stands on no floor: add it to xtask/src/tidy/floors.rs",
                package.name
            ));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|d| d.ours) {
            arrow(package, place, &dependency.name, dependency.how, findings);
        }
        purity(package, findings);
    }
}

fn arrow(package: &Package, here: (usize, usize), to: &str, how: Use, findings: &mut Vec<Finding>) {
    let name = &package.name;
    // Tests look downwards as the code does; but what is made for tests is free for all of them.
    if how == Use::Dev && ["ward-hospital", "ward-testkit"].contains(&to) {
        return;
    }
    if place(to).is_some_and(|there| there >= here) {
        findings.push(format!("floors: {name} uses {to}, which stands above it"));
    }
    if ALONE.contains(&name.as_str()) {
        findings.push(format!(
            "floors: {name} must know none of our packages, but uses {to}"
        ));
    }
    let dev_room = here.0 + 1 == FLOORS.len();
    if let Some((_, users)) = RESERVED.iter().find(|(reserved, _)| *reserved == to)
        && !users.contains(&name.as_str())
        && !(dev_room && to == "ward-storage" && how == Use::Dev)
    {
        findings.push(format!(
            "floors: {name} uses {to}, which is only for {}",
            users.join(", ")
        ));
    }
}

fn purity(package: &Package, findings: &mut Vec<Finding>) {
    if !PURE.contains(&package.name.as_str()) {
        return;
    }
    for effect in EFFECTS.iter().filter(|e| package.linked.contains(**e)) {
        findings.push(format!(
            "floors: {} is pure but is linked with {effect}",
            package.name
        ));
    }
}

/// Floor and place on it.
fn place(name: &str) -> Option<(usize, usize)> {
    let on = |rooms: &[&str]| rooms.iter().position(|room| *room == name);
    FLOORS
        .iter()
        .enumerate()
        .find_map(|(floor, (_, rooms))| on(rooms).map(|n| (floor, n)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::metadata::examples::{ours, place};

    fn findings(packages: Vec<Package>) -> Vec<Finding> {
        let mut found = Vec::new();
        check(&place(packages), &mut found);
        found
    }

    #[test]
    fn arrows_go_downwards() {
        assert!(
            findings(vec![ours(
                "ward-resources",
                &[("ward-storage", Use::Normal, true)]
            )])
            .is_empty()
        );
        assert!(
            findings(vec![ours(
                "ward-access",
                &[("ward-search", Use::Normal, true)]
            )])
            .is_empty()
        );
        assert_eq!(
            findings(vec![ours(
                "ward-search",
                &[("ward-access", Use::Normal, true)]
            )])
            .len(),
            1
        );
        assert_eq!(
            findings(vec![ours(
                "ward-fhirpath",
                &[("ward-search", Use::Dev, true)]
            )])
            .len(),
            1
        );
    }

    #[test]
    fn a_package_on_no_floor_is_named() {
        assert!(findings(vec![ours("ward-attic", &[])])[0].contains("no floor"));
    }

    #[test]
    fn reserved_packages_have_few_users() {
        assert_eq!(
            findings(vec![ours(
                "ward-http",
                &[("ward-storage", Use::Normal, true)]
            )])
            .len(),
            1
        );
        assert_eq!(
            findings(vec![ours(
                "ward-http",
                &[("ward-hospital", Use::Normal, true)]
            )])
            .len(),
            1
        );
        assert!(
            findings(vec![ours(
                "ward-storage",
                &[("ward-hospital", Use::Dev, true)]
            )])
            .is_empty()
        );
        assert!(
            findings(vec![ours(
                "ward-loadgen",
                &[("ward-hospital", Use::Normal, true)]
            )])
            .is_empty()
        );
    }

    #[test]
    fn meanings_are_linked_with_no_effect() {
        let mut search = ours("ward-search", &[]);
        search.linked.insert("tokio".to_owned());
        assert!(findings(vec![search])[0].contains("tokio"));
    }
}
