//! Which content coding the answer takes. <https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3>

use crate::weight::weight;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Zstd,
    Gzip,
    Identity,
}

/// How the answer may be coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codings {
    /// What the client weighs highest; among equals what costs us least.
    pub best: Coding,
    /// It may come as it is, which is better where coding gains nothing.
    pub plain: bool,
}

/// Nothing said: as it is.
pub const PLAIN: Codings = Codings {
    best: Coding::Identity,
    plain: true,
};

/// 406 when the client accepts no coding that we have, nor none.
pub fn negotiate(header: Option<&str>) -> Result<Codings> {
    let Some(header) = header else {
        return Ok(PLAIN);
    };
    let weighed = Weighed::read(header);
    let codings = [Coding::Zstd, Coding::Gzip, Coding::Identity];
    // Of equal ones `max_by_key` takes the last.
    let best = codings.into_iter().rev().max_by_key(|c| weighed.of(*c));
    match best.filter(|coding| weighed.of(*coding) > 0) {
        Some(best) => Ok(Codings {
            best,
            plain: weighed.of(Coding::Identity) > 0,
        }),
        None => Err(Failure::new(
            Kind::NotAcceptable,
            "answers are coded as zstd or gzip, or come as they are (identity)",
        )),
    }
}

/// Weights as the client gave them.
#[derive(Default)]
struct Weighed {
    zstd: Option<u16>,
    gzip: Option<u16>,
    identity: Option<u16>,
    /// `*`: what is not named.
    others: Option<u16>,
}

/// Of an answer as it is, where nothing is said of it: accepted, and anything that was asked for is better.
const UNSAID: u16 = 1;

impl Weighed {
    fn read(header: &str) -> Weighed {
        let mut weighed = Weighed::default();
        for item in header.split(',') {
            let mut parts = item.split(';');
            let name = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
            let place = match name.as_str() {
                "zstd" => &mut weighed.zstd,
                "gzip" | "x-gzip" => &mut weighed.gzip,
                "identity" => &mut weighed.identity,
                "*" => &mut weighed.others,
                _ => continue,
            };
            *place = Some(weight(parts));
        }
        weighed
    }

    fn of(&self, coding: Coding) -> u16 {
        let (named, unsaid) = match coding {
            Coding::Zstd => (self.zstd, 0),
            Coding::Gzip => (self.gzip, 0),
            Coding::Identity => (self.identity, UNSAID),
        };
        named.or(self.others).unwrap_or(unsaid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codings_are_weighed() {
        use Coding::{Gzip, Identity, Zstd};
        for (header, best, plain) in [
            (None, Identity, true),
            (Some(""), Identity, true),
            (Some("br"), Identity, true),
            (Some("gzip, deflate"), Gzip, true),
            (Some("gzip, zstd"), Zstd, true),
            (Some("zstd;q=0.5, gzip"), Gzip, true),
            (Some("zstd;q=0.5, gzip;q=0.8, identity;q=0.2"), Gzip, true),
            (Some("gzip;q=0.5, identity"), Identity, true),
            (Some("gzip;q=0"), Identity, true),
            (Some("GZIP; Q=0.001"), Gzip, true),
            (Some("x-gzip"), Gzip, true),
            (Some("*"), Zstd, true),
            (Some("zstd;q=0, *"), Gzip, true),
            (Some("gzip;q=1.0, identity;q=0.5, *;q=0"), Gzip, true),
            (Some("gzip, *;q=0"), Gzip, false),
            (Some("gzip, identity;q=0"), Gzip, false),
        ] {
            let found = negotiate(header).expect("accepted");
            assert_eq!((found.best, found.plain), (best, plain), "{header:?}");
        }
    }

    #[test]
    fn who_accepts_nothing_that_we_have_is_told() {
        for header in [
            "*;q=0",
            "identity;q=0",
            "br, identity;q=0",
            "gzip;q=0, *;q=0",
        ] {
            let refused = negotiate(Some(header)).expect_err(header);
            assert_eq!(refused.kind, Kind::NotAcceptable, "{header}");
        }
    }
}
