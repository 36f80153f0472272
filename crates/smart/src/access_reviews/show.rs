//! The pages: all reviews with a form for a new one, and one with its items.

use super::{Said, Visitor, items};
use crate::answer::{Answer, OAuthError};
use crate::dates;
use crate::endpoints::Endpoint;
use crate::page::{
    AccessReviewPart, AccessReviewRow, AccessReviewShown, AccessReviews, NewAccessReview, Page,
    ReviewItemRow,
};
use crate::state::{AccessReview, Decided, Decision, Effect, GrantKind, Held, ReviewItem, Stage};

/// On one page; a form has at most 64 fields.
const ITEMS_ON_PAGE: usize = 50;

/// What is wrong with a review that was to be opened: field and why; without a field what is said above all.
#[derive(Default)]
pub(super) struct Told {
    pub wrong: Vec<(String, String)>,
}

pub(super) async fn list(visitor: &Visitor<'_>, told: Told) -> Result<Answer, OAuthError> {
    let reviews = visitor.reviews().await?;
    let shown = reviews
        .iter()
        .filter(|review| review.stage != Stage::Opening);
    let (errors, general): (Vec<_>, Vec<_>) = told
        .wrong
        .into_iter()
        .partition(|(field, _)| !field.is_empty());
    let status = if errors.is_empty() && general.is_empty() {
        200
    } else {
        400
    };
    let cookie = visitor.request.session.unwrap_or_default();
    let path = Endpoint::AccessReviews.path();
    let page = AccessReviews {
        form: visitor.server.forms().form(cookie, path),
        person: visitor.session.person(),
        reviews: shown.map(|review| row(review)).collect(),
        new: visitor
            .may_open()
            .then(|| new(visitor, errors, status == 200)),
        error: general.into_iter().next().map(|(_, why)| why),
    };
    Ok(Answer::page(status, Page::AccessReviews(page)))
}

fn row(review: &AccessReview) -> AccessReviewRow {
    AccessReviewRow {
        link: link(review),
        name: review.name.clone(),
        opened: format!("{} by {}", dates::day(review.opened_s), review.opened_by),
        deadline: dates::moment(review.deadline_s),
        stage: review.stage.word().to_owned(),
        items: review.items.to_string(),
    }
}

/// What was typed before stays where it will not do.
fn new(visitor: &Visitor<'_>, errors: Vec<(String, String)>, is_fresh: bool) -> NewAccessReview {
    let parameters = &visitor.request.parameters;
    let fields = ["name", "deadline", "since", "reviewers", "patients"];
    let typed = fields.iter().map(|field| {
        let typed = parameters.get(field).unwrap_or_default();
        ((*field).to_owned(), typed.to_owned())
    });
    let is_chosen = |kind: GrantKind| is_fresh || parameters.all("kind").any(|k| k == kind.word());
    let kinds = GrantKind::ALL.into_iter();
    NewAccessReview {
        typed: typed.collect(),
        kinds: kinds
            .map(|kind| {
                (
                    kind.word().to_owned(),
                    words(kind).to_owned(),
                    is_chosen(kind),
                )
            })
            .collect(),
        errors,
    }
}

/// As a form offers it: a name, and what it means.
fn words(kind: GrantKind) -> &'static str {
    match kind {
        GrantKind::Account => "Accounts: of people, revoked by disabling them",
        GrantKind::Role => "Roles: each role that an account has",
        GrantKind::PractitionerRole => {
            "Roles of the rota: each PractitionerRole that is active, revoked by ending it"
        }
        GrantKind::Client => {
            "Clients: apps and systems with their scopes, revoked by suspending them"
        }
        GrantKind::Grant => {
            "Grants: what people let apps do for as long as these refresh their tokens"
        }
        GrantKind::BreakGlass => "Emergencies: records that were opened in one, to be looked at",
    }
}

fn title(kind: GrantKind) -> &'static str {
    words(kind).split(':').next().unwrap_or_default()
}

