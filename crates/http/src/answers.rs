//! How many answers have left, by the class of what was asked: counted apart from where Records are made, so that a log that lacks some
//! shows it (decision 0023).

use std::sync::atomic::{AtomicU64, Ordering};
use ward_audit::leaf::Class;

/// Of this process.
#[derive(Debug, Default)]
pub struct Answers([AtomicU64; CLASSES]);

/// Classes that are counted; [`Class::REMOVAL`] is no answer's.
pub const CLASSES: usize = 7;

impl Answers {
    /// An answer leaves. `interaction`: the code of what was asked. What failed here is not counted: nothing may be recorded of it.
    pub fn left(&self, interaction: &str, status: u16) {
        if status < 500
            && let Some(count) = self.0.get(usize::from(Class::of(interaction).0))
        {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Since the process began, by class.
    pub fn counted(&self) -> [u64; CLASSES] {
        std::array::from_fn(|class| self.0[class].load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_class_and_no_failures() {
        let answers = Answers::default();
        for (interaction, status) in [
            ("read", 200),
            ("vread", 404),
            ("create", 201),
            ("read", 503),
        ] {
            answers.left(interaction, status);
        }
        assert_eq!(answers.counted(), [0, 2, 0, 1, 0, 0, 0]);
    }
}
