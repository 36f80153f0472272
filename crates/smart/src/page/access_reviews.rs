//! Access reviews: all of them, and one with its items.

use super::{Form, Person};

#[derive(Clone, Debug)]
pub struct AccessReviews {
    pub form: Form,
    pub person: Person,
    pub reviews: Vec<AccessReviewRow>,
    /// `None`: the person opens none.
    pub new: Option<NewAccessReview>,
    pub error: Option<String>,
}

#[derive(Clone, Debug)]
pub struct AccessReviewRow {
    pub link: String,
    pub name: String,
    pub opened: String,
    pub deadline: String,
    /// `open`, `closed`.
    pub stage: String,
    /// How many.
    pub items: String,
}

/// Fields `name`, `deadline` (a day), `kind` (repeated), `patients` = `on`, `since` (a day), `reviewers` (user names, one a line).
#[derive(Clone, Debug)]
pub struct NewAccessReview {
    /// By field, what was typed before.
    pub typed: Vec<(String, String)>,
    /// Value, words, and whether it is chosen.
    pub kinds: Vec<(String, String, bool)>,
    /// Field and what is wrong with it.
    pub errors: Vec<(String, String)>,
}

/// Fields `item` (repeated; its number), `reason`, `decision` = `keep` or `revoke`.
#[derive(Clone, Debug)]
pub struct AccessReviewShown {
    pub form: Form,
    pub person: Person,
    pub name: String,
    /// Label and value.
    pub facts: Vec<(String, String)>,
    pub parts: Vec<AccessReviewPart>,
    /// Words and link of what the page would show else.
    pub undecided_only: (String, String),
    pub items: Vec<ReviewItemRow>,
    /// Links to where the list begins, when this is not there, and to where it goes on.
    pub first: Option<String>,
    pub next: Option<String>,
    /// The person decides, and it is not too late.
    pub decides: bool,
    /// What was typed before.
    pub reason: String,
    /// Where the evidence is taken.
    pub evidence: String,
    pub back: String,
    pub notice: Option<String>,
    pub error: Option<String>,
}

/// The items of one kind.
#[derive(Clone, Debug)]
pub struct AccessReviewPart {
    pub name: String,
    pub link: String,
    pub is_here: bool,
}

#[derive(Clone, Debug)]
pub struct ReviewItemRow {
    /// Its number.
    pub n: String,
    pub kind: String,
    pub title: String,
    /// As it was when the review was opened.
    pub facts: Vec<String>,
    /// What was decided, by whom, when and why.
    pub state: String,
    /// What was decided before it was changed.
    pub before: Option<String>,
    /// How what was taken away is given again.
    pub again: Option<String>,
    /// Nobody has decided.
    pub waits: bool,
    /// It is undecided, or was kept and can be revoked yet.
    pub may_choose: bool,
}
