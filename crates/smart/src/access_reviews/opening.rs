//! A review is opened: what is asked for is checked, and what is in force is written down, item by item, before anybody sees it.

use super::show::{self, Told};
use super::{REVIEWS_MAX, Visitor, denied, snapshot};
use crate::answer::{Answer, OAuthError};
use crate::dates;
use crate::people::account;
use crate::people::session::{ADMINISTRATOR, PRIVACY_OFFICER};
use crate::state::{
    self, AccessReview, Account, Changes, GrantKind, Held, OPENED_GLASS_KEPT_S, ReviewItem, Row,
    Stage,
};
use crate::trail::Trail;

const NAME_CHARS_MAX: usize = 100;
/// Open at once.
const OPEN_MAX: usize = 20;
const REVIEWERS_MAX: usize = 50;
const DAY_S: i64 = 24 * 3600;
/// How far ahead a deadline may be.
const DEADLINE_DAYS_MAX: i64 = 366;
/// How far back emergencies are looked at where nobody says.
const SINCE_DAYS: i64 = 90;
/// Rows that are written at once.
const ITEMS_AT_ONCE: usize = 200;
/// Accounts of one statement.
const PAGE_ROWS: usize = 500;

/// Field and what is wrong with it.
type Wrong = Vec<(String, String)>;

pub(super) async fn answer(visitor: &Visitor<'_>, trail: &mut Trail) -> Result<Answer, OAuthError> {
    trail.decided("decision", "open");
    if !visitor.may_open() {
        return Err(denied(
            "reviews are opened by administrators and privacy officers",
        ));
    }
    let wrong = match asked(visitor).await? {
        Ok(review) => match open(visitor, review, trail).await? {
            Ok(review) => {
                let said = format!("The review {} is open.", review.name);
                return show::one(visitor, &review, Ok(Some(said))).await;
            }
            Err(why) => vec![(String::new(), why)],
        },
        Err(wrong) => wrong,
    };
    trail.refused();
    show::list(visitor, Told { wrong }).await
}

/// What is asked for. Inside: what is wrong with it.
async fn asked(visitor: &Visitor<'_>) -> Result<Result<AccessReview, Wrong>, OAuthError> {
    let mut wrong = Wrong::new();
    let mut note = |field: &str, why: String| wrong.push((field.to_owned(), why));
    let sent = |name: &str| {
        visitor
            .request
            .parameters
            .get(name)
            .unwrap_or_default()
            .trim()
    };
    let now_s = visitor.now_s();
    let name = sent("name").to_owned();
    let characters = name.chars().count();
    if !(1..=NAME_CHARS_MAX).contains(&characters) || name.chars().any(char::is_control) {
        note(
            "name",
            format!("A name has 1 to {NAME_CHARS_MAX} characters."),
        );
    }
    let deadline_s = deadline(sent("deadline"), now_s).unwrap_or_else(|why| {
        note("deadline", why);
        0
    });
    let kinds = kinds(visitor).unwrap_or_else(|why| {
        note("kind", why);
        Vec::new()
    });
    let since_s = since(sent("since"), now_s).unwrap_or_else(|why| {
        note("since", why);
        0
    });
    let (reviewers, problem) = reviewers(visitor, sent("reviewers")).await?;
    if let Some(why) = problem {
        note("reviewers", why);
    }
    if !wrong.is_empty() {
        return Ok(Err(wrong));
    }
    Ok(Ok(AccessReview {
        id: ward_seal::random::uuid(),
        name,
        opened_by: visitor.session.account.clone(),
        opened_s: now_s,
        deadline_s,
        kinds,
        patients: sent("patients") == "on",
        since_s,
        reviewers,
        stage: Stage::Opening,
        items: 0,
        closed_s: None,
    }))
}

/// The end of a day, in UTC.
fn deadline(day: &str, now_s: i64) -> Result<i64, String> {
    let begins_s = dates::from_iso_day(day).ok_or("Write a day as 2026-03-31.")?;
    let ends_s = begins_s.saturating_add(DAY_S);
    match ends_s {
        _ if ends_s <= now_s => Err("This day is over.".to_owned()),
        _ if ends_s > now_s + (DEADLINE_DAYS_MAX + 1) * DAY_S => {
            Err(format!("A review lasts {DEADLINE_DAYS_MAX} days at most."))
        }
        _ => Ok(ends_s),
    }
}

fn since(day: &str, now_s: i64) -> Result<i64, String> {
    if day.is_empty() {
        return Ok(now_s - SINCE_DAYS * DAY_S);
    }
    let begins_s = dates::from_iso_day(day).ok_or("Write a day as 2026-03-31.")?;
    let days = OPENED_GLASS_KEPT_S / DAY_S;
    match begins_s {
        _ if begins_s > now_s => Err("This day is yet to come.".to_owned()),
        _ if begins_s < now_s - OPENED_GLASS_KEPT_S => {
            Err(format!("It is known for {days} days who opened a record."))
        }
        _ => Ok(begins_s),
    }
}

fn kinds(visitor: &Visitor<'_>) -> Result<Vec<GrantKind>, String> {
    let sent = visitor.request.parameters.all("kind").map(GrantKind::of);
    let sent: Option<Vec<GrantKind>> = sent.collect();
    let mut kinds = sent.ok_or("There is no such kind.")?;
    kinds.sort_unstable();
    kinds.dedup();
    match kinds.is_empty() {
        true => Err("Choose at least one.".to_owned()),
        false => Ok(kinds),
    }
}

