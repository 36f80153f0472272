//! Composites: both parts in one element. <https://hl7.org/fhir/R4/search.html#combining>

use super::criterion::split;
use super::parameters::Parameter;
use super::{number, token, walk};
use serde_json::Value;

pub fn matches(body: &Value, parameter: &Parameter, value: &str) -> bool {
    let parts = split(value, '$');
    let names = parameter.more.split_once('$');
    let (Some((first, second)), [one, two]) = (names, parts.as_slice()) else {
        return false;
    };
    let places = parameter.paths.iter().flat_map(|path| match *path {
        "" => vec![body],
        path => walk::elements(body, path),
    });
    places.into_iter().any(|place| {
        let has_first = walk::elements(place, first)
            .iter()
            .any(|e| token::matches(e, one, ""));
        let has_second = walk::elements(place, second).iter().any(|e| match second {
            "valueQuantity" => number::quantity(e, two),
            _ => token::matches(e, two, ""),
        });
        has_first && has_second
    })
}
