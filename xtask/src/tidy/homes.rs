//! One home for each outside package: who may name it in a manifest, and why it is here at all.

use super::Finding;
use super::metadata::{Metadata, Use};

/// Package, where it lives, what it is for. A package with several homes is vocabulary that several rooms speak.
const HOMES: &[(&str, &[&str], &str)] = &[
    (
        "actix-tls",
        &["ward-http"],
        "the type of TLS connections, to see client certificates",
    ),
    ("actix-web", &["ward-http"], "the HTTP server"),
    ("argon2", &["ward-seal"], "hashes of passwords"),
    ("base64", &["ward-seal"], "tokens and keys as text"),
    (
        "bytes",
        &["ward-storage", "ward-resources", "ward-http"],
        "bodies shared without copying on the way out",
    ),
    (
        "clap",
        &["ward-server", "ward-loadgen"],
        "command lines of the two binaries",
    ),
    (
        "diesel",
        &["ward-storage"],
        "SQLite and PostgreSQL types and statements",
    ),
    ("diesel-async", &["ward-storage"], "PostgreSQL connections"),
    (
        "flate2",
        &["ward-http", "ward-server", "ward-loadgen", "xtask"],
        "gzip: bodies, imported files, packages",
    ),
    ("futures-util", &["ward-storage", "ward-http"], "streams"),
    ("governor", &["ward-http"], "rate limits"),
    ("hdrhistogram", &["ward-loadgen"], "percentiles"),
    ("http-body-util", &["ward-loadgen"], "bodies for hyper"),
    (
        "hyper",
        &["ward-loadgen"],
        "a client that costs little beside the server",
    ),
    ("hyper-util", &["ward-loadgen"], "tokio for hyper"),
    ("jiff", &["ward-resources"], "the clock on the wall"),
    (
        "libsqlite3-sys",
        &["ward-storage"],
        "SQLite itself, bundled",
    ),
    ("memchr", &["ward-fhir"], "scanning documents"),
    ("mimalloc", &["ward-server"], "the allocator of the binary"),
    (
        "oauth2",
        &["ward-smart"],
        "the words of OAuth 2.0: PKCE, scopes, errors",
    ),
    (
        "openidconnect",
        &["ward-smart"],
        "sign-in through another OpenID provider",
    ),
    ("pdf-writer", &["ward-http"], "reports to be printed"),
    ("prometheus-client", &["ward-http"], "metrics"),
    ("quick-xml", &["ward-fhir"], "XML in and out"),
    (
        "quick_cache",
        &["ward-storage", "ward-smart"],
        "bounded caches: bodies, verified tokens",
    ),
    ("rcgen", &["ward-server"], "certificates for development"),
    (
        "regex",
        &["ward-fhirpath"],
        "matches() and replaceMatches()",
    ),
    (
        "reqwest",
        &["ward-server", "ward-testkit"],
        "HTTP client: import to a server, callers of tests",
    ),
    ("ring", &["ward-seal"], "cryptography"),
    (
        "rsa",
        &["ward-seal"],
        "makes RSA keys, which ring signs with and cannot make",
    ),
    ("rust_decimal", &["ward-fhirpath"], "decimal arithmetic"),
    (
        "rustls",
        &["ward-http", "ward-server", "ward-testkit"],
        "TLS, and the provider of cryptography that clients ask for",
    ),
    (
        "serde",
        &["ward-seal", "ward-smart", "ward-server"],
        "configuration, token claims",
    ),
    (
        "serde_json",
        &[
            "ward-seal",
            "ward-audit",
            "ward-resources",
            "ward-smart",
            "ward-http",
            "ward-server",
            "ward-testkit",
            "ward-loadgen",
            "xtask",
        ],
        "small documents, never clinical ones",
    ),
    (
        "siphasher",
        &["ward-search"],
        "keyed hashes of search terms",
    ),
    (
        "smallvec",
        &["ward-fhir", "ward-fhirpath", "ward-search", "ward-storage"],
        "short lists without allocation",
    ),
    ("tar", &["xtask"], "official packages"),
    (
        "tempfile",
        &["ward-testkit"],
        "data folders of test servers",
    ),
    (
        "tokio",
        &[
            "ward-audit",
            "ward-storage",
            "ward-resources",
            "ward-smart",
            "ward-http",
            "ward-server",
            "ward-testkit",
            "ward-loadgen",
        ],
        "the async runtime, above the floors of meaning",
    ),
    ("tokio-postgres", &["ward-storage"], "COPY"),
    (
        "tokio-rustls",
        &["ward-server"],
        "TLS of the audit stream, which is no HTTP",
    ),
    ("toml", &["ward-server"], "the configuration file"),
    (
        "tracing",
        &[
            "ward-audit",
            "ward-storage",
            "ward-resources",
            "ward-smart",
            "ward-http",
            "ward-server",
        ],
        "structured logs",
    ),
    ("tracing-subscriber", &["ward-server"], "writing the logs"),
    (
        "unicode-normalization",
        &["ward-search", "ward-smart"],
        "string search without accents, user names and passwords",
    ),
    ("zeroize", &["ward-seal"], "keys wiped from memory"),
    (
        "zstd",
        &["ward-fhir", "ward-storage", "ward-http", "xtask"],
        "bodies, embedded definitions, responses",
    ),
];

