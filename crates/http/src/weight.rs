//! Weights of Accept and Accept-Encoding. <https://www.rfc-editor.org/rfc/rfc9110#section-12.4.2>

/// What is not weighed.
pub const WHOLE: u16 = 1_000;

/// The `q` among the parameters of an item, in thousandths: [`WHOLE`] when there is none; 0, which accepts nothing, when it
/// is not a number from 0 to 1.
pub fn weight<'a>(parameters: impl Iterator<Item = &'a str>) -> u16 {
    let mut pairs = parameters.filter_map(|p| p.split_once('='));
    let q = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    q.map_or(WHOLE, |(_, value)| thousandths(value.trim()))
}

fn thousandths(value: &str) -> u16 {
    let number: Option<f32> = value.parse().ok();
    let number = number.filter(|n| (0.0..=1.0).contains(n));
    // Up, so that a little is never nothing.
    number.map_or(0, |n| (n * f32::from(WHOLE)).ceil() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_read() {
        for (parameters, expected) in [
            ("", WHOLE),
            ("charset=utf-8", WHOLE),
            ("q=0.5", 500),
            (" Q = 1.0 ", WHOLE),
            ("fhirVersion=4.0;q=0", 0),
            ("q=0.0004", 1),
            ("q=1.5", 0),
            ("q=-1", 0),
            ("q=nan", 0),
            ("q=", 0),
            ("q=soon", 0),
        ] {
            assert_eq!(weight(parameters.split(';')), expected, "{parameters}");
        }
    }
}
