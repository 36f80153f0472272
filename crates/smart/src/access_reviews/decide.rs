//! Items are kept or revoked, and what was kept can be revoked until the deadline. Each decision is one change of its row, what it does follows
//! at once, and a Record of its own.

use super::{INTERACTION, ITEMS_MAX, Said, Visitor, WORK_S, denied, effect};
use crate::answer::OAuthError;
use crate::people::session::Session;
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::{
    self, AccessReview, Changes, Decided, Decision, Effect, Held, Refused, ReviewItem, ReviewWork,
    Row, Stage,
};
use crate::trail::{self, Trail};
use std::collections::BTreeSet;
use ward_audit::Outcome;

/// Characters of a reason.
pub(super) const REASON_CHARS: std::ops::RangeInclusive<usize> = 3..=500;

/// Decides about the chosen items. Inside: what was done, or why nothing was.
pub(super) async fn decide(
    visitor: &Visitor<'_>,
    review: &AccessReview,
    trail: &mut Trail,
) -> Result<Said, OAuthError> {
    trail.event("decide");
    trail.decided("review", &review.id);
    if !visitor.may_decide(review) {
        return Err(denied("you are no reviewer of this review"));
    }
    let asked = match asked(visitor, review) {
        Ok(asked) => asked,
        Err(why) => {
            trail.refused();
            return Ok(Err(why));
        }
    };
    let chosen = chosen(visitor, review, &asked.items).await?;
    if chosen.iter().any(|item| visitor.is_own(item)) {
        return Err(denied("nobody decides about their own access"));
    }
    let is_taken = |item: &Held<ReviewItem>| item.is_revoked();
    if asked.decision == Decision::Keep && chosen.iter().any(is_taken) {
        trail.refused();
        return Ok(Err(STAYS_REVOKED.into()));
    }
    let mut told = Done::default();
    for item in chosen {
        let decided = Decided {
            decision: asked.decision,
            by: visitor.session.account.clone(),
            reason: asked.reason.clone(),
            at_s: visitor.now_s(),
            ..Decided::default()
        };
        let by = Some((visitor.session, visitor.request));
        match taken(visitor.server, item, decided, visitor.now_s()).await? {
            Some(item) => match finish(visitor.server, item, false, by, visitor.now_s()).await {
                Ok(()) => told.done += 1,
                Err(_) => told.late += 1,
            },
            None => told.missed += 1,
        }
    }
    Ok(told.said(asked.decision).inspect_err(|_| trail.refused()))
}

struct Asked {
    decision: Decision,
    reason: String,
    items: BTreeSet<u32>,
}

/// What was sent. Error: what is wrong with it.
fn asked(visitor: &Visitor<'_>, review: &AccessReview) -> Result<Asked, String> {
    let parameters = &visitor.request.parameters;
    if review.stage != Stage::Open || visitor.now_s() >= review.deadline_s {
        return Err(
            "The deadline of this review has passed: nothing can be decided any more.".into(),
        );
    }
    let decision = match parameters.get("decision") {
        Some("keep") => Decision::Keep,
        Some("revoke") => Decision::Revoke,
        _ => return Err("Say whether to keep or to revoke.".into()),
    };
    let items = parameters.all("item").map(str::parse);
    let items: Result<BTreeSet<u32>, _> = items.collect();
    let items = items.map_err(|_| "There is no such item.".to_owned())?;
    if items.is_empty() {
        return Err("Choose at least one item.".into());
    }
    let reason = parameters.get("reason").unwrap_or_default().trim();
    if !REASON_CHARS.contains(&reason.chars().count()) {
        let (least, most) = (REASON_CHARS.start(), REASON_CHARS.end());
        return Err(format!("Say in {least} to {most} characters why."));
    }
    Ok(Asked {
        decision,
        reason: reason.to_owned(),
        items,
    })
}

/// Those of the chosen that are there and that such a decision can be made about.
async fn chosen(
    visitor: &Visitor<'_>,
    review: &AccessReview,
    numbers: &BTreeSet<u32>,
) -> Result<Vec<Held<ReviewItem>>, OAuthError> {
    let mut chosen = Vec::new();
    for n in numbers.iter().take(ITEMS_MAX) {
        let key = ReviewItem::key_of(&review.id, *n);
        let store = visitor.server.store();
        chosen.extend(state::get::<ReviewItem>(store, &key, visitor.now_s()).await?);
    }
    Ok(chosen)
}

