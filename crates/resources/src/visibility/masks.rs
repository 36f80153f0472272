//! What callers see of the classes that are known, kept by the facts that decide it: a longer list of classes is judged from where
//! it was judged before.

use super::actors::ActingFor;
use super::class::VisibilityClass;
use super::classes::Classes;
use super::judge::Judge;
use super::labelling::Labelling;
use super::settings::ConsentSettings;
use crate::masked::veil;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use ward_access::{Hides, Mask, Masked, Veil};
use ward_consent::Action;

/// Callers whose masks are kept.
pub const MASKS_MAX: usize = 1_024;

/// What a caller sees, and of that what they may change and delete.
#[derive(Clone, Debug)]
pub(crate) struct Sees {
    pub mask: Mask,
    pub changeable: Mask,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Facts {
    who: Arc<ActingFor>,
    glass_until_us: Option<i64>,
    epoch: u64,
    labelling: u64,
}

/// Bits of so many classes.
#[derive(Clone)]
struct Made {
    sees: Sees,
    classes: usize,
}

#[derive(Default)]
pub(crate) struct Masks {
    kept: Mutex<Kept>,
    /// Raised when classes are judged by other rules.
    epoch: AtomicU64,
}

/// Those that were asked for since half of the room was filled, and those before them.
#[derive(Default)]
struct Kept {
    young: HashMap<Facts, Made>,
    old: HashMap<Facts, Made>,
}

impl Masks {
    /// What is seen by whom, of all classes that are known now; `glass_until_us`: with the glass broken until then, if that is ahead.
    /// Costs a look where nothing is new, else a verdict for each new class and twice that in bits copied.
    pub fn of(
        &self,
        who: &Arc<ActingFor>,
        (glass_until_us, now_us): (Option<i64>, i64),
        (classes, labelling): (&Classes, &Labelling),
        site: &ConsentSettings,
    ) -> Sees {
        let glass_until_us = glass_until_us.filter(|until| now_us < *until);
        let facts = Facts {
            who: who.clone(),
            glass_until_us,
            epoch: self.epoch.load(Ordering::Acquire),
            labelling: labelling.edition,
        };
        let made = self.kept().get(&facts);
        let known = classes.len();
        if let Some(made) = made.as_ref().filter(|made| made.classes >= known) {
            return made.sees.clone();
        }
        let before = made.unwrap_or_else(Made::of_none);
        let new = classes.from(before.classes);
        let bits = |mask: &Mask, action| {
            let judge = Judge::new(who, site, action, (glass_until_us, now_us));
            let sees = (before.classes..).zip(&new).map(|(id, class)| {
                let class = class.as_ref()?;
                let judged = labelling.judged(id, class);
                let masking = judge.sees(judged.as_ref().unwrap_or(class))?;
                Some(veil(&masking))
            });
            let sees: Vec<Option<Veil>> = sees.collect();
            let shows: Vec<bool> = sees.iter().map(Option::is_some).collect();
            let masked = with_veils(mask, before.classes, &sees);
            let each = (before.classes..).zip(new.iter().zip(&shows));
            let hides = each.map(|(id, (class, shows))| hidden(id, class.as_deref(), *shows));
            let hides = hides.fold(mask.hides(), Hides::and);
            extended(mask, before.classes, &shows)
                .hiding(hides)
                .masking(masked)
        };
        let mask = bits(&before.sees.mask, Action::Access);
        let to_change = bits(&before.sees.changeable, Action::Correct);
        let classes = before.classes + new.len();
        let made = Made {
            classes,
            sees: Sees {
                changeable: both(&mask, &to_change, classes),
                mask,
            },
        };
        self.kept().keep(facts, made.clone());
        made.sees
    }

    /// To be called when classes are judged by other rules from now on: what was made before is used no more.
    pub fn expire(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        *self.kept() = Kept::default();
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sees {
    /// Of what is for everybody.
    pub fn everything() -> Sees {
        Sees {
            mask: Mask::every(),
            changeable: Mask::every(),
        }
    }
}

impl Kept {
    fn get(&mut self, facts: &Facts) -> Option<Made> {
        if let Some(made) = self.young.get(facts) {
            return Some(made.clone());
        }
        let made = self.old.remove(facts)?;
        self.keep(facts.clone(), made.clone());
        Some(made)
    }

    /// Of two that were made at the same time the longer one stays.
    fn keep(&mut self, facts: Facts, made: Made) {
        let known = self.young.get(&facts);
        if known.is_some_and(|known| known.classes >= made.classes) {
            return;
        }
        if known.is_none() && self.young.len() >= MASKS_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(facts, made);
    }
}

impl Made {
    fn of_none() -> Made {
        let none = Mask::of(&[]).hiding(Hides::NOTHING);
        Made {
            sees: Sees {
                mask: none.clone(),
                changeable: none,
            },
            classes: 0,
        }
    }
}

/// What a class says of what there may be that the caller does not see. Where a consent speaks of any row, rows that lie in several
/// records may be nobody's.
fn hidden(id: usize, class: Option<&VisibilityClass>, shows: bool) -> Hides {
    match class {
        Some(class) if shows => Hides {
            records: !class.residual.is_silent(),
            shared: false,
            reviews: false,
        },
        // Rows of which nothing was worked out lie anywhere.
        Some(class) if id > 0 => Hides {
            records: !class.is_shared,
            shared: class.is_shared && !class.class.is_consent,
            reviews: class.is_shared && class.class.is_consent,
        },
        _ => Hides::ANYTHING,
    }
}

/// What of those that are seen is masked.
fn with_veils(mask: &Mask, known: usize, sees: &[Option<Veil>]) -> Masked {
    let each = (known..).zip(sees);
    let veiled = each.filter_map(|(id, veil)| {
        let veil = veil.filter(|veil| !veil.is_empty())?;
        Some((i32::try_from(id).ok()?, veil))
    });
    let veiled: Vec<(i32, Veil)> = veiled.collect();
    let before = mask.masked().cloned().unwrap_or_default();
    before.with(&veiled)
}

/// A mask of `known` classes, and of those after them.
fn extended(mask: &Mask, known: usize, shows: &[bool]) -> Mask {
    let mut bits = open_bits(mask);
    bits.resize((known + shows.len()).div_ceil(8), 0);
    for (at, _) in shows.iter().enumerate().filter(|(_, shows)| **shows) {
        let id = known + at;
        bits[id / 8] |= 1 << (id % 8);
    }
    Mask::of_bits(&bits).knowing(known + shows.len())
}

/// What both show, of `known` classes. The same one where they are equal: it is not copied.
fn both(mask: &Mask, other: &Mask, known: usize) -> Mask {
    if mask == other {
        return mask.clone();
    }
    let (bits, others) = (open_bits(mask), open_bits(other));
    let bits = bits.iter().zip(&others).map(|(bits, others)| bits & others);
    let both = Mask::of_bits(&bits.collect::<Vec<u8>>()).knowing(known);
    both.masking(mask.masked().cloned().unwrap_or_default())
}

/// Without the byte that closes them. One that hides nothing is never made here, and would be taken for one that hides all.
fn open_bits(mask: &Mask) -> Vec<u8> {
    let bits = mask.closed_bits().map(|bits| &bits[..bits.len() - 1]);
    bits.unwrap_or_default().to_vec()
}

#[cfg(test)]
#[path = "masks_tests.rs"]
mod tests;
