//! A review of who may do what (C14): what was in force when it was opened, each item in a row of its own, for reviewers to keep or
//! revoke until the deadline.

use super::{NEVER, Row, RowKind};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessReview {
    /// Random.
    pub id: String,
    pub name: String,
    /// User name.
    pub opened_by: String,
    /// Seconds since 1970.
    pub opened_s: i64,
    /// What nobody has decided by then is suspended.
    pub deadline_s: i64,
    pub kinds: Vec<GrantKind>,
    /// Also accounts of patients and of those who act for one, with what these have allowed to apps.
    pub patients: bool,
    /// Records that were opened in emergencies since then.
    pub since_s: i64,
    /// User names of who decides. Empty: all who may open a review.
    pub reviewers: Vec<String>,
    pub stage: Stage,
    /// How many there are.
    pub items: u32,
    pub closed_s: Option<i64>,
}

/// What somebody or something may do, and by what that is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GrantKind {
    /// A person's account that is not closed.
    #[default]
    Account,
    /// One role of such an account.
    Role,
    /// A PractitionerRole, by which the rota gives roles.
    PractitionerRole,
    /// A client that is active, with its scopes.
    Client,
    /// What a person has allowed to an app that refreshes its tokens.
    Grant,
    /// A record that somebody has opened in an emergency: looked at, and nothing to be taken away any more.
    BreakGlass,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Its items are being written down.
    #[default]
    Opening,
    Open,
    /// Everything is decided, and carried out.
    Closed,
}

/// How long a review is kept after its deadline: six years (45 CFR 164.316(b)(2)(i)) and a half.
pub const REVIEW_KEPT_S: i64 = 2_374 * 24 * 3600;

impl Row for AccessReview {
    const KIND: RowKind = RowKind::AccessReview;

    fn key(&self) -> &str {
        &self.id
    }

    fn expires_s(&self) -> i64 {
        self.deadline_s.saturating_add(REVIEW_KEPT_S)
    }
}

/// One of the things that are reviewed, as it was when the review was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReviewItem {
    /// Of the review and the number; empty until it has a place.
    pub(crate) key: String,
    /// Id of the review.
    pub review: String,
    /// From 0 on.
    pub n: u32,
    pub kind: GrantKind,
    /// User name, client id, id of the grant, PractitionerRole or Task.
    pub of: String,
    /// Of [`GrantKind::Role`].
    pub role: Option<String>,
    /// As pages name it.
    pub title: String,
    /// Label and value, as it was.
    pub facts: Vec<(String, String)>,
    /// By whom it is recognised as somebody's own: user name, `sub`, `Practitioner/1`.
    pub owners: Vec<String>,
    pub decided: Option<Decided>,
    pub expires_s: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Decided {
    pub decision: Decision,
    /// User name; empty: nobody, the deadline came.
    pub by: String,
    pub reason: String,
    pub at_s: i64,
    pub effect: Effect,
    /// What was decided before: a review takes away what it had kept, and never gives back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Box<Decided>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    #[default]
    Keep,
    Revoke,
    /// Nobody had decided at the deadline.
    Suspend,
    /// Nobody had looked at it by the deadline, and there is nothing to suspend.
    Unreviewed,
}

/// What a decision did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Nothing was to be done.
    #[default]
    None,
    /// It is to be carried out yet.
    Pending,
    Done,
    /// It was gone, or closed, already.
    Gone,
    /// It could not be done, and will not be by trying again.
    Failed,
}

impl ReviewItem {
    /// Number `n` of a review.
    pub fn placed(self, review: &AccessReview, n: u32) -> ReviewItem {
        ReviewItem {
            key: ReviewItem::key_of(&review.id, n),
            review: review.id.clone(),
            n,
            expires_s: review.expires_s(),
            ..self
        }
    }

    pub fn key_of(review: &str, n: u32) -> String {
        format!("{review}\n{n}")
    }

    /// Whether this can be decided now: what is undecided, and of what was kept that it is revoked.
    pub fn may_become(&self, decision: Decision) -> bool {
        let takes = matches!(decision, Decision::Revoke | Decision::Suspend);
        let is_possible = !takes || self.kind.is_revocable();
        is_possible
            && match &self.decided {
                None => true,
                Some(before) => (before.decision, decision) == (Decision::Keep, Decision::Revoke),
            }
    }

