//! Equality and equivalence. <http://hl7.org/fhirpath/N1/#equality>

use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash, Hasher};

use rust_decimal::{Decimal, RoundingStrategy};
use ward_fhir::tree::Node;

use super::{Item, Quantity};

/// `=` of two items; `None` where precision, zones or units leave it open.
pub(crate) fn equal(a: &Item<'_>, b: &Item<'_>) -> Option<bool> {
    if let (Some(x), Some(y)) = (a.as_str(), b.as_str()) {
        return Some(x == y);
    }
    let (x, y) = (a.system(), b.system());
    if let Some((x, y)) = numbers(&x, &y) {
        return Some(x == y);
    }
    Some(match (&x, &y) {
        (Item::Boolean(x), Item::Boolean(y)) => x == y,
        (Item::String(x), Item::String(y)) => x == y,
        (Item::Temporal(x), Item::Temporal(y)) => {
            match (x.kind == super::Kind::Time) == (y.kind == super::Kind::Time) {
                true => return x.compare(y).map(|o| o == Ordering::Equal),
                false => false,
            }
        }
        (Item::Type(x), Item::Type(y)) => x == y,
        (Item::Node(x), Item::Node(y)) => return nodes_equal(*x, *y),
        _ => match quantities(&x, &y) {
            Some((x, y)) => return x.compare(&y).map(|o| o == Ordering::Equal),
            None => false,
        },
    })
}

/// `=` of two collections: in order, item by item; `None` when one is empty or an item leaves it open.
pub(crate) fn all_equal(a: &[Item<'_>], b: &[Item<'_>]) -> Option<bool> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    if a.len() != b.len() {
        return Some(false);
    }
    let mut open = false;
    for (x, y) in a.iter().zip(b) {
        match equal(x, y) {
            Some(false) => return Some(false),
            Some(true) => {}
            None => open = true,
        }
    }
    (!open).then_some(true)
}

/// `~` of two items.
pub(crate) fn equivalent(a: &Item<'_>, b: &Item<'_>) -> bool {
    if let (Some(x), Some(y)) = (a.as_str(), b.as_str()) {
        return normalized(x).eq(normalized(y));
    }
    let (x, y) = (a.system(), b.system());
    if let Some((x, y)) = numbers(&x, &y) {
        return decimals_equivalent(x, y);
    }
    match (&x, &y) {
        (Item::Boolean(x), Item::Boolean(y)) => x == y,
        (Item::Temporal(x), Item::Temporal(y)) => {
            (x.kind == super::Kind::Time) == (y.kind == super::Kind::Time) && x.is_equivalent(y)
        }
        (Item::Type(x), Item::Type(y)) => x == y,
        (Item::Node(x), Item::Node(y)) => nodes_equivalent(*x, *y),
        _ => quantities(&x, &y).is_some_and(|(x, y)| x.is_equivalent(&y)),
    }
}

/// `~` of two collections: in any order. `charge` is told the number of comparisons.
pub(crate) fn all_equivalent<E>(
    a: &[Item<'_>],
    b: &[Item<'_>],
    mut charge: impl FnMut(usize) -> Result<(), E>,
) -> Result<bool, E> {
    if a.len() != b.len() {
        return Ok(false);
    }
    let mut taken = vec![false; b.len()];
    for x in a {
        charge(b.len())?;
        let Some(at) = (0..b.len()).find(|i| !taken[*i] && equivalent(x, &b[*i])) else {
            return Ok(false);
        };
        taken[at] = true;
    }
    Ok(true)
}

/// Rounded to the precision of the less precise; trailing zeros do not count.
pub(super) fn decimals_equivalent(a: Decimal, b: Decimal) -> bool {
    let (a, b) = (a.normalize(), b.normalize());
    let digits = a.scale().min(b.scale());
    let round =
        |d: Decimal| d.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero);
    round(a) == round(b)
}

/// A number that equal items share, so that large collections can be made distinct without comparing all pairs.
/// Items whose equality is not a matter of one text or number share one key.
pub(crate) fn distinct_key(item: &Item<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    if let Some(text) = item.as_str() {
        text.hash(&mut hasher);
        return hasher.finish();
    }
    match item.system() {
        Item::Boolean(b) => b.hash(&mut hasher),
        Item::Integer(i) => Decimal::from(i).normalize().hash(&mut hasher),
        Item::Decimal(d) => d.normalize().hash(&mut hasher),
        Item::Quantity(q) if !q.is_number() => return 1,
        Item::Quantity(q) => q.value.normalize().hash(&mut hasher),
        Item::Node(n) => n
            .children()
            .next()
            .map(Item::Node)
            .as_ref()
            .and_then(Item::as_str)
            .hash(&mut hasher),
        _ => return 1,
    }
    hasher.finish()
}

fn numbers(a: &Item<'_>, b: &Item<'_>) -> Option<(Decimal, Decimal)> {
    Some((number(a)?, number(b)?))
}

pub(super) fn number(item: &Item<'_>) -> Option<Decimal> {
    match item {
        Item::Integer(i) => Some(Decimal::from(*i)),
        Item::Decimal(d) => Some(*d),
        _ => None,
    }
}

/// Two quantities, where one may be a plain number.
pub(super) fn quantities<'a>(a: &Item<'a>, b: &Item<'a>) -> Option<(Quantity<'a>, Quantity<'a>)> {
    match (a, b) {
        (Item::Quantity(x), Item::Quantity(y)) => Some((x.as_ref().clone(), y.as_ref().clone())),
        (Item::Quantity(x), y) => Some((x.as_ref().clone(), Quantity::of_number(number(y)?))),
        (x, Item::Quantity(y)) => Some((Quantity::of_number(number(x)?), y.as_ref().clone())),
        _ => None,
    }
}

/// All children equal, in order. Depth is bounded by the document's.
fn nodes_equal(a: Node<'_>, b: Node<'_>) -> Option<bool> {
    if a == b {
        return Some(true);
    }
    if a.size() != b.size() || a.value().is_some() != b.value().is_some() {
        return Some(false);
    }
    let (mut left, mut right) = (a.children(), b.children());
    let mut open = false;
    loop {
        match (left.next(), right.next()) {
            (None, None) => return (!open).then_some(true),
            (Some(x), Some(y)) if x.member() == y.member() => {
                match equal(&Item::Node(x), &Item::Node(y)) {
                    Some(true) => {}
                    Some(false) => return Some(false),
                    None => open = true,
                }
            }
            _ => return Some(false),
        }
    }
}

/// All children equivalent, in order; ids do not count.
fn nodes_equivalent(a: Node<'_>, b: Node<'_>) -> bool {
    if a == b {
        return true;
    }
    let relevant = |n: &Node<'_>| n.name() != "id";
    let (mut left, mut right) = (a.children().filter(relevant), b.children().filter(relevant));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(x), Some(y))
                if x.member() == y.member() && equivalent(&Item::Node(x), &Item::Node(y)) => {}
            _ => return false,
        }
    }
}

/// Case and the kind and amount of white space do not count.
fn normalized(text: &str) -> impl Iterator<Item = char> + '_ {
    let mut spaces = false;
    text.trim()
        .chars()
        .filter_map(move |c| {
            let space = c.is_whitespace();
            let keep = !(space && spaces);
            spaces = space;
            keep.then_some(if space { ' ' } else { c })
        })
        .flat_map(char::to_lowercase)
}
