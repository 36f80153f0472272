//! ETag preconditions: `If-Match`, `If-None-Match`, `If-Modified-Since`.
//! <https://hl7.org/fhir/R4/http.html#concurrency> and <https://hl7.org/fhir/R4/http.html#cread>

use crate::call::Conditions;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind};

/// Version numbers of a list of entity tags: `W/"3"`, `"3"`, and bare `3`, which R4's own text writes too. `None` stands
/// for `*`. <https://www.rfc-editor.org/rfc/rfc9110#name-etag>
fn versions(header: &str, text: &str) -> Result<Vec<Option<u32>>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (version, after) = version(rest).ok_or_else(|| malformed(header))?;
        found.push(version);
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(more) => more.trim_start(),
            None if after.is_empty() => after,
            None => return Err(malformed(header)),
        };
    }
    if found.is_empty() {
        return Err(malformed(header));
    }
    Ok(found)
}

/// The version that the first tag names, and what follows the tag; `None`: this is no tag.
fn version(text: &str) -> Option<(Option<u32>, &str)> {
    // A tag that is no number is well-formed but of no version of ours, which begin with 1.
    let number = |tag: &str| Some(tag.parse().unwrap_or(0));
    if let Some(after) = text.strip_prefix('*') {
        return Some((None, after));
    }
    if let Some(quoted) = text.strip_prefix("W/").unwrap_or(text).strip_prefix('"') {
        let (tag, after) = quoted.split_once('"')?;
        return Some((number(tag), after));
    }
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (tag, after) = text.split_at(end.unwrap_or(text.len()));
    (!tag.is_empty()).then(|| (number(tag), after))
}

fn malformed(header: &str) -> Failure {
    let text =
        format!("{header} must be the ETag of a version, such as W/\"3\", a list of them, or *");
    Failure::new(Kind::Invalid, text)
}

/// 412 unless `If-Match` names the current version (`None`: nothing current).
pub fn demand_match(conditions: &Conditions, current: Option<u32>) -> Result<()> {
    let Some(text) = &conditions.if_match else {
        return Ok(());
    };
    let holds = versions("If-Match", text)?
        .into_iter()
        .any(|v| match (v, current) {
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
    Ok(versions("If-None-Match", text)?
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
    fn what_is_no_tag_is_no_precondition() {
        for tag in [
            "7x",
            "",
            ",",
            "\"3",
            "W/3x",
            "W/3",
            "3 4",
            "W/\"3\" x",
            "w/\"3\"",
        ] {
            for current in [Some(3), None] {
                let refused = demand_match(&conditions(Some(tag), None), current).err();
                assert_eq!(refused.map(|f| f.kind), Some(Kind::Invalid), "{tag}");
            }
            assert!(
                not_modified(&conditions(None, Some(tag)), 3, 0).is_err(),
                "{tag}"
            );
        }
        // Well-formed, and of no version.
        for tag in ["\"3,4\"", "\"x\"", "W/\"\"", "99999999999"] {
            let refused = demand_match(&conditions(Some(tag), None), Some(3)).err();
            assert_eq!(refused.map(|f| f.kind), Some(Kind::Precondition), "{tag}");
        }
    }

    #[test]
    fn if_none_match_guards_writes_and_shortens_reads() {
        assert!(demand_none_match(&conditions(None, Some("*")), Some(1)).is_err());
        assert!(demand_none_match(&conditions(None, Some("*")), None).is_ok());
        assert!(not_modified(&conditions(None, Some("W/\"3\"")), 3, 0).expect("a tag"));
        assert!(!not_modified(&conditions(None, Some("W/\"2\"")), 3, 0).expect("a tag"));
    }
}
