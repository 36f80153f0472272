//! What happens of itself: at the deadline what nobody has decided is suspended, what a process has left behind is carried out, and a review
//! whose every item is decided after its deadline is closed. Any node may do it, at once with others: of each item one does.

use super::decide::{finish, taken};
use super::{INTERACTION, REVIEWS_MAX, WORK_S, items};
use crate::answer::OAuthError;
use crate::server::AuthorizationServer;
use crate::state::{
    self, AccessReview, Changes, Decided, Decision, Held, Refused, ReviewItem, ReviewWork, Row,
    Stage,
};
use crate::trail;
use ward_audit::Outcome;

/// A review that was not open after so long never will be: the process that wrote its items down has ended.
const OPENING_MAX_S: i64 = 600;
/// Work of others that is looked at in one step.
const WORK_MAX: usize = 1_000;
const FORGOTTEN_AT_ONCE: usize = 200;

impl AuthorizationServer {
    /// Does what is due. To be called every few seconds, beside the traffic: two statements where nothing is. `is_stopping` is asked
    /// between two items; what is left then is done later or by others.
    pub async fn tend_access_reviews(
        &self,
        now_s: i64,
        is_stopping: impl Fn() -> bool,
    ) -> Result<(), OAuthError> {
        self.resume(now_s, &is_stopping).await?;
        let reviews = state::list::<AccessReview>(self.store(), None, REVIEWS_MAX, now_s).await?;
        for review in reviews {
            match review.stage {
                Stage::Opening if review.opened_s + OPENING_MAX_S <= now_s => {
                    self.give_up(review, now_s).await?;
                }
                Stage::Open if review.deadline_s <= now_s => {
                    self.end_review(review, now_s, &is_stopping).await?;
                }
                _ => {}
            }
            if is_stopping() {
                break;
            }
        }
        Ok(())
    }

    /// Takes over what was begun and not ended.
    async fn resume(&self, now_s: i64, is_stopping: &impl Fn() -> bool) -> Result<(), OAuthError> {
        let left = state::list::<ReviewWork>(self.store(), None, WORK_MAX, now_s).await?;
        for mut work in left.into_iter().filter(|work| work.until_s <= now_s) {
            if is_stopping() {
                break;
            }
            work.until_s = now_s + WORK_S;
            let mine = state::commit(self.store(), Changes::new().replace(&work), now_s).await;
            match mine {
                Ok(()) => {}
                Err(Refused::Conflict(_)) => continue,
                Err(Refused::Unavailable) => return Err(OAuthError::unavailable()),
            }
            if let Err(error) = self.take_over(&work, now_s).await {
                tracing::warn!(
                    code = error.code.as_str(),
                    "a decision of an access review is carried out later"
                );
            }
        }
        Ok(())
    }

    async fn take_over(&self, work: &ReviewWork, now_s: i64) -> Result<(), OAuthError> {
        let Some(n) = work.item else {
            let found = state::get::<AccessReview>(self.store(), &work.review, now_s).await?;
            return match found {
                Some(review) => self.record_close(&review, now_s).await,
                None => Ok(state::commit(self.store(), forgotten(work.key()), now_s).await?),
            };
        };
        let key = ReviewItem::key_of(&work.review, n);
        match state::get::<ReviewItem>(self.store(), &key, now_s).await? {
            Some(item) => finish(self, item, true, None, now_s).await,
            None => Ok(state::commit(self.store(), forgotten(work.key()), now_s).await?),
        }
    }

    /// Suspends what is undecided; once everything is carried out, closes the review.
    async fn end_review(
        &self,
        review: Held<AccessReview>,
        now_s: i64,
        is_stopping: &impl Fn() -> bool,
    ) -> Result<(), OAuthError> {
        let undecided = items(self, &review, now_s).await?.into_iter();
        for item in undecided.filter(|item| item.decided.is_none()) {
            if is_stopping() {
                return Ok(());
            }
            let decided = Decided {
                decision: match item.kind.is_revocable() {
                    true => Decision::Suspend,
                    false => Decision::Unreviewed,
                },
                by: String::new(),
                reason: "Nobody had decided by the deadline.".to_owned(),
                at_s: now_s,
                ..Decided::default()
            };
            let Some(item) = taken(self, item, decided, now_s).await? else {
                continue;
            };
            if let Err(error) = finish(self, item, false, None, now_s).await {
                tracing::warn!(
                    code = error.code.as_str(),
                    "what nobody decided in an access review is suspended later"
                );
            }
        }
        self.close_review(review, now_s).await
    }

    async fn close_review(
        &self,
        mut review: Held<AccessReview>,
        now_s: i64,
    ) -> Result<(), OAuthError> {
        let items = items(self, &review, now_s).await?;
        let is_done = |item: &Held<ReviewItem>| item.decided.is_some() && !item.is_pending();
        if items.len() != review.items as usize || !items.iter().all(is_done) {
            return Ok(());
        }
        review.stage = Stage::Closed;
        review.closed_s = Some(now_s);
        let work = ReviewWork::of_close(&review, now_s + WORK_S);
        let changes = Changes::new().replace(&review).insert(&work);
        match state::commit(self.store(), changes, now_s).await {
            Ok(()) => self.record_close(&review, now_s).await,
            // Another node has.
            Err(Refused::Conflict(_)) => Ok(()),
            Err(Refused::Unavailable) => Err(OAuthError::unavailable()),
        }
    }

    async fn record_close(&self, review: &AccessReview, now_s: i64) -> Result<(), OAuthError> {
        self.tell("close", review).await?;
        Ok(state::commit(self.store(), forgotten(review.key()), now_s).await?)
    }

    /// Forgets a review whose items were never all written down.
    async fn give_up(&self, review: Held<AccessReview>, now_s: i64) -> Result<(), OAuthError> {
        let written = items(self, &review, now_s).await?;
        for some in written.chunks(FORGOTTEN_AT_ONCE) {
            let forget = |changes: Changes, item: &Held<ReviewItem>| {
                changes.forget::<ReviewItem>(item.key())
            };
            let changes = some.iter().fold(Changes::new(), forget);
            state::commit(self.store(), changes, now_s).await?;
        }
        let removed = state::commit(self.store(), Changes::new().remove(&review), now_s).await;
        match removed {
            Ok(()) => self.tell("give-up", &review).await,
            Err(Refused::Conflict(_)) => Ok(()),
            Err(Refused::Unavailable) => Err(OAuthError::unavailable()),
        }
    }

    async fn tell(&self, subtype: &'static str, review: &AccessReview) -> Result<(), OAuthError> {
        let step = trail::Step {
            interaction: INTERACTION,
            subtype,
            about: vec![
                ("decision", subtype.to_owned()),
                ("review", review.id.clone()),
                ("items", review.items.to_string()),
            ],
            outcome: Outcome::Success,
        };
        trail::step(self, step, None).await
    }
}

fn forgotten(key: &str) -> Changes {
    Changes::new().forget::<ReviewWork>(key)
}
