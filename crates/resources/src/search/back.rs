//! A page that was gone back to: it ends where the page after it begins. <https://hl7.org/fhir/R4/http.html#paging>
//!
//! What was deleted since makes it shorter, and what was inserted may make several of it: then the last of them is shown, and
//! `previous` leads to the others.

use super::links::Trail;
use super::question::Question;
use crate::engine::Context;
use std::cmp::Ordering;
use ward_access::Access;
use ward_fhir::issue::Result;
use ward_storage::{Page, compare};

/// Pages that insertions may have made of one. Beyond them what is shown ends before the page that was gone back from, and
/// `next` leads to the rest.
pub const PAGES_BETWEEN_MAX: usize = 16;

/// The page that the trail leads to, and the trail to it. Statements: those of one page, and for each page that came between as
/// many again.
pub async fn page(
    cx: Context<'_>,
    access: &Access,
    question: &mut Question,
    mut trail: Trail,
) -> Result<(Page, Trail)> {
    question.plan.after = trail.start()?;
    let mut page = question.ask(cx, access).await?;
    let Some(until) = trail.until()? else {
        return Ok((page, trail));
    };
    let sort = question.plan.sort.clone();
    let mut before: Option<(Page, Trail)> = None;
    for _ in 0..PAGES_BETWEEN_MAX {
        let is_before = |at: &_| compare(&sort, at, &until) != Ordering::Greater;
        let kept = page.positions.iter().take_while(|at| is_before(at)).count();
        let is_last = page.positions.last() == Some(&until);
        let Some(next) = page
            .next
            .clone()
            .filter(|_| kept == page.rows.len() && !is_last)
        else {
            // What was inserted fills the pages before to the last row: no empty one after them.
            if let Some(full) = before.filter(|_| kept == 0) {
                (page, trail) = full;
            } else {
                page.rows.truncate(kept);
                page.positions.truncate(kept);
            }
            page.more = true;
            page.next = Some(until);
            return Ok((page, trail));
        };
        let onward = trail.moved(&next);
        question.plan.after = Some(next);
        let after = question.ask(cx, access).await?;
        before = Some((page, trail));
        (page, trail) = (after, onward);
    }
    Ok((page, trail))
}