/// The user names, one in each line, of open accounts; and what is wrong with them. There must be two: nobody decides about their own
/// access, and what nobody can decide would be suspended.
async fn reviewers(
    visitor: &Visitor<'_>,
    typed: &str,
) -> Result<(Vec<String>, Option<String>), OAuthError> {
    let (store, now_s) = (visitor.server.store(), visitor.now_s());
    let lines = typed.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut named = Vec::new();
    for line in lines {
        let username = account::username(line);
        let found = match &username {
            Some(username) => state::get::<Account>(store, username, now_s).await?,
            None => None,
        };
        let works_here =
            |account: &Held<Account>| !account.closed && !snapshot::is_patients(account);
        match found.filter(works_here) {
            Some(account) if named.len() < REVIEWERS_MAX => named.push(account.username.clone()),
            Some(_) => return Ok((named, Some(format!("Name {REVIEWERS_MAX} at most.")))),
            None => {
                return Ok((
                    named,
                    Some("One of these has no account here with which somebody works.".to_owned()),
                ));
            }
        }
    }
    named.sort_unstable();
    named.dedup();
    let few = match named.len() {
        0 => able(visitor).await? < 2,
        n => n < 2,
    };
    let why = "Nobody decides about their own access, so there must be two who decide: name two, or give another account the role of an administrator or privacy officer.";
    Ok((named, few.then(|| why.to_owned())))
}

/// Open accounts that may decide where nobody is named: two are enough.
async fn able(visitor: &Visitor<'_>) -> Result<usize, OAuthError> {
    let is_able = |account: &Account| {
        let may = |role: &String| [ADMINISTRATOR, PRIVACY_OFFICER].contains(&role.as_str());
        !account.closed && account.roles.iter().any(may)
    };
    let (mut able, mut after) = (0, None);
    loop {
        let store = visitor.server.store();
        let (page, next) = state::page::<Account>(store, after, PAGE_ROWS, visitor.now_s()).await?;
        able += page.iter().filter(|held| is_able(held)).count();
        match next {
            Some(_) if able < 2 => after = next,
            _ => return Ok(able),
        }
    }
}

/// Writes the items down, and then that the review is open. Inside: why it is not. What a process leaves behind in between is forgotten
/// by [`AuthorizationServer::tend_access_reviews`](crate::AuthorizationServer::tend_access_reviews).
async fn open(
    visitor: &Visitor<'_>,
    mut review: AccessReview,
    trail: &mut Trail,
) -> Result<Result<AccessReview, String>, OAuthError> {
    let (store, now_s) = (visitor.server.store(), visitor.now_s());
    let all = state::list::<AccessReview>(store, None, REVIEWS_MAX, now_s).await?;
    let open = all.iter().filter(|one| one.stage != Stage::Closed).count();
    if open >= OPEN_MAX || all.len() >= REVIEWS_MAX {
        return Ok(Err(
            "There are as many reviews as there can be: wait until one ends.".into(),
        ));
    }
    let found = snapshot::read(visitor.server, &review, now_s).await?;
    let items = found.map(|found| snapshot::items(&review, &found));
    let Some(items) = items.filter(|items| items.len() <= super::ITEMS_MAX) else {
        let most = super::ITEMS_MAX;
        return Ok(Err(format!(
            "This is more than {most} items: open several reviews of fewer kinds each."
        )));
    };
    state::commit(store, Changes::new().insert(&review), now_s).await?;
    let numbered = (0..).zip(items).map(|(n, item)| item.placed(&review, n));
    let items: Vec<ReviewItem> = numbered.collect();
    for some in items.chunks(ITEMS_AT_ONCE) {
        let insert = |changes: Changes, item: &ReviewItem| changes.insert(item);
        let changes = some.iter().fold(Changes::new(), insert);
        state::commit(store, changes, now_s).await?;
    }
    let held = state::get::<AccessReview>(store, review.key(), now_s).await?;
    let mut held = held.ok_or_else(OAuthError::unavailable)?;
    review.stage = Stage::Open;
    review.items = u32::try_from(items.len()).unwrap_or(u32::MAX);
    held.row = review.clone();
    state::commit(store, Changes::new().replace(&held), now_s).await?;
    trail.decided("review", &review.id);
    trail.decided("items", &review.items.to_string());
    Ok(Ok(review))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c14_a_deadline_is_the_end_of_a_day_that_is_not_over() {
        const NOW_S: i64 = 1_700_000_000; // 2023-11-14T22:13:20Z
        assert_eq!(deadline("2023-11-14", NOW_S), Ok(1_700_006_400));
        assert!(deadline("2024-11-14", NOW_S).is_ok());
        for bad in [
            "",
            "14.11.2023",
            "2023-11-13",
            "2023-02-30",
            "2024-12-01",
            "9999-12-31",
        ] {
            assert!(deadline(bad, NOW_S).is_err(), "{bad}");
        }
        assert_eq!(since("", NOW_S), Ok(NOW_S - 90 * DAY_S));
        assert!(since("2023-11-14", NOW_S).is_ok());
        for bad in ["x", "2023-11-15", "2022-01-01"] {
            assert!(since(bad, NOW_S).is_err(), "{bad}");
        }
    }
}
