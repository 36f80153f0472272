//! Where an event stands in the order that was asked for. <https://hl7.org/fhir/R4/search.html#sort>
//!
//! The log itself is in the order of its Records, and of time. By anything else matches are gathered, under the budget of Records.

use super::event::{Event, Seen};
use super::walk::Order;
use crate::search::apart::Apart;
use std::cmp::Ordering;
use ward_search::extract::Extractor;
use ward_search::plan::{Position, SortKey, SortValue};
use ward_search::query::sort_text;
use ward_storage::compare;

/// Characters of a text that decide its place.
const SORT_CHARS_MAX: usize = 200;

/// How the events of a search are ordered.
pub(super) enum Sorted {
    ByLog(Order),
    Gathered(Vec<SortKey>),
}

impl Sorted {
    /// Without `_sort` the latest come first, as the log took them.
    pub fn of(apart: &Apart) -> Sorted {
        let date = apart.extractor().registry().find(super::ty(), "date");
        let date = date.map(|parameter| parameter.def.number());
        let by_time = |descending: bool| {
            Sorted::ByLog(Order {
                by_time: true,
                newest_first: descending,
            })
        };
        match apart.plan.sort.as_slice() {
            [] => Sorted::ByLog(Order {
                by_time: false,
                newest_first: true,
            }),
            [SortKey::Updated { descending }] => by_time(*descending),
            [SortKey::Date { param, descending }] if Some(*param) == date => by_time(*descending),
            keys => Sorted::Gathered(keys.to_vec()),
        }
    }

    /// In which order Records are read.
    pub fn walked(&self) -> Order {
        match self {
            Sorted::ByLog(order) => *order,
            Sorted::Gathered(_) => Order {
                by_time: false,
                newest_first: true,
            },
        }
    }

    pub fn is_gathered(&self) -> bool {
        matches!(self, Sorted::Gathered(_))
    }

    /// In the order of the log it is known without the event's content.
    pub fn place(&self, event: &Event) -> Option<Position> {
        let Sorted::ByLog(_) = self else {
            return None;
        };
        Some(Position {
            values: vec![SortValue::Integer(event.stored.record.at_us)],
            rid: event.stored.id,
            part: event.nth as u32,
        })
    }

    pub fn position(&self, apart: &Apart, event: &Event, seen: &Seen) -> Position {
        let values = match self {
            Sorted::ByLog(_) => vec![SortValue::Integer(event.stored.record.at_us)],
            Sorted::Gathered(keys) => {
                let value = |key| value(apart, key, event, seen);
                keys.iter().map(value).collect()
            }
        };
        Position {
            values,
            rid: event.stored.id,
            part: event.nth as u32,
        }
    }

    pub fn compare(&self, a: &Position, b: &Position) -> Ordering {
        let order = match self {
            Sorted::Gathered(keys) => return compare(keys, a, b).then(a.part.cmp(&b.part)),
            Sorted::ByLog(order) => order,
        };
        let time = |position: &Position| match position.values.first() {
            Some(SortValue::Integer(at_us)) if order.by_time => *at_us,
            _ => 0,
        };
        let by_record = (time(a), a.rid).cmp(&(time(b), b.rid));
        let by_record = match order.newest_first {
            true => by_record.reverse(),
            false => by_record,
        };
        by_record.then(a.part.cmp(&b.part))
    }
}

/// The least of its values ascending, the greatest descending.
fn value(apart: &Apart, key: &SortKey, event: &Event, seen: &Seen) -> SortValue {
    let extractor: &Extractor = apart.extractor();
    let node = seen.document.root();
    let entries = || extractor.extract(node, &|_| None);
    let found = match key.of_type(super::ty()) {
        SortKey::Updated { .. } => Some(SortValue::Integer(event.stored.record.at_us)),
        SortKey::Id { .. } => Some(SortValue::Integer(event.number())),
        SortKey::Date { param, descending } => {
            let entries = entries();
            let dates = || entries.dates.iter().filter(|d| d.param == param);
            let end = match descending {
                false => dates().map(|d| d.low_us).min(),
                true => dates().map(|d| d.high_us).max(),
            };
            end.map(SortValue::Integer)
        }
        SortKey::String { param, descending } => {
            let texts = entries().strings.into_iter();
            let texts = texts.filter(|s| s.param == param).map(|s| s.value);
            let end = match descending {
                false => texts.min(),
                true => texts.max(),
            };
            end.map(SortValue::Text)
        }
        SortKey::Text { param, descending } => {
            let text = sort_text(extractor.registry(), param, descending, node);
            let cut = |text: String| text.chars().take(SORT_CHARS_MAX).collect();
            text.map(|text| SortValue::Text(cut(text)))
        }
        SortKey::Score { .. } => {
            let score = apart.used.score.as_ref();
            score.map(|score| SortValue::Real(score.of(node)))
        }
        SortKey::Quantity { .. } | SortKey::Each { .. } | SortKey::Absent { .. } => None,
    };
    found.unwrap_or(SortValue::Missing)
}
