//! Small random data and random questions about it, made so that questions hit: few values, shared by all.

pub mod consents;
mod data;
mod query;

pub use data::{ABSENT, COUNTS, MORE, count, fixed, id, resource};
pub use query::{Wish, question};

use crate::Random;

pub const DATES: &[&str] = &[
    "2019",
    "2020",
    "2020-02",
    "2020-02-29",
    "2020-03-01",
    "2020-03",
    "2020-03-01T00:00:00Z",
    "2020-03-01T01:30:00+02:00",
    "2020-02-29T23:30:00-05:00",
    "2020-03-01T12:00:00.500Z",
    "2020-03-15",
    "2021-01-01",
];
pub const LABS: &str = "http://example.org/lab";
pub const OTHER: &str = "http://example.org/other";
/// Where case counts.
pub const EXACT: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
/// Some differ in case alone.
pub const CODES: &[&str] = &["c1", "c2", "C2", "c3", "C3", "c4"];
pub const NUMBERS: &[&str] = &[
    "0", "0.5", "1", "1.5", "2", "5", "5.4", "10", "100", "1000", "1500", "-1",
];
pub const WORDS: &[&str] = &[
    "Smith",
    "smythe",
    "Smit",
    "Müller",
    "Muller",
    "MÜLLER-Lüdenscheid",
    "Straße",
    "van  der Berg",
    "O'Neil",
    "Åse",
];
/// Longer than the index keeps: the first two differ only in what comes after, the last ends where the index does.
pub const LONG: &[&str] = &[
    "aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff ggggggggg hhhhhhhhh iiiiiiiii jjjjjjjjjj Müller-Zebra",
    "aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff ggggggggg hhhhhhhhh iiiiiiiii jjjjjjjjjj Smith  Ångström",
    "aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff ggggggggg hhhhhhhhh iiiiiiiii jjjjjjjjjj",
];
/// Characters of a text that decide its place in an order.
pub const SORT_CHARS: usize = 100;
/// Asked of `_text` and `_content`: whole words and beginnings, long ones, numbers, what is in few and what is in nearly all.
pub const CONTENTS: &[&str] = &[
    "smith",
    "Smit",
    "smi",
    "sm",
    "müller",
    "STRASSE",
    "lüden",
    "zebra",
    "ang",
    "patient",
    "example",
    "organization-1",
    "2020-02-29",
    "2020",
    "final",
    "\"van der B\"",
    "\"der van\"",
    "smith OR zebra",
    "smith berg",
    "patient NOT smith",
    "mul NOT \"van der\"",
    "(smith OR mul) and berg",
    "patient not (smith or \"van der\")",
    "urn2718281828459",
    "urn27182818",
    "urn271828",
    "urn27",
    "1618033988749894",
    "16180339",
    "16180",
];
/// Words of letters and digits, and numbers, that are too long to be listed.
pub const LONG_WORDS: &[&str] = &["urn2718281828459", "urn2718281828777", "1618033988749894"];
pub const MRN: &str = "http://example.org/mrn";
pub const VALUES: &[&str] = &["1", "2", "A-1", "a-1", "12"];

/// Years or months: 6 months are half a year.
pub const AGES: &[&str] = &["0.5", "1", "5", "5.4", "6", "10", "12", "60"];
/// Minutes, hours or days.
pub const LENGTHS: &[&str] = &["0.5", "1", "24", "30", "60", "90", "1440"];
/// Of protocols, some with a version.
pub const CANONICALS: &[&str] = &[
    "http://example.org/protocol/a",
    "http://example.org/protocol/a|1.0",
    "http://example.org/protocol/a|1.0.2",
    "http://example.org/protocol/a|1.0-draft",
    "http://example.org/protocol/ab|2",
];
pub const MEDIA: &[&str] = &[
    "text/xml",
    "text/xml;charset=UTF-8",
    "Text/XML; charset=utf-8",
    "text/xmlx",
    "image/png",
    "application/pdf",
];
/// Latitude and longitude in degrees: within hundreds of metres, tens and hundreds of kilometres, on both sides of the date line.
pub const PLACES: &[(&str, &str)] = &[
    ("48.2000", "16.3700"),
    ("48.2010", "16.3720"),
    ("48.3000", "16.4000"),
    ("47.0700", "15.4400"),
    ("-17.8", "179.9"),
    ("-17.8", "-179.9"),
];

/// A name, a place or a title.
pub fn words(random: &mut Random) -> &'static str {
    match random.once_in(10) {
        true => random.one_of(LONG),
        false => random.one_of(WORDS),
    }
}

/// A date of any precision but a time, which not every element takes.
pub fn day(random: &mut Random) -> &'static str {
    random.one_of(&[
        "1970",
        "1980-05",
        "1980-05-17",
        "1980-06-01",
        "1999-12-31",
        "2001",
    ])
}
