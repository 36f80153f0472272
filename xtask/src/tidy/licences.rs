//! Licences we accept, packages we do not, features that must stay off. SPDX expressions:
//! <https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/>

use super::Finding;
use super::metadata::{Metadata, Package};

const ACCEPTED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
];

/// Package and why it is refused, wherever in the graph it stands.
const BANNED: &[(&str, &str)] = &[
    ("actix-governor", "GPL-3.0-or-later"),
    (
        "aws-lc-rs",
        "a second cryptography library; rustls and tokens use ring",
    ),
    (
        "aws-lc-sys",
        "a second cryptography library; rustls and tokens use ring",
    ),
    (
        "jsonwebtoken",
        "has no ring backend; ward-seal signs and verifies",
    ),
    ("native-tls", "OpenSSL on Linux"),
    ("openssl", "ring and rustls are the only cryptography"),
    ("openssl-sys", "ring and rustls are the only cryptography"),
];

/// Packages that may stand in the graph but in no manifest of ours.
const NOT_DIRECTLY: &[(&str, &str)] = &[
    (
        "chrono",
        "partial dates are our own type, clocks are jiff's",
    ),
    ("time", "clocks are jiff's"),
];

/// Package, feature, reason.
const BANNED_FEATURES: &[(&str, &str, &str)] = &[(
    "serde_json",
    "arbitrary_precision",
    "breaks tagged and flattened types in the whole workspace",
)];

pub fn check(metadata: &Metadata, findings: &mut Vec<Finding>) {
    for package in &metadata.packages {
        let name = package.name.as_str();
        if let Some((_, why)) = BANNED.iter().find(|(banned, _)| *banned == name) {
            findings.push(format!(
                "banned: {name} {} ({why}), used by {}",
                package.version,
                users(metadata, name)
            ));
        }
        for (_, feature, why) in BANNED_FEATURES.iter().filter(|(n, _, _)| *n == name) {
            if package.features.iter().any(|f| f == feature) {
                findings.push(format!("banned: {name}/{feature} ({why})"));
            }
        }
        if package.ours {
            not_directly(package, findings);
        } else {
            licence(package, findings);
        }
    }
}

/// Whether the expression can be satisfied with accepted licences alone. `A/B` is the old form of `A OR B`.
fn acceptable(expression: &str) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser {
        words: &words,
        at: 0,
    };
    parser.any() == Some(true) && parser.at == words.len()
}

fn licence(package: &Package, findings: &mut Vec<Finding>) {
    let Package { name, version, .. } = package;
    match package.licence.as_deref() {
        None => findings.push(format!("licences: {name} {version} names no licence")),
        Some(text) if !acceptable(text) => {
            findings.push(format!("licences: {name} {version} is under {text}"))
        }
        Some(_) => {}
    }
}

fn not_directly(package: &Package, findings: &mut Vec<Finding>) {
    for dependency in &package.dependencies {
        if let Some((name, why)) = NOT_DIRECTLY.iter().find(|(n, _)| *n == dependency.name) {
            findings.push(format!("banned: {} names {name} ({why})", package.name));
        }
    }
}

fn users(metadata: &Metadata, name: &str) -> String {
    let users: Vec<&str> = metadata
        .ours()
        .filter(|p| p.linked.contains(name))
        .map(|p| p.name.as_str())
        .collect();
    if users.is_empty() {
        "tests only".to_owned()
    } else {
        users.join(", ")
    }
}

struct Parser<'w> {
    words: &'w [&'w str],
    at: usize,
}

/// Each part says whether it is acceptable; None where the expression is malformed.
impl Parser<'_> {
    fn any(&mut self) -> Option<bool> {
        let mut good = self.all()?;
        while self.take("OR") {
            // Both sides must be read, whatever the first one says.
            good |= self.all()?;
        }
        Some(good)
    }

    fn all(&mut self) -> Option<bool> {
        let mut good = self.one()?;
        while self.take("AND") {
            good &= self.one()?;
        }
        Some(good)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let good = self.any()?;
            return self.take(")").then_some(good);
        }
        let name = *self.words.get(self.at)?;
        self.at += 1;
        if !self.take("WITH") {
            return Some(ACCEPTED.contains(&name));
        }
        let exception = *self.words.get(self.at)?;
        self.at += 1;
        // The only exception met so far; it grants more.
        Some(exception == "LLVM-exception" && ACCEPTED.contains(&name))
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.words.get(self.at) == Some(&word);
        self.at += usize::from(found);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::metadata::Use;
    use crate::tidy::metadata::examples::{ours, outside, place};

    fn findings(package: Package) -> Vec<Finding> {
        let mut found = Vec::new();
        check(&place(vec![package]), &mut found);
        found
    }

    #[test]
    fn expressions_are_read_as_spdx_says() {
        for good in [
            "MIT",
            "MIT OR GPL-3.0-only",
            "MIT/Apache-2.0",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR MIT",
        ] {
            assert!(acceptable(good), "{good}");
        }
        for bad in [
            "GPL-3.0-or-later",
            "MIT AND GPL-2.0-only",
            "(MIT",
            "",
            "MIT OR",
            "SSPL-1.0",
        ] {
            assert!(!acceptable(bad), "{bad}");
        }
    }

    #[test]
    fn packages_without_or_with_a_refused_licence_are_named() {
        assert!(findings(outside("free", Some("MIT"))).is_empty());
        assert_eq!(findings(outside("silent", None)).len(), 1);
        assert!(findings(outside("copyleft", Some("GPL-3.0-or-later")))[0].contains("GPL"));
    }

    #[test]
    fn banned_packages_and_features_are_named() {
        assert_eq!(findings(outside("openssl", Some("Apache-2.0"))).len(), 1);
        let mut json = outside("serde_json", Some("MIT"));
        assert!(findings(json.clone()).is_empty());
        json.features.push("arbitrary_precision".to_owned());
        assert_eq!(findings(json).len(), 1);
        assert_eq!(
            findings(ours("ward-http", &[("chrono", Use::Normal, false)])).len(),
            1
        );
    }
}
