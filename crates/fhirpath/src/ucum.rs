//! Units in canonical form, so that quantities in different units compare. <https://ucum.org/ucum#section-Conversion>

use crate::value::ucum::{Measure, parse};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// A unit as a multiple of base units. Units with an offset (`Cel`) and arbitrary ones (`[iU]`) are bases of their own.
#[derive(Clone, Debug, PartialEq)]
pub struct Canonical(Measure);

impl Canonical {
    /// `None`: not UCUM as far as the table goes.
    pub fn of(code: &str) -> Option<Canonical> {
        parse(code).map(Canonical)
    }

    /// The base units with their powers, as UCUM: the same for all comparable units.
    pub fn unit(&self) -> String {
        self.0.bases()
    }

    /// A number in this unit as a number of base units: the double nearest to the exact product, where it has at most 28
    /// digits. `None`: no finite number.
    pub fn scale(&self, number: &str) -> Option<f64> {
        let exact = number
            .parse::<Decimal>()
            .or_else(|_| Decimal::from_scientific(number));
        let product = exact.ok().and_then(|n| n.checked_mul(self.0.factor));
        // The text is what reads to the nearest double.
        let product = product.and_then(|p| p.to_string().parse().ok());
        let rounded = || Some(number.parse::<f64>().ok()? * self.0.factor.to_f64()?);
        product.or_else(rounded).filter(|v: &f64| v.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparable_units_meet() {
        let of = |number: &str, code: &str| {
            let unit = Canonical::of(code).unwrap();
            (unit.scale(number).unwrap(), unit.unit())
        };
        assert_eq!(of("1", "g"), of("1000", "mg"));
        assert_eq!(of("0.3", "g"), of("300", "mg"));
        assert_eq!(of("995e-1", "cm"), of("0.995", "m"));
        assert_eq!(of("1", "mmol/L"), of("1", "mol/m3"));
        assert_ne!(of("1", "g").1, of("1", "m").1);
        assert_ne!(of("1", "Cel").1, of("1", "K").1);
        assert_eq!(of("5", "%"), of("0.05", "1"));
        assert_eq!(Canonical::of("nonsense!"), None);
        assert_eq!(Canonical::of("kg").unwrap().scale("x"), None);
    }
}
