//! `near`: real distances, in each unit. <https://hl7.org/fhir/R4/location.html#positional>

use super::super::on_both;
use super::{Names, demand_refused};
use serde_json::json;
use ward_testkit::Client;

/// What stands where. From Munich as the crow flies: the town hall 264 m, Garching 13.69 km, Augsburg 56.52 km,
/// Nuremberg 150.7 km.
const PLACES: &[(&str, f64, f64)] = &[
    ("munich", 48.1372, 11.5756),
    ("hall", 48.1379, 11.5790),
    ("garching", 48.2489, 11.6532),
    ("augsburg", 48.3717, 10.8983),
    ("nuremberg", 49.4521, 11.0767),
    // On both sides of the date line, 10.63 km apart, and near the pole, 16.68 km apart.
    ("east", -17.0, 179.95),
    ("west", -17.0, -179.95),
    ("pole", 89.9, 0.0),
    ("beyond", 89.95, 180.0),
];

fn places(ward: &Client) -> Names<'_> {
    let mut names = Names::new(ward);
    for (name, latitude, longitude) in PLACES {
        names.make(
            name,
            json!({ "resourceType": "Location", "position": { "latitude": latitude, "longitude": longitude } }),
        );
    }
    names.make(
        "nowhere",
        json!({ "resourceType": "Location", "name": "nowhere" }),
    );
    names
}

#[test]
fn distances_are_real_in_every_unit() {
    on_both(|ward| {
        let names = places(ward);
        for (just_under, just_over, unit) in [
            ("56.51", "56.53", "km"),
            ("56518", "56520", "m"),
            ("35.118", "35.120", "mi"),
            ("35.1191", "35.1193", "[mi_i]"),
            ("35.1190", "35.1192", "[mi_us]"),
            ("30.517", "30.519", "[nmi_i]"),
            ("185428", "185431", "[ft_i]"),
        ] {
            let near = |distance: &str| {
                let value = format!("48.1372|11.5756|{distance}|{unit}");
                names.found("Location", "near", &value)
            };
            assert_eq!(near(just_under), "garching hall munich", "{unit}");
            assert_eq!(near(just_over), "augsburg garching hall munich", "{unit}");
        }
    });
}

#[test]
fn what_lies_near_is_found_wherever_it_is() {
    on_both(|ward| {
        let names = places(ward);
        names.demand("near", NEAR);
        names.demand("near:missing", &[("Location", "true", "nowhere")]);
    });
}

#[test]
fn what_is_no_place_is_refused() {
    on_both(|ward| {
        let form = "latitude|longitude|distance|unit";
        let row = |value| ("Location", "near", value, "invalid", form);
        let bad = [
            "x",
            "1",
            "1|",
            "|1",
            "91|0",
            "-90.1|0",
            "0|181",
            "0|-180.5",
            "1|2|-3",
            "1|2|x",
            "1|2|3|parsec",
            "1|2|3|km|4",
            "1|2|1e400",
            "NaN|0",
            "inf|0",
        ];
        demand_refused(ward, &bad.map(row));
        let chained = "Encounter?location.near=1%7C2";
        let refusal = ward.get(chained).expect(400).text();
        assert!(refusal.contains("near"), "{refusal}");
        demand_refused(
            ward,
            &[("Location", "near:exact", "1|2", "not-supported", "near")],
        );
    });
}

const NEAR: &[(&str, &str, &str)] = &[
    // 50 km where no distance is given, kilometres where no unit is.
    ("Location", "48.1372|11.5756", "garching hall munich"),
    ("Location", "48.1372|11.5756||", "garching hall munich"),
    ("Location", "48.1372|11.5756|13", "hall munich"),
    ("Location", "48.1372|11.5756|0.26", "munich"),
    ("Location", "48.1372|11.5756|0", "munich"),
    (
        "Location",
        "48.1372|11.5756|151",
        "augsburg garching hall munich nuremberg",
    ),
    // A place in the box around the circle is not in the circle: Augsburg is 26 km north and 50 km west.
    ("Location", "48.1372|11.5756|52|km", "garching hall munich"),
    ("Location", "-17|-179.95|10.6|km", "west"),
    ("Location", "-17|-179.95|10.7|km", "east west"),
    ("Location", "-17|179.95|10.7|km", "east west"),
    ("Location", "-17|180|6|km", "east west"),
    ("Location", "90|0|12|km", "beyond pole"),
    ("Location", "89.9|0|16.6|km", "pole"),
    ("Location", "89.9|0|16.8|km", "beyond pole"),
    (
        "Location",
        "48.1372|11.5756|1|km,-17|180|6|km",
        "east hall munich west",
    ),
    ("Location", "0|0|1000|km", ""),
    ("Location", "-48.1372|11.5756|100", ""),
    (
        "Location",
        "0|0|20100|km",
        "augsburg beyond east garching hall munich nuremberg pole west",
    ),
];