#[derive(Default)]
struct Done {
    done: usize,
    /// Decided, and to be carried out yet.
    late: usize,
    /// Decided already, in a way that stays, or nothing of it can be revoked.
    missed: usize,
}

impl Done {
    fn said(&self, decision: Decision) -> Said {
        let words = match decision {
            Decision::Keep => "kept",
            _ => "revoked",
        };
        let items = |n: usize| {
            if n == 1 {
                "1 item is".into()
            } else {
                format!("{n} items are")
            }
        };
        if self.done + self.late == 0 {
            return Err(
                "Nothing was decided: it was decided already, is being decided by others, or there is nothing to revoke."
                    .into(),
            );
        }
        let mut said = format!("{} {words}.", items(self.done + self.late));
        if self.late > 0 {
            let late = items(self.late);
            said += &format!(" {late} not carried out yet; the server goes on trying.");
        }
        if self.missed > 0 {
            said += &format!(" {} left as before.", items(self.missed));
        }
        Ok(Some(said))
    }
}

/// Writes a decision down, with the work that follows. `None`: somebody else was there before or is at it, or it cannot be decided so.
pub(super) async fn taken(
    server: &AuthorizationServer,
    mut item: Held<ReviewItem>,
    mut decided: Decided,
    now_s: i64,
) -> Result<Option<Held<ReviewItem>>, OAuthError> {
    if !item.may_become(decided.decision) {
        return Ok(None);
    }
    if matches!(decided.decision, Decision::Revoke | Decision::Suspend) {
        decided.effect = Effect::Pending;
    }
    decided.from = item.decided.take().map(Box::new);
    item.decided = Some(decided);
    let work = ReviewWork::of_item(&item, now_s + WORK_S);
    let changes = Changes::new().replace(&item).insert(&work);
    match state::commit(server.store(), changes, now_s).await {
        Ok(()) => {}
        Err(Refused::Conflict(_)) => return Ok(None),
        Err(Refused::Unavailable) => return Err(OAuthError::unavailable()),
    }
    Ok(state::get::<ReviewItem>(server.store(), item.key(), now_s).await?)
}

/// Carries a decision out, records it, and forgets the work. `again`: somebody else has begun it. Error: it is to be tried again.
pub(super) async fn finish(
    server: &AuthorizationServer,
    mut item: Held<ReviewItem>,
    again: bool,
    by: Option<(&Session, &Request<'_>)>,
    now_s: i64,
) -> Result<(), OAuthError> {
    let Some(mut decided) = item.decided.clone() else {
        return Ok(());
    };
    if item.is_pending() {
        decided.effect = effect::carry_out(server, &item, decided.decision, again, now_s).await?;
    }
    if decided.effect == Effect::Failed {
        tracing::error!(review = %item.review, item = item.n, "a decision of an access review cannot be carried out");
    }
    let step = trail::Step {
        interaction: INTERACTION,
        subtype: decided.decision.word(),
        about: about(&item, &decided),
        outcome: match decided.effect {
            Effect::Failed => Outcome::Serious,
            _ => Outcome::Success,
        },
    };
    trail::step(server, step, by).await?;
    item.decided = Some(decided);
    let done = Changes::new()
        .replace(&item)
        .forget::<ReviewWork>(item.key());
    Ok(state::commit(server.store(), done, now_s).await?)
}

/// What the Record says of it.
fn about(item: &ReviewItem, decided: &Decided) -> Vec<(&'static str, String)> {
    let mut about = vec![
        ("decision", decided.decision.word().to_owned()),
        ("review", item.review.clone()),
        ("item", item.n.to_string()),
        ("kind", item.kind.word().to_owned()),
        ("of", item.of.clone()),
    ];
    about.extend(item.role.clone().map(|role| ("role", role)));
    let from = decided.from.as_ref();
    about.extend(from.map(|from| ("from", from.decision.word().to_owned())));
    about.push(("effect", decided.effect.word().to_owned()));
    about
}

const STAYS_REVOKED: &str = "Nothing was decided: what is revoked stays so in a review. The page says beside each item how it is given again.";
