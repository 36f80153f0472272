//! Ordering: `<`, `<=`, `>`, `>=`. <http://hl7.org/fhirpath/N1/#comparison>

use std::cmp::Ordering;

use super::equal::{number, quantities};
use super::{Item, Kind};

/// `Ok(None)`: open (precision, zones, units). `Err`: the types have no common order.
pub(crate) fn compare(a: &Item<'_>, b: &Item<'_>) -> Result<Option<Ordering>, ()> {
    if let (Some(x), Some(y)) = (a.as_str(), b.as_str()) {
        return Ok(Some(x.cmp(y)));
    }
    let (x, y) = (a.system(), b.system());
    if let (Some(x), Some(y)) = (number(&x), number(&y)) {
        return Ok(Some(x.cmp(&y)));
    }
    match (&x, &y) {
        (Item::Temporal(x), Item::Temporal(y))
            if (x.kind == Kind::Time) == (y.kind == Kind::Time) =>
        {
            Ok(x.compare(y))
        }
        _ => match quantities(&x, &y) {
            Some((x, y)) => Ok(x.compare(&y)),
            None => Err(()),
        },
    }
}
