//! Access reviews.

use super::{Text, form, pairs, person};
use ward_smart::Page;
use ward_smart::page::*;

pub fn pages(text: Text) -> Vec<(&'static str, Page)> {
    vec![
        ("access_reviews", Page::AccessReviews(all(text))),
        (
            "access_review",
            Page::AccessReview(Box::new(one(text, true))),
        ),
        (
            "access_review_closed",
            Page::AccessReview(Box::new(one(text, false))),
        ),
    ]
}

fn all(text: Text) -> AccessReviews {
    AccessReviews {
        form: form(text, "/auth/access-reviews"),
        person: person(text, true),
        reviews: vec![AccessReviewRow {
            link: text("/auth/access-reviews?review=r1"),
            name: text("Autumn 2026"),
            opened: text("30 November 2026 by okafor"),
            deadline: text("1 January 2027, 00:00 UTC"),
            stage: text("open"),
            items: text("42"),
        }],
        new: Some(NewAccessReview {
            typed: vec![
                ("name".into(), text("Winter")),
                ("deadline".into(), text("2026-01-01")),
            ],
            kinds: vec![
                ("account".into(), text("Accounts: of people"), true),
                ("client".into(), text("Clients: apps and systems"), false),
            ],
            errors: vec![("deadline".into(), text("This day is over."))],
        }),
        error: Some(text("There are as many reviews as there can be.")),
    }
}

fn one(text: Text, decides: bool) -> AccessReviewShown {
    let item = |n: &str, waits: bool| ReviewItemRow {
        n: n.to_owned(),
        kind: text("Accounts"),
        title: text("okafor"),
        facts: vec![text("Name: Imani Okafor"), text("Roles: physician")],
        state: text("revoked by hopper, 1 December 2026, 09:00 UTC: left in October"),
        before: (!waits)
            .then(|| text("before: kept by hopper, 30 November 2026, 09:00 UTC: works here")),
        again: (!waits).then(|| text("To give it again: enable the account at Accounts.")),
        waits,
        may_choose: waits && decides,
    };
    let part = |name: &str, is_here| AccessReviewPart {
        name: text(name),
        link: text("/auth/access-reviews?review=r1&kind=account"),
        is_here,
    };
    let link = |path: &str| decides.then(|| text(path));
    AccessReviewShown {
        form: form(text, "/auth/access-reviews?review=r1"),
        person: person(text, true),
        name: text("Autumn 2026"),
        facts: pairs(
            text,
            &[
                ("Deadline", "1 January 2027, 00:00 UTC"),
                ("Decided", "1 of 2"),
            ],
        ),
        parts: vec![
            part("All: 1 of 2 undecided", true),
            part("Accounts: 1 of 2 undecided", false),
        ],
        undecided_only: (
            text("Show only what is undecided"),
            text("/auth/access-reviews?review=r1&show=undecided"),
        ),
        items: vec![item("0", true), item("1", false)],
        first: link("/auth/access-reviews?review=r1"),
        next: link("/auth/access-reviews?review=r1&from=50"),
        decides,
        reason: text("Still works here"),
        evidence: text("/auth/access-reviews?review=r1&as=evidence"),
        back: text("/auth/access-reviews"),
        notice: Some(text("1 item is kept.")),
        error: Some(text("Choose at least one item.")),
    }
}
