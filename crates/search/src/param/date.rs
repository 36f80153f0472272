//! Date parameters: every value is a range of microseconds. <https://hl7.org/fhir/R4/search.html#date>

use super::string::any;
use super::{Ask, Form, prefix};
use crate::extract::Collector;
use crate::plan::{DateTest, Filter, Prefix};
use crate::registry::Leaf;
use crate::words::words;
use ward_fhir::date::PartialDate;
use ward_fhir::{Failure, Node};

/// Modifiers answered now, beside `:missing`.
pub(crate) const MODIFIERS: &[&str] = &[];

pub(crate) fn index(out: &mut Collector<'_>, node: Node<'_>, leaf: &Leaf) {
    let found = match leaf.form {
        Form::Period => period(node),
        Form::Timing => timing(node),
        _ => instant(node),
    };
    if let Some((low_us, high_us)) = found {
        out.date(leaf, low_us, high_us);
    }
}

fn instant(node: Node<'_>) -> Option<(i64, i64)> {
    let date = PartialDate::parse(node.value()?, false)?;
    Some((date.low_us(), date.high_us()))
}

/// A missing start or end is open.
fn period(node: Node<'_>) -> Option<(i64, i64)> {
    let words = words();
    let child = |member| {
        node.children()
            .find(|c| c.member() == Some(member))
            .and_then(instant)
    };
    match (child(words.period_start), child(words.period_end)) {
        (None, None) => None,
        (start, end) => Some((
            start.map_or(i64::MIN, |s| s.0),
            end.map_or(i64::MAX, |e| e.1),
        )),
    }
}

/// From the first event or the start of the bounds to the last event or the end of the bounds: the outer limits.
fn timing(node: Node<'_>) -> Option<(i64, i64)> {
    let events = node.all("event").filter_map(instant);
    let bounds = node
        .get("repeat")
        .and_then(|r| r.get("bounds"))
        .filter(|b| b.type_name() == "Period")
        .and_then(period);
    events
        .chain(bounds)
        .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// `[prefix]date`
pub(crate) fn ask(ask: &Ask<'_>, value: &str) -> Result<Filter, Failure> {
    let test = test(ask, value)?;
    if ask.parameter.is_column() {
        return Ok(Filter::Updated(test));
    }
    Ok(any(&ask.parameter.owners, |owner| Filter::Date {
        param: owner.param,
        test,
    }))
}

/// `po` of `_filter`: the stored period and that of the value overlap.
pub(crate) fn overlaps(ask: &Ask<'_>, value: &str) -> Result<Filter, Failure> {
    let mut test = test(ask, value)?;
    test.prefix = Prefix::Ap;
    Ok(any(&ask.parameter.owners, |owner| Filter::Date {
        param: owner.param,
        test,
    }))
}

fn test(ask: &Ask<'_>, value: &str) -> Result<DateTest, Failure> {
    if let Some(modifier) = ask.modifier {
        return Err(ask.bad_modifier(modifier, &["missing"]));
    }
    let (prefix, text) = prefix(value);
    // In a URL that was not encoded the '+' of a zone arrives as a space.
    let spaced = text.replace(' ', "+");
    let Some(date) = PartialDate::parse(&spaced, true) else {
        return Err(ask.bad("must be a date or dateTime (yyyy, yyyy-mm, yyyy-mm-dd or yyyy-mm-ddThh:mm[:ss][zone]), optionally after a prefix such as 'ge'"));
    };
    Ok(widen(
        DateTest {
            prefix,
            low_us: date.low_us(),
            high_us: date.high_us(),
        },
        ask.now_us,
    ))
}

/// `ap`: a tenth of the distance to now on both sides.
fn widen(mut test: DateTest, now_us: i64) -> DateTest {
    if test.prefix == Prefix::Ap {
        let tenth = now_us.abs_diff(test.low_us).min(i64::MAX as u64) as i64 / 10;
        test.low_us = test.low_us.saturating_sub(tenth);
        test.high_us = test.high_us.saturating_add(tenth);
    }
    test
}
