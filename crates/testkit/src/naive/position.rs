//! `near`: within a distance. <https://hl7.org/fhir/R4/location.html#positional>

use super::criterion::split;
use serde_json::Value;

const EARTH_RADIUS_KM: f64 = 6_371.008_8;
/// When no distance is given.
const DISTANCE_KM: f64 = 50.0;

/// `latitude|longitude[|distance[|unit]]`: as the crow flies, by the chord through a round Earth.
pub fn near(position: &Value, value: &str) -> bool {
    let parts = split(value, '|');
    let number = |at: usize| parts.get(at).and_then(|text| text.parse::<f64>().ok());
    let unit_km = match parts.get(3) {
        Some(&"m") => 0.001,
        Some(&"[mi_i]") => 1.609_344,
        _ => 1.0,
    };
    let own = |name: &str| position[name].as_f64();
    let (Some(latitude), Some(longitude)) = (own("latitude"), own("longitude")) else {
        return false;
    };
    let (Some(to_latitude), Some(to_longitude)) = (number(0), number(1)) else {
        return false;
    };
    let far_km = number(2).map_or(DISTANCE_KM, |far| far * unit_km);
    let (a, b) = (point(latitude, longitude), point(to_latitude, to_longitude));
    let chord = (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt();
    2.0 * (chord / 2.0).asin() * EARTH_RADIUS_KM <= far_km
}

/// On a ball of radius 1.
fn point(latitude: f64, longitude: f64) -> [f64; 3] {
    let (latitude, longitude) = (latitude.to_radians(), longitude.to_radians());
    let (up, out) = latitude.sin_cos();
    let (y, x) = longitude.sin_cos();
    [out * x, out * y, up]
}
