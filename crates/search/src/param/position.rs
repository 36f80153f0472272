//! `near`: locations within a distance. <https://hl7.org/fhir/R4/location.html#positional>
//!
//! The index holds latitude and longitude as numbers and answers the box around the circle; the distance on the sphere
//! decides for each row of it. Boxes near a pole take every longitude, those across the date line are two ranges.

use super::Ask;
use super::number::read;
use super::string::any;
use crate::escape::split;
use crate::extract::Collector;
use crate::plan::{Check, Filter, NumberTest, Prefix};
use crate::registry::Leaf;
use std::sync::Arc;
use ward_fhir::{Failure, Node};

/// The distance when none is given; the specification leaves it to the server.
pub const DISTANCE_DEFAULT_KM: f64 = 50.0;

/// Mean radius of the Earth (IUGG).
const EARTH_RADIUS_KM: f64 = 6_371.008_8;
/// More than rounding can be off, in degrees.
const SLACK_DEGREES: f64 = 1e-9;

/// UCUM codes of lengths, and `mi`, which is often written.
const UNITS_KM: &[(&str, f64)] = &[
    ("km", 1.0),
    ("m", 0.001),
    ("[mi_us]", 1.609_347_218_694_438),
    ("[mi_i]", 1.609_344),
    ("mi", 1.609_344),
    ("[nmi_i]", 1.852),
    ("[ft_i]", 0.000_304_8),
];

pub(crate) fn index(out: &mut Collector<'_>, node: Node<'_>, leaf: &Leaf) {
    if let Some((latitude, longitude)) = place(node) {
        let key = out.key();
        out.quantity(leaf, key.latitude(leaf.param), latitude, latitude);
        out.quantity(leaf, key.longitude(leaf.param), longitude, longitude);
    }
}

fn place(node: Node<'_>) -> Option<(f64, f64)> {
    let number = |name| node.text(name).and_then(read);
    Some((number("latitude")?, number("longitude")?))
}

/// `latitude|longitude|distance|unit`, the last two optional.
pub(crate) fn ask(ask: &Ask<'_>, value: &str) -> Result<Filter, Failure> {
    if let Some(modifier) = ask.modifier {
        return Err(ask.bad_modifier(modifier, &["missing"]));
    }
    let circle = Circle::read(value).ok_or_else(|| {
        let units: Vec<&str> = UNITS_KM.iter().map(|u| u.0).collect();
        ask.bad(&format!(
            "must be 'latitude|longitude|distance|unit' with degrees and one of the units {}; distance ({DISTANCE_DEFAULT_KM} km) and unit (km) may be left out",
            units.join(", ")
        ))
    })?;
    let boxed = any(&ask.parameter.owners, |owner| {
        let within = |term, (low, high)| Filter::Quantity {
            term,
            test: NumberTest {
                prefix: Prefix::Eq,
                low,
                high,
            },
        };
        let longitudes = circle.longitudes().into_iter();
        Filter::And(vec![
            within(ask.key.latitude(owner.param), circle.latitudes()),
            Filter::Or(
                longitudes
                    .map(|r| within(ask.key.longitude(owner.param), r))
                    .collect(),
            ),
        ])
    });
    let test = move |node: Node<'_>| {
        let mut places = node.all("position").filter_map(place);
        places.any(|p| circle.holds(p))
    };
    let check = Filter::Check(Check {
        name: ask.code().to_owned(),
        test: Arc::new(test),
    });
    Ok(Filter::And(vec![boxed, check]))
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Circle {
    latitude: f64,
    longitude: f64,
    km: f64,
}

impl Circle {
    fn read(value: &str) -> Option<Circle> {
        let mut parts = split(value, b'|');
        let latitude = parts.next().and_then(read).filter(|d| d.abs() <= 90.0)?;
        let longitude = parts.next().and_then(read).filter(|d| d.abs() <= 180.0)?;
        let distance = match parts.next() {
            None | Some("") => None,
            Some(text) => Some(read(text).filter(|d| *d >= 0.0)?),
        };
        let unit = parts.next().filter(|u| !u.is_empty()).unwrap_or("km");
        let unit = UNITS_KM.iter().find(|(name, _)| *name == unit)?.1;
        parts.next().is_none().then_some(Circle {
            latitude,
            longitude,
            km: distance.map_or(DISTANCE_DEFAULT_KM, |d| d * unit),
        })
    }

    /// Great-circle distance by the haversine formula.
    fn holds(&self, (latitude, longitude): (f64, f64)) -> bool {
        let (a, b) = (self.latitude.to_radians(), latitude.to_radians());
        let half = |x: f64| (x / 2.0).sin().powi(2);
        let turn = (longitude - self.longitude).to_radians();
        let h = half(b - a) + a.cos() * b.cos() * half(turn);
        2.0 * EARTH_RADIUS_KM * h.clamp(0.0, 1.0).sqrt().asin() <= self.km
    }

    /// The angle of the radius, in degrees.
    fn angle(&self) -> f64 {
        (self.km / EARTH_RADIUS_KM).to_degrees()
    }

    fn latitudes(&self) -> (f64, f64) {
        let angle = self.angle() + SLACK_DEGREES;
        (self.latitude - angle, self.latitude + angle)
    }

    fn longitudes(&self) -> Vec<(f64, f64)> {
        let (south, north) = self.latitudes();
        if south <= -90.0 || north >= 90.0 {
            return vec![(-180.0, 180.0)];
        }
        let sine = self.angle().to_radians().sin() / self.latitude.to_radians().cos();
        let width = sine.clamp(-1.0, 1.0).asin().to_degrees() + SLACK_DEGREES;
        let (west, east) = (self.longitude - width, self.longitude + width);
        match () {
            () if west < -180.0 => vec![(west + 360.0, 180.0), (-180.0, east)],
            () if east > 180.0 => vec![(west, 180.0), (-180.0, east - 360.0)],
            () => vec![(west, east)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read() {
        let circle = |value| Circle::read(value).map(|c| c.km);
        assert_eq!(circle("1|2"), Some(DISTANCE_DEFAULT_KM));
        assert_eq!(circle("1|2||"), Some(DISTANCE_DEFAULT_KM));
        assert_eq!(circle("-83.69|42.25|11.2|km"), Some(11.2));
        assert_eq!(circle("1|2|5"), Some(5.0));
        assert_eq!(circle("1|2|1000|m"), Some(1.0));
        for bad in [
            "",
            "1",
            "91|0",
            "0|181",
            "1|2|-3",
            "1|2|3|parsec",
            "1|2|3|km|x",
            "a|b",
        ] {
            assert_eq!(circle(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_box_holds_the_circle() {
        for (value, inside, outside) in [
            ("48.1372|11.5756|60", (48.3717, 10.8983), (49.4521, 11.0767)),
            ("0|179.9|50", (0.0, -179.9), (0.0, -179.0)),
            ("0|-179.9|50", (0.0, 179.9), (0.0, 179.0)),
            ("89.9|0|50", (89.9, 180.0), (89.0, 0.0)),
        ] {
            let circle = Circle::read(value).unwrap();
            assert!(circle.holds(inside) && !circle.holds(outside), "{value}");
            let (south, north) = circle.latitudes();
            assert!((south..=north).contains(&inside.0));
            let mut ranges = circle.longitudes().into_iter();
            assert!(ranges.any(|(w, e)| (w..=e).contains(&inside.1)), "{value}");
        }
    }
}