/// Which of the items the page shows.
struct Filter {
    kind: Option<GrantKind>,
    undecided: bool,
    /// Those of higher numbers.
    from: u32,
}

impl Filter {
    fn of(visitor: &Visitor<'_>) -> Filter {
        let sent = |name| visitor.request.parameters.get(name);
        Filter {
            kind: sent("kind").and_then(GrantKind::of),
            undecided: sent("show") == Some("undecided"),
            from: sent("from").and_then(|from| from.parse().ok()).unwrap_or(0),
        }
    }

    fn has(&self, item: &ReviewItem) -> bool {
        self.kind.is_none_or(|kind| kind == item.kind)
            && !(self.undecided && item.decided.is_some())
    }

    fn link(&self, review: &AccessReview) -> String {
        let mut link = link(review);
        if let Some(kind) = self.kind {
            link += &format!("&kind={}", kind.word());
        }
        if self.undecided {
            link += "&show=undecided";
        }
        if self.from > 0 {
            link += &format!("&from={}", self.from);
        }
        link
    }
}

fn link(review: &AccessReview) -> String {
    format!("{}?review={}", Endpoint::AccessReviews.path(), review.id)
}

pub(super) async fn one(
    visitor: &Visitor<'_>,
    review: &AccessReview,
    said: Said,
) -> Result<Answer, OAuthError> {
    let filter = Filter::of(visitor);
    let items = items(visitor.server, review, visitor.now_s()).await?;
    let mut found = items
        .iter()
        .filter(|item| filter.has(item) && item.n >= filter.from);
    let shown: Vec<&Held<ReviewItem>> = found.by_ref().take(ITEMS_ON_PAGE).collect();
    let next = found.next().map(|item| Filter {
        from: item.n,
        ..filter
    });
    let is_open = review.stage == Stage::Open && visitor.now_s() < review.deadline_s;
    let decides = is_open && visitor.may_decide(review);
    let rows = shown.iter().map(|item| item_row(visitor, item, decides));
    let cookie = visitor.request.session.unwrap_or_default();
    let reason = visitor.request.parameters.get("reason");
    let reason = reason
        .filter(|_| said.is_err())
        .unwrap_or_default()
        .to_owned();
    let (status, notice, error) = match said {
        Ok(notice) => (200, notice, None),
        Err(why) => (400, None, Some(why)),
    };
    let page = AccessReviewShown {
        form: visitor.server.forms().form(cookie, &filter.link(review)),
        person: visitor.session.person(),
        name: review.name.clone(),
        facts: facts(review, &items),
        parts: parts(review, &items, &filter),
        undecided_only: toggled(review, &filter),
        items: rows.collect(),
        first: (filter.from > 0).then(|| Filter { from: 0, ..filter }.link(review)),
        next: next.map(|next| next.link(review)),
        decides,
        reason,
        evidence: format!("{}&as=evidence", link(review)),
        back: Endpoint::AccessReviews.path().to_owned(),
        notice,
        error,
    };
    Ok(Answer::page(status, Page::AccessReview(Box::new(page))))
}

fn facts(review: &AccessReview, items: &[Held<ReviewItem>]) -> Vec<(String, String)> {
    let decided = items.iter().filter(|item| item.decided.is_some()).count();
    let reviewers = match review.reviewers.is_empty() {
        true => "administrators and privacy officers".to_owned(),
        false => review.reviewers.join(", "),
    };
    let mut facts = vec![
        ("Stage", review.stage.word().to_owned()),
        ("Opened", dates::moment(review.opened_s)),
        ("By", review.opened_by.clone()),
        ("Deadline", dates::moment(review.deadline_s)),
        ("Reviewers", reviewers),
        ("Decided", format!("{decided} of {}", items.len())),
    ];
    facts.extend(
        review
            .closed_s
            .map(|closed_s| ("Closed", dates::moment(closed_s))),
    );
    let own = |(label, value): (&str, String)| (label.to_owned(), value);
    facts.into_iter().map(own).collect()
}

