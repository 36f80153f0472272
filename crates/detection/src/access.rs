//! One access: what a record of the audit log says of one patient, or of none.

/// A number that stands for a user, client, address, department or name; 0 is "none".
pub type Key = u64;

/// In the order of time; `seq` rises with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Place in the log: what an alert names as its evidence.
    pub seq: i64,
    /// Seconds since 1970.
    pub at_s: i64,
    pub user: Key,
    pub client: Key,
    /// Row id of the patient; 0: about nobody's record.
    pub patient: i64,
    /// Number of the type of resource.
    pub ty: u16,
    /// Whether it tells of health (not of names, addresses, appointments).
    pub is_clinical: bool,
    pub labels: Labels,
    pub act: Act,
    pub outcome: Outcome,
    /// The network address it came from.
    pub source: Key,
    pub workstation: Key,
    /// Under an emergency override.
    pub break_glass: bool,
    /// A list of several patients, of which this is one: nobody opened the record.
    pub is_listed: bool,
    /// How many resources were given.
    pub results: u32,
    /// Of a search: its type and names of parameters, without values.
    pub shape: Key,
    /// Of a search: all of it, with values. Of anything else that was refused: the resource that was asked for.
    pub target: Key,
}

impl Access {
    /// Somebody got to see or change a patient's record by name.
    pub fn opens_record(&self) -> bool {
        let is_use = matches!(
            self.act,
            Act::Read | Act::Search | Act::Create | Act::Change | Act::Delete | Act::Document
        );
        is_use && self.patient != 0 && !self.is_listed && self.outcome == Outcome::Granted
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Read,
    /// A document, a PDF or an image as a whole: what is printed or passed on.
    Document,
    Search,
    Create,
    /// Updated or patched.
    Change,
    Delete,
    /// Of a bulk export; `results` is its size, `shape` its types.
    Export,
    /// Granted or not; `target` is the account that was tried, 0 where that is not told; `user` who it is, if it is somebody.
    Login,
    /// A second factor that was refused.
    SecondFactor,
    /// A code or refresh token that was used before, or a key that does not fit.
    TokenReuse,
    /// An emergency override was declared for `patient`.
    BreakGlass,
    /// `user` gave a role to `target`.
    Grant,
    /// A label was lowered or removed, or somebody tried to.
    LabelDown,
    /// Consents or policies could not be evaluated.
    PolicyFault,
    /// The log was silent, has a gap or counts less than was answered.
    AuditGap,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Granted,
    /// 401 or 403.
    Denied,
    /// 404 or 410, which may hide a refusal.
    NotFound,
    /// Anything else that gave nothing.
    Failed,
}

/// What a resource was marked with, as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Labels(u8);

impl Labels {
    /// Addiction, mental or sexual health, HIV, violence and their like.
    pub const SENSITIVE: Labels = Labels(1);
    /// A patient in the public eye (`CEL` of v3 ActCode).
    pub const CELEBRITY: Labels = Labels(2);
    /// An employee's record (`EMP` of v3 ActCode).
    pub const EMPLOYEE: Labels = Labels(4);

    pub fn with(self, other: Labels) -> Labels {
        Labels(self.0 | other.0)
    }

    pub fn has(self, other: Labels) -> bool {
        self.0 & other.0 != 0
    }
}
