//! Passwords by Argon2id (RFC 9106), kept as PHC text.
//! <https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html>
//!
//! A hash takes 19 MiB and tens of milliseconds: callers bound how many run at once, and never run one on a thread that
//! answers requests.

use crate::hash::constant_time_eq;
use crate::random;
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    Right,
    /// Right, and kept under other parameters than the present ones: hash it anew and store that.
    RightButOld,
    Wrong,
}

/// The stored text is none that this file wrote, or asks for more work than is ever done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAHash;

/// OWASP's first recommendation (2024): 19 MiB, two passes, one lane.
pub const MEMORY_KIB: u32 = 19 * 1024;
pub const PASSES: u32 = 2;
pub const LANES: u32 = 1;

/// PHC text of a password under a new salt. The caller has normalized it (NFKC) and bounded its length.
pub fn hash(password: &str) -> String {
    text(&PRESENT, password)
}

/// The same with the least work, in microseconds, for a password that a program made of a hundred random bits or more: nobody
/// guesses it, however fast a guess is. When it is first typed, [`verify`] asks for it to be hashed anew.
pub fn hash_random(password: &str) -> String {
    text(&LEAST, password)
}

fn text(work: &Work, password: &str) -> String {
    let mut salt = [0; SALT_BYTES];
    random::fill(&mut salt);
    let digest = digest(work, password, &salt).expect("our parameters are valid");
    let (salt, digest) = (
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(*digest),
    );
    let Work {
        memory_kib,
        passes,
        lanes,
    } = work;
    format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${digest}")
}

/// Whether this is the password, compared in constant time. The work is that of the stored parameters, bounded by
/// [`MEMORY_KIB_MAX`] and [`PASSES_MAX`]; a wrong password for a hash of less work than the present one takes the present work
/// beside it, so that it takes as long as one for an account that does not exist (C22).
pub fn verify(password: &str, stored: &str) -> Result<Checked, NotAHash> {
    let stored = Stored::parse(stored).ok_or(NotAHash)?;
    let digest = digest(&stored.work, password, &stored.salt).ok_or(NotAHash)?;
    Ok(match constant_time_eq(&*digest, &stored.digest) {
        false if stored.work.is_light() => verify_nobody(password),
        false => Checked::Wrong,
        true if stored.work != PRESENT => Checked::RightButOld,
        true => Checked::Right,
    })
}

/// The work of a check for an account that does not exist, so that both take the same time (C22). Always wrong.
pub fn verify_nobody(password: &str) -> Checked {
    let digest = digest(&PRESENT, password, &[0; SALT_BYTES]);
    let digest = digest.expect("the present parameters are valid");
    // The comparison is made; its outcome means nothing.
    std::hint::black_box(constant_time_eq(&*digest, &[0; DIGEST_BYTES]));
    Checked::Wrong
}

pub const MEMORY_KIB_MAX: u32 = 256 * 1024;
pub const PASSES_MAX: u32 = 16;
pub const LANES_MAX: u32 = 16;

#[derive(PartialEq, Eq)]
struct Work {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

struct Stored {
    work: Work,
    salt: Vec<u8>,
    digest: [u8; DIGEST_BYTES],
}

impl Stored {
    /// `$argon2id$v=19$m=…,t=…,p=…$salt$digest`.
    fn parse(text: &str) -> Option<Stored> {
        if text.len() > STORED_BYTES_MAX {
            return None;
        }
        let mut parts = text.strip_prefix("$argon2id$v=19$")?.split('$');
        let (work, salt, digest) = (parts.next()?, parts.next()?, parts.next()?);
        let salt = STANDARD_NO_PAD.decode(salt).ok()?;
        if parts.next().is_some() || salt.len() < SALT_BYTES_MIN {
            return None;
        }
        Some(Stored {
            work: Work::parse(work)?,
            salt,
            digest: STANDARD_NO_PAD.decode(digest).ok()?.try_into().ok()?,
        })
    }
}

impl Work {
    /// Whether it takes less than half of the present time.
    fn is_light(&self) -> bool {
        let cost = |work: &Work| u64::from(work.memory_kib) * u64::from(work.passes);
        cost(self) * 2 < cost(&PRESENT)
    }

