//! What both stores do with index entries before they meet SQL: keys per type, and the difference of two versions.

use ward_fhir::TypeId;
use ward_search::entries::Term;

/// A term as indexed: search parameters are shared between types (`clinical-code`), index ranges are not.
pub fn typed(term: Term, ty: TypeId) -> i64 {
    term ^ i64::from(ty.0).wrapping_add(1).wrapping_mul(TYPE_SPREAD)
}

/// Key of a parameter of a type in the string and date indexes.
pub fn parameter(param: u16, ty: TypeId) -> i32 {
    (i32::from(ty.0 & 0x7FFF) << 16) | i32::from(param)
}

/// Key of the quantities under a term, of the rows that have `code` as their primary code.
pub fn of_code(key: i64, code: Term) -> i64 {
    key ^ code.wrapping_mul(CODE_SPREAD)
}

/// Counted for every live resource: how many of a type there are.
pub const EVERY: Term = 0x5741_5244_5459_5045;

/// Mixed into a counted term: how often it is a row's primary code, or first category.
pub const CODE: i64 = 0x2B99_2DDF_A232_49D7;
pub const CATEGORY: i64 = 0x5851_F42D_4C95_7F2D;

const TYPE_SPREAD: i64 = 0x1E37_79B9_7F4A_7C15;
const CODE_SPREAD: i64 = 0x2545_F491_4F6C_DD1D;

/// Merges two sorted lists. Values that do not compare (NaN never gets here) would count as changed.
pub fn difference<'a, T: PartialOrd>(
    old: &'a [T],
    new: &'a [T],
    mut removed: impl FnMut(&'a T),
    mut added: impl FnMut(&'a T),
) {
    let (mut o, mut n) = (old.iter().peekable(), new.iter().peekable());
    loop {
        match (o.peek(), n.peek()) {
            (Some(a), Some(b)) if a == b => {
                o.next();
                n.next();
            }
            (Some(a), Some(b)) if a < b => o.next().into_iter().for_each(&mut removed),
            (_, Some(_)) => n.next().into_iter().for_each(&mut added),
            (Some(_), None) => o.next().into_iter().for_each(&mut removed),
            (None, None) => return,
        }
    }
}

/// The smallest text above every text that starts with `prefix`; `None` when there is none.
pub fn after_prefix(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        // Skips the surrogate gap; `char::MAX` carries to the character before.
        if let Some(next) = ((last as u32 + 1)..=char::MAX as u32).find_map(char::from_u32) {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_difference_is_reported() {
        let (mut removed, mut added) = (Vec::new(), Vec::new());
        difference(
            &[1, 2, 4, 9],
            &[2, 3, 4, 10, 11],
            |x| removed.push(*x),
            |x| added.push(*x),
        );
        assert_eq!((removed, added), (vec![1, 9], vec![3, 10, 11]));
    }

    #[test]
    fn types_never_share_a_key() {
        assert_ne!(typed(5, TypeId(1)), typed(5, TypeId(2)));
        assert_ne!(parameter(5, TypeId(1)), parameter(5, TypeId(2)));
        assert!(parameter(u16::MAX, TypeId(u16::MAX)) > 0);
    }

    #[test]
    fn prefix_ranges_end_right_after_the_prefix() {
        assert_eq!(after_prefix("ab").as_deref(), Some("ac"));
        assert_eq!(after_prefix("a\u{d7ff}").as_deref(), Some("a\u{e000}"));
        assert_eq!(after_prefix("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(after_prefix("\u{10ffff}"), None);
        assert_eq!(after_prefix(""), None);
    }
}