/// Links to each kind, with how many of it are undecided.
fn parts(
    review: &AccessReview,
    items: &[Held<ReviewItem>],
    filter: &Filter,
) -> Vec<AccessReviewPart> {
    let kinds = review.kinds.iter().map(|kind| Some(*kind));
    let part = |kind: Option<GrantKind>| {
        let of = items
            .iter()
            .filter(|item| kind.is_none_or(|kind| kind == item.kind));
        let (mut all, mut undecided) = (0_usize, 0_usize);
        for item in of {
            all += 1;
            undecided += usize::from(item.decided.is_none());
        }
        let there = Filter {
            kind,
            from: 0,
            ..*filter
        };
        AccessReviewPart {
            name: format!(
                "{}: {undecided} of {all} undecided",
                kind.map_or("All", title)
            ),
            link: there.link(review),
            is_here: kind == filter.kind,
        }
    };
    [None].into_iter().chain(kinds).map(part).collect()
}

/// What the page would show else: words and link.
fn toggled(review: &AccessReview, filter: &Filter) -> (String, String) {
    let words = match filter.undecided {
        true => "Show the decided, too",
        false => "Show only what is undecided",
    };
    let there = Filter {
        undecided: !filter.undecided,
        from: 0,
        ..*filter
    };
    (words.to_owned(), there.link(review))
}

fn item_row(visitor: &Visitor<'_>, item: &ReviewItem, decides: bool) -> ReviewItemRow {
    let is_own = visitor.is_own(item);
    let may_change = item.decided.is_none() || item.may_become(Decision::Revoke);
    let before = item
        .decided
        .as_ref()
        .and_then(|decided| decided.from.as_ref());
    let facts = item
        .facts
        .iter()
        .map(|(label, value)| format!("{label}: {value}"));
    ReviewItemRow {
        n: item.n.to_string(),
        kind: title(item.kind).to_owned(),
        title: item.title.clone(),
        facts: facts.collect(),
        state: match &item.decided {
            Some(decided) => state_words(decided),
            None if is_own => "your own: others decide".to_owned(),
            None => "undecided".to_owned(),
        },
        before: before.map(|from| format!("before: {}", state_words(from))),
        again: item
            .decided
            .as_ref()
            .and_then(|decided| again(item.kind, decided)),
        waits: item.decided.is_none(),
        may_choose: decides && may_change && !is_own,
    }
}

/// How what was taken away is given again, which no review does.
fn again(kind: GrantKind, decided: &Decided) -> Option<String> {
    let is_taken = matches!(decided.effect, Effect::Pending | Effect::Done);
    let words = match (kind, decided.decision) {
        (GrantKind::Account, _) | (GrantKind::Role, Decision::Suspend) => {
            "enable the account at Accounts"
        }
        (GrantKind::Role, _) => {
            "by a PractitionerRole in the rota, at the provider, or with a new account; an account that was disabled with its last role is enabled at Accounts"
        }
        (GrantKind::PractitionerRole, _) => "store the PractitionerRole with active = true",
        (GrantKind::Client, _) => "resume the client at Clients",
        (GrantKind::Grant, _) => "the person signs in to the app and allows it anew",
        (GrantKind::BreakGlass, _) => return None,
    };
    is_taken.then(|| format!("To give it again: {words}."))
}

fn state_words(decided: &Decided) -> String {
    let at = dates::moment(decided.at_s);
    let by = match decided.by.as_str() {
        "" => "at the deadline".to_owned(),
        by => format!("by {by}"),
    };
    let words = match decided.decision {
        Decision::Keep => "kept",
        Decision::Revoke => "revoked",
        Decision::Suspend => "suspended",
        Decision::Unreviewed => "not looked at",
    };
    let effect = match decided.effect {
        Effect::None | Effect::Done => "",
        Effect::Pending => " (to be carried out yet)",
        Effect::Gone => " (it was gone already)",
        Effect::Failed => " (it could not be carried out)",
    };
    format!("{words} {by}, {at}{effect}: {}", decided.reason)
}