    fn parse(text: &str) -> Option<Work> {
        let mut parts = text.split(',');
        let mut number = |name: &str, max: u32| {
            let value: u32 = parts.next()?.strip_prefix(name)?.parse().ok()?;
            (1..=max).contains(&value).then_some(value)
        };
        let work = Work {
            memory_kib: number("m=", MEMORY_KIB_MAX)?,
            passes: number("t=", PASSES_MAX)?,
            lanes: number("p=", LANES_MAX)?,
        };
        parts.next().is_none().then_some(work)
    }
}

fn digest(work: &Work, password: &str, salt: &[u8]) -> Option<Zeroizing<[u8; DIGEST_BYTES]>> {
    let params = Params::new(work.memory_kib, work.passes, work.lanes, Some(DIGEST_BYTES)).ok()?;
    let mut out = Zeroizing::new([0; DIGEST_BYTES]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, &mut *out)
        .ok()?;
    Some(out)
}

const PRESENT: Work = Work {
    memory_kib: MEMORY_KIB,
    passes: PASSES,
    lanes: LANES,
};
/// RFC 9106 §3.1: eight blocks of a KiB for each lane.
const LEAST: Work = Work {
    memory_kib: 8,
    passes: 1,
    lanes: 1,
};
const SALT_BYTES: usize = 16;
const SALT_BYTES_MIN: usize = 8;
const DIGEST_BYTES: usize = 32;
const STORED_BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the reference implementation's test suite (phc-winner-argon2, src/test.c, Argon2id v 0x13).
    #[test]
    fn known_answers() {
        for (password, stored) in [
            (
                "password",
                "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            ),
            (
                "password",
                "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
            ),
            (
                "differentpassword",
                "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94",
            ),
        ] {
            assert_eq!(
                verify(password, stored),
                Ok(Checked::RightButOld),
                "{stored}"
            );
            assert_eq!(verify("other", stored), Ok(Checked::Wrong), "{stored}");
        }
    }

    #[test]
    fn hashes_with_a_new_salt_and_the_present_parameters() {
        let stored = hash("correct horse");
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        assert_ne!(stored, hash("correct horse"));
        assert_eq!(verify("correct horse", &stored), Ok(Checked::Right));
        assert_eq!(verify("correct horse ", &stored), Ok(Checked::Wrong));
        assert_eq!(verify("", &stored), Ok(Checked::Wrong));
        assert_eq!(verify_nobody("correct horse"), Checked::Wrong);
    }

    #[test]
    fn a_random_password_is_hashed_anew_when_it_is_typed() {
        let stored = hash_random(&random::token());
        assert!(
            stored.starts_with("$argon2id$v=19$m=8,t=1,p=1$"),
            "{stored}"
        );
        let password = random::token();
        let stored = hash_random(&password);
        assert_eq!(verify(&password, &stored), Ok(Checked::RightButOld));
        assert_eq!(verify("other", &stored), Ok(Checked::Wrong));
    }

    /// X59: else a wrong answer that comes soon would tell that there is an account.
    #[test]
    fn x59_a_light_hash_is_no_faster_to_guess_at() {
        let light = |stored: &str| Stored::parse(stored).unwrap().work.is_light();
        assert!(light(&hash_random("x")));
        assert!(!light(&hash("x")));
        let of = |m: u32, t: u32| Work {
            memory_kib: m,
            passes: t,
            lanes: 1,
        };
        assert!(!of(MEMORY_KIB, 1).is_light() && of(MEMORY_KIB - 1, 1).is_light());
        assert!(!of(MEMORY_KIB_MAX, PASSES_MAX).is_light());
    }

    #[test]
    fn other_texts_are_refused_before_any_work() {
        let stored = hash("x");
        let (head, digest) = stored.rsplit_once('$').unwrap();
        let cases = [
            String::new(),
            "$".into(),
            head.into(),
            format!("{head}$"),
            format!("{stored}$"),
            format!("{stored}="),
            stored.replace("argon2id", "argon2i"),
            stored.replace("v=19", "v=16"),
            stored.replace("m=19456", "m=4294967295"),
            stored.replace("m=19456", "m=99999999999"),
            stored.replace("t=2", "t=0"),
            stored.replace("t=2", "t=17"),
            stored.replace("p=1", "p=17"),
            stored.replace("p=1", "p=1,x=1"),
            // Argon2 wants 8 KiB a lane.
            stored.replace("m=19456", "m=7"),
            format!("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA${digest}"),
            "a".repeat(10_000),
        ];
        for case in cases {
            assert_eq!(verify("x", &case), Err(NotAHash), "{case}");
        }
    }
}
