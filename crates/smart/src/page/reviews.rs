//! What privacy officers have to look at.

use super::{Form, Person};

/// Open reviews by what they are about. Field `review` is the id of one, `decision` = `close` with `note`.
#[derive(Clone, Debug)]
pub struct Reviews {
    pub form: Form,
    pub person: Person,
    pub parts: Vec<ReviewPart>,
    pub notice: Option<String>,
    pub error: Option<String>,
}

#[derive(Clone, Debug)]
pub struct ReviewPart {
    pub title: String,
    pub lead: String,
    /// What stands here when there is nothing to look at.
    pub nothing: String,
    pub reviews: Vec<Review>,
    /// There are more than are shown: a sentence that says so.
    pub more: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Review {
    pub id: String,
    pub title: String,
    /// Label and value.
    pub facts: Vec<(String, String)>,
    /// As what it can be closed here, with a note of what was found: value and words. None: it goes when its cause does.
    pub closes: Vec<(&'static str, &'static str)>,
}
