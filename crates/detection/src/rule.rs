//! The rules by their numbers.

use std::fmt;

macro_rules! rules {
    ($($name:ident = $number:literal, $title:literal, $weight:expr;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Rule { $(#[doc = $title] $name = $number,)* }

        impl Rule {
            pub const ALL: [Rule; 30] = [$(Rule::$name,)*];

            /// In words, without anything of a patient.
            pub fn title(self) -> &'static str {
                match self { $(Rule::$name => $title,)* }
            }

            /// How much of the threshold of an alert it is by itself; 100 and more: always an alert.
            pub fn points(self) -> u32 {
                match self { $(Rule::$name => $weight,)* }
            }
        }
    };
}

rules! {
    A1 = 1, "no treatment relationship", 40;
    A2 = 2, "a co-worker's record", 100;
    A3 = 3, "a family member's record", 100;
    A4 = 4, "the same rare surname", 20;
    A5 = 5, "a neighbour's record", 15;
    A6 = 6, "a patient in the public eye", 100;
    A7 = 7, "their own record outside the portal", 100;
    A8 = 8, "somebody who shares or shared the household", 30;
    A9 = 9, "far more patients than usual", 100;
    A10 = 10, "records opened one after the other", 100;
    A11 = 11, "off shift and not on call", 20;
    A12 = 12, "a unit that the patient never visited", 15;
    A13 = 13, "an account that slept", 100;
    A14 = 14, "deceased, or not seen for long", 20;
    A15 = 15, "sensitive records far more often than peers", 100;
    A16 = 16, "emergency override used wrongly", 100;
    A17 = 17, "probing searches", 100;
    A18 = 18, "a burst of refusals", 100;
    A19 = 19, "two places at once", 100;
    A20 = 20, "an app unlike itself", 100;
    A21 = 21, "an attack on sign-ins", 100;
    A22 = 22, "a token used twice", 100;
    A23 = 23, "an unusual export", 100;
    A24 = 24, "consents or policies cannot be evaluated", 100;
    A25 = 25, "the audit log is silent or has a gap", 100;
    A26 = 26, "a role granted, then used", 100;
    A27 = 27, "a label lowered", 100;
    A28 = 28, "documents far more often than usual", 15;
    A29 = 29, "an old entry changed under hold", 100;
    A30 = 30, "mass change or deletion", 100;
}

impl Rule {
    pub fn number(self) -> u8 {
        self as u8
    }

    pub fn of_number(number: u8) -> Option<Rule> {
        Rule::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// What a site's feedback may never silence: each alone is an alert, whatever was found before.
    pub fn is_fixed(self) -> bool {
        use Rule::{A6, A7, A22, A24, A25, A27, A29, A30};
        matches!(self, A6 | A7 | A22 | A24 | A25 | A27 | A29 | A30)
    }
}

/// `A10`.
impl fmt::Display for Rule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "A{}", self.number())
    }
}
