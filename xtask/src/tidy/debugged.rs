//! What holds a secret does not derive `Debug` (X61): a log line, an error or a panic that shows it would tell the secret.

use super::Finding;
use super::tree::File;

/// Members that are secrets where they are text or bytes. What is kept as a digest is named so.
const SECRETS: &[&str] = &[
    "access_token",
    "authorization",
    "client_secret",
    "cookie",
    "invitation",
    "key_bytes",
    "master_key",
    "password",
    "pkcs8",
    "private_key",
    "recovery_codes",
    "refresh_token",
    "secret",
    "token",
    "totp",
    "verifier",
];

/// Types that text and bytes are written in.
const PLAIN: &[&str] = &["String", "str", "u8"];

/// Crates that know no secret of anybody.
const APART: &[&str] = &["crates/testkit/", "crates/hospital/", "crates/loadgen/"];

pub fn check(files: &[File], findings: &mut Vec<Finding>) {
    let ours = files.iter().filter(|file| {
        file.is_rust()
            && file.path.starts_with("crates/")
            && file.path.contains("/src/")
            && !APART.iter().any(|apart| file.path.starts_with(apart))
    });
    for file in ours {
        for (line, what) in in_text(&file.text) {
            findings.push(format!(
                "debugged: {}:{line}: {what} is a secret, and its struct derives Debug: write one that hides it",
                file.path
            ));
        }
    }
}

/// Lines and names of secret members of structs that derive `Debug`.
fn in_text(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let (mut is_derived, mut is_debugged, mut is_within) = (false, false, false);
    for (n, line) in text.lines().enumerate() {
        let bare = line.trim();
        if bare.starts_with("#[derive(") {
            (is_derived, is_debugged) = (true, false);
        }
        if is_derived {
            let mut words = bare.split(|c: char| !c.is_ascii_alphanumeric());
            is_debugged |= words.any(|word| word == "Debug");
            is_derived = !bare.ends_with(")]");
        } else if bare.starts_with('}') {
            (is_within, is_debugged) = (false, false);
        } else if bare.contains("struct ") && !bare.starts_with("//") {
            is_within = is_debugged && bare.ends_with('{');
            is_debugged &= is_within;
        } else if let Some((before, ty)) = bare.split_once(": ").filter(|_| is_within) {
            let name = before.rsplit(' ').next().unwrap_or(before);
            let mut words = ty.split(|c: char| !c.is_ascii_alphanumeric());
            let is_plain = words.any(|word| PLAIN.contains(&word));
            if is_plain && SECRETS.contains(&name) && !bare.starts_with("//") {
                found.push((n + 1, name));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x61_secrets_that_are_debugged_are_found() {
        let given = |derived: &str, member: &str| {
            let text = format!(
                "#[derive({derived})]\n/// Words.\npub struct A<'a> {{\n    {member},\n}}\n"
            );
            in_text(&text).len()
        };
        for member in [
            "pub secret: Option<String>",
            "password: String",
            "pub authorization: Option<&'a str>",
            "pkcs8: Zeroizing<Vec<u8>>",
            "pub(crate) token: Box<str>",
        ] {
            assert_eq!(given("Clone, Debug", member), 1, "{member}");
            assert_eq!(given("Clone", member), 0, "{member}");
        }
        for member in [
            "pub secret_digest: Option<String>",
            "pub token: Option<Token>",
            "pub name: String",
            "// secret: nobody's",
        ] {
            assert_eq!(given("Debug, Clone", member), 0, "{member}");
        }
        let after =
            "#[derive(Debug)]\nstruct A {\n    a: u8,\n}\nstruct B {\n    secret: String,\n}\n";
        assert_eq!(in_text(after), []);
        let tuple = "#[derive(Debug)]\nstruct A(u8);\nstruct B {\n    secret: String,\n}\n";
        assert_eq!(in_text(tuple), []);
        let long = "#[derive(\n    Clone, Debug,\n)]\nstruct A {\n    secret: String,\n}\n";
        assert_eq!(in_text(long), [(5, "secret")]);
    }
}
