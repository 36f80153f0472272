//! What a report is asked for: `start`, `end`, `_count`, `after`.

use super::super::event::place_of;
use crate::engine::Context;
use crate::operations::parameters;
use crate::route::printable;
use ward_fhir::date::PartialDate;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind};

/// Entries of one answer, where none are asked for.
const ENTRIES_DEFAULT: usize = 100;
/// And at most.
pub(super) const ENTRIES_MAX: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Microseconds since 1970: at or after.
    pub from_us: Option<i64>,
    /// Before.
    pub until_us: Option<i64>,
    pub count: usize,
    /// The last entry of the answer before: a Record and the place of an event in it.
    pub after: Option<(i64, usize)>,
}

impl Asked {
    pub fn read(cx: Context<'_>) -> Result<Asked> {
        let mut asked = Asked {
            count: ENTRIES_DEFAULT,
            ..Asked::default()
        };
        for (name, value) in parameters(cx)? {
            match name.as_str() {
                "start" => asked.from_us = Some(date(&name, &value)?.low_us()),
                "end" => asked.until_us = Some(date(&name, &value)?.high_us().saturating_add(1)),
                "_count" => asked.count = count(&value)?,
                "after" => asked.after = Some(after(cx, &value)?),
                _ => {
                    let name = printable(&name);
                    let text = format!(
                        "a report has no parameter '{name}': it has start, end, _count and after"
                    );
                    return Err(Failure::new(Kind::NotSupported, text));
                }
            }
        }
        Ok(asked)
    }
}

fn date(name: &str, value: &str) -> Result<PartialDate> {
    let wrong = || {
        Failure::new(
            Kind::Invalid,
            format!("{name} is a date, dateTime or instant"),
        )
    };
    PartialDate::parse(value, true).ok_or_else(wrong)
}

fn count(value: &str) -> Result<usize> {
    let number = value.parse().ok().filter(|n| (1..=ENTRIES_MAX).contains(n));
    let text = || format!("_count is a number from 1 to {ENTRIES_MAX}");
    number.ok_or_else(|| Failure::new(Kind::Invalid, text()))
}

fn after(cx: Context<'_>, value: &str) -> Result<(i64, usize)> {
    let id = value.strip_prefix("AuditEvent/").unwrap_or(value);
    let text = "after is the event of an entry, AuditEvent/[id]: what comes behind it is answered";
    place_of(cx, id).ok_or_else(|| Failure::new(Kind::Invalid, text))
}
