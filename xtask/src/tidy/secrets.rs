//! Secrets in what is kept here (X62): private keys, signed tokens and passwords of clients are found by how they look, whatever the
//! file. What tests were given openly, by a standard or by ourselves, is listed by file.

use super::Finding;
use super::tree::File;

/// Files that may hold what looks like a secret: path, how many there are, and whose they are.
const OPEN: &[(&str, usize, &str)] = &[
    (
        "tests/start/keys.rs",
        2,
        "master keys that were drawn for a test of how they are read",
    ),
    (
        "crates/seal/src/totp.rs",
        2,
        "the alphabet that secrets of authenticator apps are written in, and the published secret of RFC 6238",
    ),
    (
        "crates/server/src/demo/callers.rs",
        1,
        "the secret of the examples of RFC 6238",
    ),
    (
        "crates/loadgen/src/workload/tests.rs",
        1,
        "the secret of the examples of RFC 6238",
    ),
    (
        "crates/http/src/pages/qr.rs",
        1,
        "the secret of the example of Google's authenticator app, in a picture",
    ),
    (
        "crates/http/src/pages/samples.rs",
        1,
        "the same on a sample of the page that shows one",
    ),
    (
        "crates/http/src/pages/snapshots/enrol_totp.html",
        1,
        "that page",
    ),
    (
        "tests/browser/house/totp.mjs",
        1,
        "the alphabet that secrets of authenticator apps are written in",
    ),
    (
        "tests/upstream/keycloak/realm.json",
        1,
        "the secret of a person of the test realm, which lives as long as a run",
    ),
    (
        "crates/seal/src/jwk_tests.rs",
        1,
        "a public coordinate of RFC 7515, padded as it must not be",
    ),
    (
        "crates/audit/src/checkpoint.rs",
        2,
        "hashes of a checkpoint",
    ),
    (
        "crates/audit/tests/verify/example.ndjson",
        17,
        "hashes of the log that is published as an example",
    ),
    (
        "crates/audit/tests/verify/example.tlog-proof",
        7,
        "hashes of the proof that is published as an example",
    ),
    ("docs/guide/auditing-format.md", 2, "hashes of the same log"),
];

/// Names of files that hold keys and nothing else.
const KEY_FILES: &[&str] = &[
    ".pem",
    ".key",
    ".p12",
    ".pfx",
    ".jks",
    ".keystore",
    ".p8",
    ".pk8",
    ".env",
    ".netrc",
    ".pgpass",
    "id_rsa",
    "id_ecdsa",
    "id_ed25519",
];

/// Beginnings of what other places hand out. Written in pieces so that this file holds none of them.
const HANDED_OUT: &[&[&str]] = &[
    &["AK", "IA"],
    &["gh", "p_"],
    &["gh", "o_"],
    &["github_", "pat_"],
    &["xox", "b-"],
    &["xox", "p-"],
    &["sk_", "live_"],
    &["AI", "za"],
];

/// Characters of base64 that make a key of a block between two lines of dashes. A P-256 key has about 180.
const KEY_CHARACTERS_MIN: usize = 64;
/// Characters of a number of a private JWK: 32 bytes have 43.
const JWK_CHARACTERS_MIN: usize = 40;
/// Characters of a word that somebody gave a client as its secret.
const SECRET_CHARACTERS_MIN: usize = 16;

/// `names`: of all files, read or not.
pub fn check(files: &[File], names: &[String], findings: &mut Vec<Finding>) {
    for name in names {
        if KEY_FILES.iter().any(|ending| name.ends_with(ending)) {
            findings.push(format!("secrets: {name}: a file of keys is kept elsewhere"));
        }
    }
    for file in files {
        let found = in_text(&file.text);
        let open = OPEN.iter().find(|(path, _, _)| *path == file.path);
        let (open, whose) = open.map_or((0, "nobody's"), |(_, many, whose)| (*many, whose));
        if found.len() > open {
            for (line, what) in found {
                findings.push(format!(
                    "secrets: {}:{line}: {what}; {open} are known ({whose})",
                    file.path
                ));
            }
        } else if found.len() < open {
            findings.push(format!(
                "secrets: {}: {open} are listed in xtask/src/tidy/secrets.rs and {} are there",
                file.path,
                found.len()
            ));
        }
    }
}

