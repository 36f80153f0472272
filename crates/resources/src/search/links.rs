//! The links of a page: `self`, `first`, `previous`, `next`. <https://hl7.org/fhir/R4/http.html#paging>
//!
//! A cursor holds where its page starts and where the pages before it started, so that `previous` walks back by the same
//! positions, and that of `previous` also where the page after it started: what was inserted or deleted meanwhile leaves no gap
//! between two pages, and nothing stands on both ([`back`](super::back)).

use super::encode_query;
use crate::cursor;
use crate::engine::Context;
use ward_access::Access;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind};
use ward_search::cursor as position;
use ward_search::plan::Position;

/// Pages that `previous` can walk back; beyond them `first` starts anew.
pub const PAGES_BEHIND_MAX: usize = 20;
/// Bytes of all positions in one cursor.
const POSITIONS_BYTES_MAX: usize = 3_000;

/// How a page was reached.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trail {
    /// Starts of the pages up to this one, oldest first; empty on the first page.
    starts: Vec<Vec<u8>>,
    /// Where the page that was gone back from starts.
    until: Option<Vec<u8>>,
    /// The oldest were let go.
    cut: bool,
}

impl Trail {
    /// Of the cursor in the Call, if there is one that this caller got for this question within its lifetime.
    pub fn open(cx: Context<'_>, access: &Access, question: &str) -> Result<Trail> {
        match cx.call.parameter("_cursor") {
            None => Ok(Trail::default()),
            Some(text) => {
                let bytes = cursor::open(cx.engine, access, question, text)?;
                Trail::decode(&bytes).ok_or_else(not_ours)
            }
        }
    }

    /// Where the page starts; `None` on the first.
    pub fn start(&self) -> Result<Option<Position>> {
        let start = self.starts.last().map(|bytes| position::decode(bytes));
        start.map(|found| found.ok_or_else(not_ours)).transpose()
    }

    /// Where the page ends at the latest, when it was gone back to.
    pub fn until(&self) -> Result<Option<Position>> {
        let until = self.until.as_ref().map(|bytes| position::decode(bytes));
        until.map(|found| found.ok_or_else(not_ours)).transpose()
    }

    /// The same up to a page that begins further on.
    pub fn moved(&self, start: &Position) -> Trail {
        Trail {
            until: self.until.clone(),
            ..self.onward(start)
        }
    }

    fn onward(&self, next: &Position) -> Trail {
        let mut trail = self.clone();
        trail.until = None;
        trail.starts.push(position::encode(next));
        let size = |t: &Trail| t.starts.iter().map(Vec::len).sum::<usize>();
        while trail.starts.len() > 1
            && (trail.starts.len() > PAGES_BEHIND_MAX || size(&trail) > POSITIONS_BYTES_MAX)
        {
            trail.starts.remove(0);
            trail.cut = true;
        }
        trail
    }

    /// `None`: this is the first page, or the start of the one before was let go.
    fn back(&self) -> Option<Trail> {
        let mut trail = self.clone();
        trail.until = Some(trail.starts.pop()?);
        (!trail.cut || !trail.starts.is_empty()).then_some(trail)
    }

    /// A byte that says whether it was cut and whether it has an end, then the end and each start after its length.
    fn encode(&self) -> Vec<u8> {
        let mut out = vec![u8::from(self.cut) | u8::from(self.until.is_some()) << 1];
        for start in self.until.iter().chain(&self.starts) {
            out.extend_from_slice(&(start.len() as u16).to_le_bytes());
            out.extend_from_slice(start);
        }
        out
    }

    fn decode(bytes: &[u8]) -> Option<Trail> {
        let (flags, mut rest) = bytes.split_first()?;
        let mut starts = Vec::new();
        while !rest.is_empty() {
            let (len, after) = rest.split_at_checked(2)?;
            let len = u16::from_le_bytes(len.try_into().ok()?);
            let (start, after) = after.split_at_checked(usize::from(len))?;
            starts.push(start.to_vec());
            rest = after;
        }
        let until = (flags & 2 != 0 && !starts.is_empty()).then(|| starts.remove(0));
        Some(Trail {
            starts,
            until,
            cut: flags & 1 != 0,
        })
    }
}

/// The links of a page of `question` (`Patient?name=a`, without the cursor); `next`: the position of its last row, when
/// there are more.
pub fn links(
    cx: Context<'_>,
    access: &Access,
    question: &str,
    trail: &Trail,
    next: Option<&Position>,
) -> Vec<(&'static str, String)> {
    let to = |trail: &Trail| {
        let is_first = trail.starts.is_empty() && trail.until.is_none();
        let cursor =
            (!is_first).then(|| cursor::seal(cx.engine, access, question, &trail.encode()));
        url(cx, question, cursor)
    };
    let own = cx.call.parameter("_cursor").map(str::to_owned);
    let mut links = vec![("self", url(cx, question, own))];
    let is_paged = next.is_some() || *trail != Trail::default();
    if is_paged {
        links.push(("first", to(&Trail::default())));
    }
    links.extend(trail.back().map(|t| ("previous", to(&t))));
    links.extend(next.map(|n| ("next", to(&trail.onward(n)))));
    links
}

/// Where a page of `question` is found, written as this one is.
pub fn url(cx: Context<'_>, question: &str, cursor: Option<String>) -> String {
    let base = &cx.engine.settings.base;
    let mut further = cx.call.written_as.clone();
    further.extend(cursor.map(|cursor| ("_cursor".to_owned(), cursor)));
    if further.is_empty() {
        return format!("{base}/{}", question.trim_end_matches('?'));
    }
    let separator = if question.ends_with('?') { "" } else { "&" };
    format!("{base}/{question}{separator}{}", encode_query(&further))
}

fn not_ours() -> Failure {
    let text = "the page link is not valid; start again from the first page";
    Failure::new(Kind::Invalid, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(rid: i64) -> Position {
        Position {
            values: Vec::new(),
            rid,
            part: 0,
        }
    }

    #[test]
    fn trails_walk_back_and_let_the_oldest_go() {
        let mut trail = Trail::default();
        assert_eq!(trail.back(), None);
        for rid in 1..=30 {
            trail = trail.onward(&position(rid));
            assert_eq!(Trail::decode(&trail.encode()), Some(trail.clone()));
        }
        assert_eq!(trail.starts.len(), PAGES_BEHIND_MAX);
        let mut seen = Vec::new();
        while let Some(before) = trail.back() {
            seen.extend(before.start().unwrap().map(|p| p.rid));
            trail = before;
        }
        assert_eq!(seen, (11..30).rev().collect::<Vec<_>>());
        let second = Trail::default().onward(&position(1));
        let first = second.back().unwrap();
        assert_eq!(first.start().unwrap(), None);
        assert_eq!(first.until().unwrap(), Some(position(1)));
        assert_eq!(Trail::decode(&first.encode()), Some(first.clone()));
        assert_eq!(first.back(), None);
        assert_eq!(first.onward(&position(1)), second);
        let moved = first.moved(&position(5));
        assert_eq!(moved.start().unwrap(), Some(position(5)));
        assert_eq!(moved.until().unwrap(), Some(position(1)));
    }
}