/// Uses outside a home that are wanted nevertheless: package, user, reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[(
    "actix-web",
    "ward-loadgen",
    "the bare server that ours is measured against",
)];

/// Packages that only tests use.
const TEST_ONLY: &[(&str, &[&str])] = &[
    ("proptest", &["ward-tests"]),
    ("fhir-sdk", &["ward-interop"]),
];

/// Packages that any test may use besides their homes.
const FREE_FOR_TESTS: &[&str] = &[
    "serde_json",
    "tokio",
    "tempfile",
    "flate2",
    "reqwest",
    "tar",
    "quick-xml",
    "rcgen",
    "rustls",
];

pub fn check(metadata: &Metadata, findings: &mut Vec<Finding>) {
    for package in metadata.ours() {
        for dependency in package.dependencies.iter().filter(|d| !d.ours) {
            let (user, name) = (package.name.as_str(), dependency.name.as_str());
            if dependency.how == Use::Dev && may_test(name, user) || may_use(name, user) {
                continue;
            }
            findings.push(match home(name) {
                Some(homes) => format!("homes: {user} uses {name}, whose home is {}", homes.join(", ")),
                None => format!("homes: {user} uses {name}, which has no home: add it with its reason to xtask/src/tidy/homes.rs"),
            });
        }
    }
}

fn may_use(name: &str, user: &str) -> bool {
    home(name).is_some_and(|homes| homes.contains(&user))
        || EXCEPTIONS.iter().any(|(n, u, _)| *n == name && *u == user)
}

fn may_test(name: &str, user: &str) -> bool {
    FREE_FOR_TESTS.contains(&name)
        || TEST_ONLY
            .iter()
            .any(|(n, users)| *n == name && (users.contains(&user) || users.is_empty()))
}

fn home(name: &str) -> Option<&'static [&'static str]> {
    HOMES
        .iter()
        .find(|(n, _, _)| *n == name)
        .map(|(_, homes, _)| *homes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::metadata::examples::{ours, place};

    fn findings(user: &str, name: &str, how: Use) -> Vec<Finding> {
        let mut found = Vec::new();
        check(&place(vec![ours(user, &[(name, how, false)])]), &mut found);
        found
    }

    #[test]
    fn a_package_is_used_at_home_only() {
        assert!(findings("ward-seal", "ring", Use::Normal).is_empty());
        assert!(findings("ward-storage", "ring", Use::Normal)[0].contains("ward-seal"));
        assert!(findings("ward-storage", "left-pad", Use::Normal)[0].contains("no home"));
        assert!(findings("ward-loadgen", "actix-web", Use::Normal).is_empty());
    }

    #[test]
    fn tests_may_use_what_is_listed_for_them() {
        assert!(findings("ward-fhir", "serde_json", Use::Dev).is_empty());
        assert_eq!(findings("ward-fhir", "serde_json", Use::Normal).len(), 1);
        assert!(findings("ward-interop", "fhir-sdk", Use::Dev).is_empty());
        assert_eq!(findings("ward-server", "fhir-sdk", Use::Dev).len(), 1);
    }

    #[test]
    fn the_table_is_sorted_and_every_home_is_named_once() {
        assert!(
            HOMES.windows(2).all(|w| w[0].0 < w[1].0),
            "keep the table sorted"
        );
        assert!(
            HOMES
                .iter()
                .all(|(_, homes, reason)| !homes.is_empty() && !reason.is_empty())
        );
    }
}