type Found = Vec<(usize, &'static str)>;

/// Lines and what is in them.
fn in_text(text: &str) -> Found {
    let mut found = pem_keys(text);
    for (n, line) in text.lines().enumerate() {
        let what = [
            (is_private_jwk(line), "a private JWK"),
            (has_signed_token(line), "a signed token"),
            (
                has_master_key(line),
                "32 bytes in base64, as a master key is",
            ),
            (has_totp_secret(line), "a secret of an authenticator app"),
            (has_handed_out(line), "a key of another place"),
            (gives_secret(line), "a client's secret"),
        ];
        let what = what.into_iter().find(|(is_there, _)| *is_there);
        found.extend(what.map(|(_, what)| (n + 1, what)));
    }
    found.sort_unstable();
    found
}

/// Blocks of PEM with something in them: the bare lines of dashes are how a program tells or writes one.
fn pem_keys(text: &str) -> Found {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("PRIVATE KEY-----") {
        let begins = text[..at].rsplit('\n').next().unwrap_or_default();
        let inside = text[at + "PRIVATE KEY-----".len()..].split("-----");
        let inside = inside.into_iter().next().unwrap_or_default();
        let characters = inside.bytes().filter(|b| is_base64(*b)).count();
        // No block is longer, and none has words between its lines.
        let is_block = inside.len() < 8_192 && !inside.contains(['(', '{', ';']);
        if begins.contains("-----BEGIN") && is_block && characters >= KEY_CHARACTERS_MIN {
            found.push((text[..at].matches('\n').count() + 1, "a private key"));
        }
    }
    found
}

/// `"d": "…"`, quoted in whichever way.
fn is_private_jwk(line: &str) -> bool {
    let bare: String = line.chars().filter(|c| !" \\'\"".contains(*c)).collect();
    let members = ["d:", "{d:", ",d:"];
    members.iter().enumerate().any(|(n, member)| {
        let rest = match n {
            0 => bare.strip_prefix(member),
            _ => bare.split_once(member).map(|(_, rest)| rest),
        };
        rest.is_some_and(|rest| run(rest, is_base64url) >= JWK_CHARACTERS_MIN)
    })
}

/// Three parts, the first of which begins a JSON object.
fn has_signed_token(line: &str) -> bool {
    line.match_indices("eyJ").any(|(at, _)| {
        let mut parts = line[at..].split('.').map(|part| run(part, is_base64url));
        let parts = [parts.next(), parts.next(), parts.next()].map(Option::unwrap_or_default);
        parts[0] >= 16 && parts[1] >= 16 && parts[2] >= JWK_CHARACTERS_MIN
    })
}

/// 43 characters and one `=`, alone.
fn has_master_key(line: &str) -> bool {
    line.split(|c: char| {
        !c.is_ascii() || !(is_base64(c as u8) || is_base64url(c as u8) || c == '=')
    })
    .any(|word| word.len() == 44 && word.ends_with('=') && !word[..43].contains('='))
}

/// 20 bytes in base32, alone.
fn has_totp_secret(line: &str) -> bool {
    let is_base32 = |b: u8| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b);
    line.split(['"', '\\', '\'', ' ', '=', '&']).any(|word| {
        word.len() == 32 && word.bytes().all(is_base32) && !word.bytes().all(|b| b.is_ascii_digit())
    })
}

fn has_handed_out(line: &str) -> bool {
    let beginnings = HANDED_OUT.iter().map(|pieces| pieces.concat());
    beginnings.into_iter().any(|beginning| {
        line.match_indices(&beginning).any(|(at, _)| {
            run(&line[at + beginning.len()..], is_base64url) >= SECRET_CHARACTERS_MIN
        })
    })
}

