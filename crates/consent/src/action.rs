//! What is done with the data. <https://hl7.org/fhir/R4/valueset-consent-action.html>

/// Reading, searching, exporting and being notified are `Access`, a create `Collect`, an update or deletion `Correct`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    Access,
    Collect,
    Use,
    Disclose,
    Correct,
}

impl Action {
    pub const ALL: [Action; 5] = [
        Action::Access,
        Action::Collect,
        Action::Use,
        Action::Disclose,
        Action::Correct,
    ];

    pub const fn code(self) -> &'static str {
        ["access", "collect", "use", "disclose", "correct"][self as usize]
    }

    pub fn parse(code: &str) -> Option<Action> {
        Action::ALL.into_iter().find(|action| action.code() == code)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Actions(u8);

impl Actions {
    pub fn of(actions: impl IntoIterator<Item = Action>) -> Actions {
        actions
            .into_iter()
            .fold(Actions(0), |all, action| all.and(action))
    }
    pub fn and(self, action: Action) -> Actions {
        Actions(self.0 | 1 << action as u8)
    }
    pub fn has(self, action: Action) -> bool {
        self.0 >> action as u8 & 1 == 1
    }
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    pub fn meets(self, other: Actions) -> bool {
        self.0 & other.0 != 0
    }
    pub fn is_within(self, other: Actions) -> bool {
        self.0 & !other.0 == 0
    }
}
