//! What `:in`, `:not-in`, `:above` and `:below` ask of a terminology. <https://hl7.org/fhir/R4/valueset.html>

use ward_fhir::schema::codes::{Codes, Refusal, r4_codes};

/// Code systems and value sets. Implementations may look beyond the embedded ones; none may fetch over a network.
pub trait Terminology: Sync {
    /// The codes of a value set as (system, code), by its canonical (`url` or `url|version`) or its reference `ValueSet/id`.
    fn expand(&self, value_set: &str) -> Result<Vec<(String, String)>, Unknown>;
    /// The codes above `code`, without itself.
    fn ancestors(&self, system: &str, code: &str) -> Result<Vec<String>, Unknown>;
    /// The codes below `code`, without itself.
    fn descendants(&self, system: &str, code: &str) -> Result<Vec<String>, Unknown>;
}

/// Why a terminology does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// No such value set or code system.
    Absent,
    /// The code system is known, and has no such code.
    Code,
    /// It is known but its codes are not: an open or partly held code system, a filter that cannot be computed.
    Open,
    /// More codes than a search may ask for.
    TooMany,
}

/// The value sets and code systems of the R4 package, read on first use.
#[derive(Clone, Copy, Debug, Default)]
pub struct Embedded;

impl Embedded {
    /// Every code of a code system.
    pub fn all_of(&self, system: &str) -> Result<Vec<String>, Unknown> {
        let codes = codes().all_of(system).map_err(unknown)?;
        Ok(codes.into_iter().map(str::to_owned).collect())
    }
}

impl Terminology for Embedded {
    fn expand(&self, value_set: &str) -> Result<Vec<(String, String)>, Unknown> {
        if !is_of_r4(value_set) {
            return Err(Unknown::Absent);
        }
        let codes = codes().expand(value_set).map_err(unknown)?;
        let owned = |(s, c): (&str, &str)| (s.to_owned(), c.to_owned());
        Ok(codes.into_iter().map(owned).collect())
    }

    fn ancestors(&self, system: &str, code: &str) -> Result<Vec<String>, Unknown> {
        owned(system, codes().ancestors(system, code))
    }

    fn descendants(&self, system: &str, code: &str) -> Result<Vec<String>, Unknown> {
        owned(system, codes().descendants(system, code))
    }
}

/// Whether the version that a canonical names, if any, is the one of the R4 package.
fn is_of_r4(canonical: &str) -> bool {
    let Some((url, version)) = canonical.split_once('|') else {
        return true;
    };
    let versions: &[&str] = match url.strip_prefix("http://terminology.hl7.org/ValueSet/") {
        None => &["4.0.1"],
        Some(name) if name.starts_with("v2-") => V2_VERSIONS,
        Some(_) => V3_VERSIONS,
    };
    versions.contains(&version)
}

/// Of the value sets of HL7 version 2 in the package; three have the number of their table.
const V2_VERSIONS: &[&str] = &["2.9", "0006", "0360", "0391"];
/// Of those of HL7 version 3.
const V3_VERSIONS: &[&str] = &["2014-03-26", "2014-08-07", "2018-08-12"];

fn codes() -> &'static Codes {
    r4_codes()
}

fn owned(system: &str, found: Result<Vec<&'static str>, Refusal>) -> Result<Vec<String>, Unknown> {
    let found = found.map_err(|refusal| match refusal {
        Refusal::Absent if codes().has_system(system) => Unknown::Code,
        other => unknown(other),
    })?;
    Ok(found.into_iter().map(str::to_owned).collect())
}

fn unknown(refusal: Refusal) -> Unknown {
    match refusal {
        Refusal::Absent => Unknown::Absent,
        Refusal::Open => Unknown::Open,
    }
}