    /// Somebody has revoked it in this review.
    pub fn is_revoked(&self) -> bool {
        let revoked = |decided: &Decided| decided.decision == Decision::Revoke;
        self.decided.as_ref().is_some_and(revoked)
    }

    /// Whether a decision waits to be carried out.
    pub fn is_pending(&self) -> bool {
        let pending = |decided: &Decided| decided.effect == Effect::Pending;
        self.decided.as_ref().is_some_and(pending)
    }
}

impl Row for ReviewItem {
    const KIND: RowKind = RowKind::ReviewItem;

    fn key(&self) -> &str {
        &self.key
    }

    fn owner(&self) -> &str {
        &self.review
    }

    fn expires_s(&self) -> i64 {
        self.expires_s
    }
}

/// What is to be carried out or recorded yet. It goes when that is done; whoever finds it after its time does it again, so nothing that
/// was decided is lost with a process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReviewWork {
    /// That of the item, or of the review whose close it is.
    key: String,
    pub review: String,
    /// `None`: that the review is closed.
    pub item: Option<u32>,
    /// Until then it is somebody's who is at it.
    pub until_s: i64,
}

impl ReviewWork {
    pub fn of_item(item: &ReviewItem, until_s: i64) -> ReviewWork {
        ReviewWork {
            key: item.key.clone(),
            review: item.review.clone(),
            item: Some(item.n),
            until_s,
        }
    }

    pub fn of_close(review: &AccessReview, until_s: i64) -> ReviewWork {
        ReviewWork {
            key: review.id.clone(),
            review: review.id.clone(),
            item: None,
            until_s,
        }
    }
}

impl Row for ReviewWork {
    const KIND: RowKind = RowKind::ReviewWork;

    fn key(&self) -> &str {
        &self.key
    }

    fn expires_s(&self) -> i64 {
        NEVER
    }
}

/// That a record was opened in an emergency: whose record it was is said by the Task alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OpenedGlass {
    /// Logical id of the Task by which the privacy officer looks at it.
    pub task: String,
    /// `sub` of the person.
    pub subject: String,
    pub fhir_user: Option<String>,
    /// The app that declared it.
    pub client_id: Option<String>,
    /// Seconds since 1970.
    pub declared_s: i64,
}

/// How far back a review can ask for emergencies.
pub const OPENED_GLASS_KEPT_S: i64 = 400 * 24 * 3600;

impl Row for OpenedGlass {
    const KIND: RowKind = RowKind::OpenedGlass;

    fn key(&self) -> &str {
        &self.task
    }

    fn expires_s(&self) -> i64 {
        self.declared_s.saturating_add(OPENED_GLASS_KEPT_S)
    }
}

impl GrantKind {
    pub const ALL: [GrantKind; 6] = [
        GrantKind::Account,
        GrantKind::Role,
        GrantKind::PractitionerRole,
        GrantKind::Client,
        GrantKind::Grant,
        GrantKind::BreakGlass,
    ];

    /// As forms and records name it.
    pub fn word(self) -> &'static str {
        match self {
            GrantKind::Account => "account",
            GrantKind::Role => "role",
            GrantKind::PractitionerRole => "practitioner-role",
            GrantKind::Client => "client",
            GrantKind::Grant => "grant",
            GrantKind::BreakGlass => "break-glass",
        }
    }

    pub fn of(word: &str) -> Option<GrantKind> {
        GrantKind::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether there is something to take away.
    pub fn is_revocable(self) -> bool {
        self != GrantKind::BreakGlass
    }
}

impl Stage {
    pub fn word(self) -> &'static str {
        match self {
            Stage::Opening => "opening",
            Stage::Open => "open",
            Stage::Closed => "closed",
        }
    }
}

impl Decision {
    pub const ALL: [Decision; 4] = [
        Decision::Keep,
        Decision::Revoke,
        Decision::Suspend,
        Decision::Unreviewed,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Decision::Keep => "keep",
            Decision::Revoke => "revoke",
            Decision::Suspend => "suspend",
            Decision::Unreviewed => "unreviewed",
        }
    }
}

impl Effect {
    pub fn word(self) -> &'static str {
        match self {
            Effect::None => "none",
            Effect::Pending => "pending",
            Effect::Done => "done",
            Effect::Gone => "gone",
            Effect::Failed => "failed",
        }
    }
}
