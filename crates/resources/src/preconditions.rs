//! ETag preconditions: `If-Match`, `If-None-Match`, `If-Modified-Since`.
//! <https://hl7.org/fhir/R4/http.html#concurrency> and <https://hl7.org/fhir/R4/http.html#cread>

use crate::call::Conditions;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind};

/// Version numbers of an ETag list: `W/"3"`, `"3"`, `3`. `None` stands for `*`.
fn versions(text: &str) -> Result<Vec<Option<u32>>> {
    text.split(',')
        .map(|tag| {
            let tag = tag.trim();
            if tag == "*" {
                return Ok(None);
            }
            let tag = tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"');
            // A tag that is no number is well-formed but matches no version of ours.
            Ok(Some(tag.parse().unwrap_or(0)))
        })
        .collect()
}

/// 412 unless `If-Match` names the current version (`None`: nothing current).
pub fn demand_match(conditions: &Conditions, current: Option<u32>) -> Result<()> {
    let Some(text) = &conditions.if_match else {
        return Ok(());
    };
    let holds = versions(text)?.into_iter().any(|v| match (v, current) {
        (None, current) => current.is_some(),
        (Some(v), Some(current)) => v == current,
        (Some(_), None) => false,
    });
    if holds {
        Ok(())
    } else {
        Err(precondition("If-Match does not name the current version"))
    }
}

/// 412 when `If-None-Match` names what is current (`*`: anything), for writes.
pub fn demand_none_match(conditions: &Conditions, current: Option<u32>) -> Result<()> {
    match current {
        Some(current) if names(conditions, current)? => {
            Err(precondition("If-None-Match names the current version"))
        }
        _ => Ok(()),
    }
}

/// A conditional read finds nothing newer: 304.
pub fn not_modified(conditions: &Conditions, version: u32, updated_us: i64) -> Result<bool> {
    const SECOND_US: i64 = 1_000_000;
    if conditions.if_none_match.is_some() {
        return names(conditions, version);
    }
    // HTTP dates have whole seconds: what changed within the named second counts as unchanged.
    Ok(conditions
        .if_modified_since
        .is_some_and(|since| updated_us / SECOND_US <= since / SECOND_US))
}

fn names(conditions: &Conditions, version: u32) -> Result<bool> {
    let Some(text) = &conditions.if_none_match else {
        return Ok(false);
    };
    Ok(versions(text)?
        .into_iter()
        .any(|v| v.is_none_or(|v| v == version)))
}

fn precondition(text: &str) -> Failure {
    Failure::new(Kind::Precondition, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(if_match: Option<&str>, if_none_match: Option<&str>) -> Conditions {
        Conditions {
            if_match: if_match.map(str::to_owned),
            if_none_match: if_none_match.map(str::to_owned),
            ..Conditions::default()
        }
    }

    #[test]
    fn if_match_takes_weak_strong_bare_and_star() {
        for tag in ["W/\"3\"", "\"3\"", "3", "*", "W/\"2\", W/\"3\""] {
            assert!(
                demand_match(&conditions(Some(tag), None), Some(3)).is_ok(),
                "{tag}"
            );
        }
        assert!(demand_match(&conditions(Some("W/\"2\""), None), Some(3)).is_err());
        assert!(demand_match(&conditions(Some("W/\"x\""), None), Some(3)).is_err());
        assert!(demand_match(&conditions(Some("*"), None), None).is_err());
    }

    #[test]
    fn if_none_match_guards_writes_and_shortens_reads() {
        assert!(demand_none_match(&conditions(None, Some("*")), Some(1)).is_err());
        assert!(demand_none_match(&conditions(None, Some("*")), None).is_ok());
        assert!(not_modified(&conditions(None, Some("W/\"3\"")), 3, 0).expect("a tag"));
        assert!(!not_modified(&conditions(None, Some("W/\"2\"")), 3, 0).expect("a tag"));
    }
}
