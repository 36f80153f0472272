//! What a patient sees of their own consents, and how they change them.

use super::{Form, Person};

/// Who may see the person's own record: what holds by itself, and what they have said beside it.
#[derive(Clone, Debug)]
pub struct Consents {
    pub form: Form,
    pub person: Person,
    /// What holds where nothing is said, a sentence each.
    pub defaults: Vec<String>,
    /// In force now or later, the newest first.
    pub standing: Vec<ConsentShown>,
    /// Withdrawn or over.
    pub ended: Vec<ConsentShown>,
    /// Where something is kept private, and where something is allowed.
    pub keep: String,
    pub allow: String,
    pub notice: Option<String>,
    pub error: Option<String>,
}

/// A consent in plain words. Field `consent` is its id; `decision` = `withdraw` shows what that would change.
#[derive(Clone, Debug)]
pub struct ConsentShown {
    pub id: String,
    pub title: String,
    /// `in force`, `from 1 May 2027`, `withdrawn`, `over since 1 May 2026`.
    pub state: String,
    pub is_in_force: bool,
    pub is_permit: bool,
    pub rules: Vec<RuleShown>,
    /// The day on which it was given, and where it was not given here.
    pub given: String,
    /// What is to be known before all of it: that the server cannot read it, or reads it narrowly.
    pub doubt: Option<String>,
}

/// One thing that a consent says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleShown {
    pub is_permit: bool,
    /// An exception from the one before.
    pub is_exception: bool,
    pub who: String,
    pub what: String,
    pub purposes: String,
    pub until: String,
}

/// What is kept private, or allowed. Fields: `who`, `find`, `whole` (`yes` or `no`), `what` (repeated), `always` (`yes` or `no`), `purpose`
/// (repeated), `until` (a day); `decision` = `find`, `preview`.
#[derive(Clone, Debug)]
pub struct ConsentForm {
    pub form: Form,
    pub person: Person,
    pub is_permit: bool,
    /// Values and words of `who`.
    pub who: Vec<(String, String)>,
    pub chosen_who: String,
    /// What was typed into `find`, and whether anybody was found.
    pub sought: String,
    pub found: Option<bool>,
    pub is_whole: bool,
    pub categories: Vec<(String, String)>,
    pub chosen_categories: Vec<String>,
    pub is_always: bool,
    pub purposes: Vec<(String, String)>,
    pub chosen_purposes: Vec<String>,
    pub until: String,
    /// The earliest day that `until` takes.
    pub earliest: String,
    /// Field and what is wrong with it.
    pub errors: Vec<(String, String)>,
    /// To the list, without any change.
    pub back: String,
}

/// What a consent would change, before it is given or withdrawn.
#[derive(Clone, Debug)]
pub struct ConsentPreview {
    pub form: Form,
    pub person: Person,
    pub question: String,
    pub consent: ConsentShown,
    /// Whom it changes something for.
    pub effects: Vec<EffectShown>,
    /// Whom it changes nothing for.
    pub unchanged: Vec<String>,
    /// Entries of the record that were looked at.
    pub entries: u64,
    /// Sent again as they are.
    pub fields: Vec<(String, String)>,
    /// Value of `decision` and its words.
    pub decision: (String, String),
    /// Value of `decision` that leads back to the form; `None`: there is none, and `back` leads to the list.
    pub edit: Option<String>,
    pub back: String,
}

/// For somebody who may ask: how many entries they see before and after, and of what kinds those are that change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EffectShown {
    pub who: String,
    pub before: u64,
    pub after: u64,
    /// Kind of entry, and how many of it are no longer seen.
    pub hidden: Vec<(String, u64)>,
    /// And how many are seen from then on.
    pub shown: Vec<(String, u64)>,
}