/// `client_secret = "…"`, `"client_secret": "…"`: one long word without a space.
fn gives_secret(line: &str) -> bool {
    let names = [
        "client_secret",
        "clientSecret",
        "CLIENT_SECRET",
        "api_key",
        "apiKey",
        "API_KEY",
    ];
    names.iter().any(|name| {
        line.match_indices(name).any(|(at, _)| {
            let rest = line[at + name.len()..].trim_start_matches(['"', '\'', ' ', '\\']);
            let Some(rest) = rest.strip_prefix([':', '=']) else {
                return false;
            };
            let rest = rest.trim_start_matches([' ', '&', '\\']);
            let Some(word) = rest.strip_prefix(['"', '\'']) else {
                return false;
            };
            let length = run(word, |b| b.is_ascii_graphic() && !b"\"'\\{}<>".contains(&b));
            length >= SECRET_CHARACTERS_MIN && word[length..].starts_with(['"', '\'', '\\'])
        })
    })
}

/// Bytes at the beginning that are such.
fn run(text: &str, is_such: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|byte| is_such(*byte)).count()
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/".contains(&byte)
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks like a key, and is none.
    fn letters(many: usize) -> String {
        "Ab9_".repeat(many / 4 + 1)[..many].to_owned()
    }

    #[test]
    fn x62_secrets_are_found_by_how_they_look() {
        let dashes = |word: &str| format!("-----{word} PRIVATE KEY-----");
        let plain = letters(180).replace('_', "x");
        let pem = format!("{}\n{plain}\n{}", dashes("BEGIN"), dashes("END"));
        let escaped = format!("\"{}\\n{plain}\\n{}\"", dashes("BEGIN"), dashes("END"));
        let rsa = pem.replace(" PRIVATE", " RSA PRIVATE");
        let jwk = format!("{{\"kty\":\"EC\",\"d\": \"{}\"}}", letters(43));
        let quoted = jwk.replace('"', "\\\"");
        let token = format!(
            "Bearer ey{}.{}.{}",
            letters(40).replacen('A', "J", 1),
            letters(40),
            letters(86)
        );
        let master = format!("KEY=\"{}=\"", letters(43).replace('_', "/"));
        let secret = format!("client_secret = \"{}\"", letters(20));
        let totp = format!("secret={}", "AB34".repeat(8));
        let within = format!("\"{{\\\"value\\\": \\\"{}\\\"}}\"", "AB34".repeat(8));
        let handed = format!("{}{}", ["gh", "p_"].concat(), letters(36));
        for text in [
            &pem, &escaped, &rsa, &jwk, &quoted, &token, &master, &secret, &totp, &within, &handed,
        ] {
            assert_eq!(in_text(&format!("first\n{text}\nlast")).len(), 1, "{text}");
            assert_eq!(in_text(&format!("first\n{text}\nlast"))[0].0, 2, "{text}");
        }
    }

    #[test]
    fn how_a_program_speaks_of_secrets_is_none() {
        let dashes = |word: &str| format!("-----{word} PRIVATE KEY-----");
        for text in [
            format!("\"{}\\n{{}}\\n{}\\n\",", dashes("BEGIN"), dashes("END")),
            format!("assert!(key.starts_with(\"{}\\n\"));", dashes("BEGIN")),
            "\"token_endpoint_auth_method\": \"client_secret_basic\"".to_owned(),
            "client_secret: &str, // as it was registered, never shown".to_owned(),
            "secret_file = \"/etc/ward/upstream-secret\"".to_owned(),
            format!("sha512-{}==", letters(86)),
            format!("sha256 {}", "0123456789abcdef".repeat(4)),
            "eyJ.a.b".to_owned(),
        ] {
            assert_eq!(in_text(&text), Vec::new(), "{text}");
        }
    }

    #[test]
    fn listed_files_hold_as_many_as_are_listed() {
        let findings = |path: &str, keys: usize| {
            let line = format!("\"{}=\"\n", letters(43).replace('_', "/"));
            let file = File {
                path: path.to_owned(),
                text: line.repeat(keys),
            };
            let mut found = Vec::new();
            check(&[file], &[path.to_owned()], &mut found);
            found.len()
        };
        assert_eq!(findings("tests/start/keys.rs", 2), 0);
        assert_eq!(findings("tests/start/keys.rs", 3), 3);
        assert_eq!(findings("tests/start/keys.rs", 1), 1);
        assert_eq!(findings("tests/other.rs", 1), 1);
        assert_eq!(findings("deploy/server.key", 0), 1);
    }
}
