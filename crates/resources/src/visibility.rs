//! Who sees a row by consents and labels: the class that a row gets when it is written, and the classes that a caller sees.
//! `docs/decisions/0020-consent-in-the-interactions.md`

mod class;

pub use class::VisibilityClass;
