//! Time-based one-time codes: SHA-1, six digits, 30 s, as every authenticator app has them.
//! <https://www.rfc-editor.org/rfc/rfc6238>

use crate::hash::constant_time_eq;
use crate::random;
use ring::hmac;
use std::fmt;
use zeroize::Zeroizing;

/// The secret shared with a person's authenticator app: 160 bits (RFC 4226 §4, R6), wiped on drop.
#[derive(Clone)]
pub struct TotpSecret(Zeroizing<[u8; SECRET_BYTES]>);

pub const SECRET_BYTES: usize = 20;
pub const STEP_S: i64 = 30;
/// Steps before and after the present one whose code is accepted (RFC 6238 §5.2): clocks differ, and people are slow.
pub const WINDOW_STEPS: u64 = 1;

impl TotpSecret {
    pub fn generate() -> TotpSecret {
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        random::fill(&mut *bytes);
        TotpSecret(bytes)
    }

    pub fn from_bytes(bytes: [u8; SECRET_BYTES]) -> TotpSecret {
        TotpSecret(Zeroizing::new(bytes))
    }

    /// What `base32` wrote; case and spaces do not matter. `None`: not 20 bytes of base32.
    pub fn from_base32(text: &str) -> Option<TotpSecret> {
        let bytes = Zeroizing::new(from_base32(text)?);
        bytes.as_slice().try_into().ok().map(TotpSecret::from_bytes)
    }

    /// The secret: seal it before it is stored anywhere.
    pub fn bytes(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }

    /// 32 characters for typing it in.
    pub fn base32(&self) -> String {
        base32(&*self.0)
    }

    /// The address that authenticator apps read from a QR code: issuer and account name what it is for.
    pub fn uri(&self, issuer: &str, account: &str) -> String {
        let (issuer, account) = (percent(issuer), percent(account));
        let secret = self.base32();
        format!(
            "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30"
        )
    }

    /// The step whose code this is, within the window around `now_s` (seconds since 1970) and after `last_step`, the last
    /// one that was used: store what is returned, so that a code passes once (AT7b). `None`: wrong, too old, or used.
    pub fn verify(&self, code: &str, now_s: i64, last_step: Option<u64>) -> Option<u64> {
        let present = step(now_s);
        let window = present.saturating_sub(WINDOW_STEPS)..=present + WINDOW_STEPS;
        // Every step of the window is computed and compared, whichever fits.
        window.fold(None, |found, step| {
            let right = constant_time_eq(self.code(step).as_bytes(), code.as_bytes());
            let fresh = last_step.is_none_or(|last| step > last);
            (right && fresh).then_some(step).or(found)
        })
    }

    /// The code of a step.
    pub fn code(&self, step: u64) -> String {
        format!("{:06}", truncated(&*self.0, step) % 1_000_000)
    }
}

/// The step of an instant.
pub fn step(now_s: i64) -> u64 {
    (now_s.max(0) / STEP_S) as u64
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(..)")
    }
}

/// RFC 4226 §5.3.
fn truncated(secret: &[u8], step: u64) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[tag.len() - 1] & 0x0f);
    u32::from_be_bytes([tag[at] & 0x7f, tag[at + 1], tag[at + 2], tag[at + 3]])
}

/// RFC 4648 §6 without padding.
fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut held, mut bits) = (0u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(BASE32[(held >> bits & 31) as usize]));
        }
    }
    if bits > 0 {
        text.push(char::from(BASE32[(held << (5 - bits) & 31) as usize]));
    }
    text
}

fn from_base32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut held, mut bits) = (0u32, 0);
    for letter in text.bytes().filter(|letter| *letter != b' ') {
        let letter = letter.to_ascii_uppercase();
        let value = BASE32.iter().position(|known| *known == letter)?;
        held = held << 5 | value as u32;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
        }
    }
    // Bits that are left over belong to no byte and are zero.
    (bits < 5 && held & ((1 << bits) - 1) == 0).then_some(bytes)
}

/// RFC 3986 §2.1: everything but unreserved characters.
fn percent(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => write!(out, "%{byte:02X}").expect("a String takes all"),
        }
        out
    })
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

#[cfg(test)]
mod tests {
    use super::*;

    fn published() -> TotpSecret {
        TotpSecret::from_bytes(*b"12345678901234567890")
    }

    /// RFC 6238 appendix B, SHA-1: its eight digits, and the last six of them.
    #[test]
    fn rfc_6238_appendix_b() {
        for (now_s, digits) in [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130),
        ] {
            let step = step(now_s);
            assert_eq!(truncated(published().bytes(), step) % 100_000_000, digits);
            let code = format!("{:06}", digits % 1_000_000);
            assert_eq!(published().code(step), code);
            assert_eq!(published().verify(&code, now_s, None), Some(step));
        }
    }

    #[test]
    fn a_code_passes_in_its_window_and_once() {
        let secret = TotpSecret::generate();
        let now_s = 1_700_000_010;
        let present = step(now_s);
        for step in present - 3..=present + 3 {
            let within = present.abs_diff(step) <= WINDOW_STEPS;
            let found = secret.verify(&secret.code(step), now_s, None);
            assert_eq!(found, within.then_some(step));
            assert_eq!(secret.verify(&secret.code(step), now_s, Some(step)), None);
        }
        assert_eq!(secret.verify(&secret.code(0), 0, None), Some(0));
        assert_eq!(secret.verify(&secret.code(0), -1, None), Some(0));
        for bad in [
            "",
            "12345",
            "1234567",
            " 123456",
            "１２３４５６",
            &"9".repeat(10_000),
        ] {
            assert_eq!(secret.verify(bad, now_s, None), None, "{}", bad.len());
        }
    }

    /// RFC 4648 §10.
    #[test]
    fn base32_as_published() {
        for (plain, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(plain.as_bytes()), text);
            assert_eq!(from_base32(text).unwrap(), plain.as_bytes());
        }
        for bad in ["M", "MZ1", "MZ=", "MR", "é"] {
            assert_eq!(from_base32(bad), None, "{bad}");
        }
        let secret = TotpSecret::generate();
        let typed = secret.base32().to_lowercase();
        let typed = format!("{} {}", &typed[..4], &typed[4..]);
        assert_eq!(
            TotpSecret::from_base32(&typed).unwrap().bytes(),
            secret.bytes()
        );
        assert!(TotpSecret::from_base32("MZXW6").is_none());
        assert_eq!(format!("{secret:?}"), "TotpSecret(..)");
    }

    #[test]
    fn the_address_is_escaped() {
        assert_eq!(
            published().uri("St. Mary's", "a&b:c"),
            "otpauth://totp/St.%20Mary%27s:a%26b%3Ac?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=St.%20Mary%27s&algorithm=SHA1&digits=6&period=30"
        );
    }
}
