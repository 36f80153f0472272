//! Access reviews (C14): all that was in force when one was opened, kept or revoked item by item until a deadline, at which what nobody has
//! decided is suspended. Whoever looks after the server or its privacy opens them; whoever is named in one decides; auditors look at them.
//!
//! A decision is a change of its item's row together with a row of work, then what it does, then its Record, and then the work is done: so
//! of several that decide one wins, and what a process leaves behind is done by the next that looks.

mod deadline;
mod decide;
mod effect;
mod evidence;
mod opening;
mod rota;
mod show;
mod snapshot;
#[cfg(test)]
mod snapshot_tests;

use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::people::session::Session;
use crate::server::AuthorizationServer;
use crate::state::{self, AccessReview, Held, ReviewItem, Stage};
use crate::trail::Trail;
use crate::visitor::Visitor;

/// Things in one review; of more it is not opened.
const ITEMS_MAX: usize = 20_000;
/// Reviews that are kept, and shown.
const REVIEWS_MAX: usize = 500;
/// How long somebody is left alone with what they carry out.
const WORK_S: i64 = 60;
/// Name of the Records.
const INTERACTION: &str = "access-reviews";

pub(crate) async fn answer(visitor: Visitor<'_>, trail: &mut Trail) -> Result<Answer, OAuthError> {
    let request = visitor.request;
    let is_sent = visitor.sends()?;
    let Some(id) = request.parameters.get("review") else {
        visitor.demand_place().await?;
        return match is_sent {
            true => opening::answer(&visitor, trail).await,
            false => show::list(&visitor, show::Told::default()).await,
        };
    };
    let review = visitor.review(id).await?;
    if is_sent {
        let said = decide::decide(&visitor, &review, trail).await?;
        return show::one(&visitor, &review, said).await;
    }
    match request.parameters.get("as") {
        Some("evidence") => evidence::answer(&visitor, &review, trail).await,
        _ => show::one(&visitor, &review, Ok(None)).await,
    }
}

/// What was done, or why it was not, in words.
type Said = Result<Option<String>, String>;

impl Visitor<'_> {
    fn now_s(&self) -> i64 {
        self.request.now_s
    }

    /// Opens reviews.
    fn may_open(&self) -> bool {
        self.session.administers() || self.session.reviews()
    }

    /// Looks at all of them.
    fn sees_all(&self) -> bool {
        self.may_open() || self.session.audits()
    }

    fn may_see(&self, review: &AccessReview) -> bool {
        self.sees_all() || review.reviewers.contains(&self.session.account)
    }

    fn may_decide(&self, review: &AccessReview) -> bool {
        match review.reviewers.is_empty() {
            true => self.may_open(),
            false => review.reviewers.contains(&self.session.account),
        }
    }

    fn is_own(&self, item: &ReviewItem) -> bool {
        is_of(item, self.session)
    }

    /// Those that the person may see, the newest first.
    async fn reviews(&self) -> Result<Vec<Held<AccessReview>>, OAuthError> {
        let all = state::list::<AccessReview>(self.server.store(), None, REVIEWS_MAX, self.now_s());
        let mut reviews = all.await?;
        reviews.retain(|review| self.may_see(review));
        reviews.reverse();
        Ok(reviews)
    }

    /// Error: there is nothing here for this person.
    async fn demand_place(&self) -> Result<(), OAuthError> {
        match self.sees_all() || !self.reviews().await?.is_empty() {
            true => Ok(()),
            false => Err(denied(
                "access reviews are for administrators, privacy officers, auditors, and whoever is named as a reviewer",
            )),
        }
    }

    /// One that the person may see.
    async fn review(&self, id: &str) -> Result<Held<AccessReview>, OAuthError> {
        let found = state::get::<AccessReview>(self.server.store(), id, self.now_s()).await?;
        let found = found.filter(|review| review.stage != Stage::Opening);
        match found {
            Some(review) if self.may_see(&review) => Ok(review),
            None if self.sees_all() => Err(OAuthError::new(
                ErrorCode::InvalidRequest,
                "there is no such review",
            )),
            _ => Err(denied("this review is not for you")),
        }
    }
}

/// Whether it is the person's own access: nobody decides about that.
fn is_of(item: &ReviewItem, session: &Session) -> bool {
    let own = [Some(&session.account), Some(&session.subject)];
    let mut own = own.into_iter().chain([session.fhir_user.as_ref()]);
    own.any(|name| name.is_some_and(|name| !name.is_empty() && item.owners.contains(name)))
}

/// All of a review, in their order.
async fn items(
    server: &AuthorizationServer,
    review: &AccessReview,
    now_s: i64,
) -> Result<Vec<Held<ReviewItem>>, OAuthError> {
    let items = state::list::<ReviewItem>(server.store(), Some(&review.id), ITEMS_MAX, now_s);
    let mut items = items.await?;
    items.sort_by_key(|item| item.n);
    Ok(items)
}

fn denied(why: &str) -> OAuthError {
    OAuthError::new(ErrorCode::AccessDenied, why)
}
