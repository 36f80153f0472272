//! Recovery codes: ten characters each, about 50 bits, kept as digests and used once.

use crate::state::digest;
use ward_seal::hash::constant_time_eq;
use ward_seal::random;

/// How many are made at once.
pub const RECOVERY_CODES: usize = 8;

/// New codes, as they are shown: `7KQ2M-9XDPT`.
pub(super) fn generate() -> Vec<String> {
    (0..RECOVERY_CODES).map(|_| code()).collect()
}

/// What is kept of a code.
pub(super) fn kept(code: &str) -> String {
    digest(&plain(code))
}

/// Removes the code from those that are left; whether it was among them. All of them are compared.
pub(super) fn use_up(left: &mut Vec<String>, code: &str) -> bool {
    let sent = kept(code);
    let mut found = None;
    for (at, known) in left.iter().enumerate() {
        if constant_time_eq(known.as_bytes(), sent.as_bytes()) {
            found = Some(at);
        }
    }
    found.map(|at| left.remove(at)).is_some()
}

fn code() -> String {
    let mut bytes = [0; CHARACTERS];
    random::fill(&mut bytes);
    // 256 is a multiple of 32: every character is as likely as every other.
    let characters: String = bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect();
    let (first, second) = characters.split_at(CHARACTERS / 2);
    format!("{first}-{second}")
}

/// Case, spaces and dashes do not matter; letters that look like digits are read as those.
fn plain(code: &str) -> String {
    code.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect()
}

const CHARACTERS: usize = 10;
/// Without I, L, O and U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_used_once_however_it_is_typed() {
        let codes = generate();
        let mut left: Vec<String> = codes.iter().map(|code| kept(code)).collect();
        assert_eq!(left.len(), RECOVERY_CODES);
        let typed = codes[3]
            .to_lowercase()
            .replace('-', " ")
            .replace('0', "o")
            .replace('1', "l");
        assert!(use_up(&mut left, &typed));
        assert!(!use_up(&mut left, &codes[3]), "used before");
        assert_eq!(left.len(), RECOVERY_CODES - 1);
        assert!(!use_up(&mut left, ""));
        assert!(!use_up(&mut left, "00000-00000"));
    }
}
