//! Who sees a row by consents and labels: the class that a row gets when it is written, and the classes that a caller sees.
//! `docs/decisions/0020-consent-in-the-interactions.md`

mod class;
mod settings;

pub use class::VisibilityClass;
pub use settings::{
    ConsentSettings, DEFAULT_PURPOSE, THIS_ORGANIZATION, site_labels, starter_labels,
};
