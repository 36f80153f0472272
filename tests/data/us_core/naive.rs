//! What a search parameter sees in a resource and when a value meets it, told from the JSON alone and with nothing of the
//! server's own code. Dates are microseconds since 1970; a partial one is the range that it may mean, in UTC.
//! <https://hl7.org/fhir/R4/search.html#ptypes>

use serde_json::Value;

/// How the values of a parameter are compared, by the metadata's own type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Id,
    Token,
    Text,
    Date,
    Reference,
}

pub fn kind(name: &str, ty: &str) -> Kind {
    match (name, ty) {
        ("_id", _) => Kind::Id,
        (_, "CodeableConcept" | "code" | "Coding" | "Identifier") => Kind::Token,
        (_, "string" | "HumanName" | "Address") => Kind::Text,
        (_, "date" | "dateTime" | "Period" | "instant") => Kind::Date,
        (_, "Reference" | "canonical") => Kind::Reference,
        _ => panic!("{name} is of the unknown type {ty}"),
    }
}

/// The elements at `Type.a.b`; `effective` also finds `effectiveDateTime`. An extension may be chosen by its url:
/// `Type.extension.where(url='…').value`.
pub fn at<'a>(resource: &'a Value, path: &str) -> Vec<&'a Value> {
    if let Some((before, chosen)) = path.split_once(".where(url='") {
        let (url, after) = chosen.split_once("')").unwrap();
        let of_url = at(resource, before).into_iter().filter(|e| e["url"] == url);
        return of_url.flat_map(|e| below(e, after)).collect();
    }
    below(resource, path)
}

/// The first step is the node itself.
fn below<'a>(node: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut found = vec![node];
    for step in path.split('.').skip(1) {
        found = found
            .into_iter()
            .flat_map(|node| children(node, step))
            .collect();
    }
    found
}

fn children<'a>(node: &'a Value, step: &str) -> Vec<&'a Value> {
    let is_choice = |name: &str| {
        let rest = name.strip_prefix(step);
        rest.is_some_and(|r| r.starts_with(|c: char| c.is_ascii_uppercase()))
    };
    let members = node.as_object().into_iter().flatten();
    let fitting = members.filter(|(name, _)| *name == step || is_choice(name));
    fitting
        .flat_map(|(_, value)| match value {
            Value::Array(items) => items.iter().collect(),
            one => vec![one],
        })
        .collect()
}

/// What may be written after `=` to find the element: the first is the element's own.
pub fn values(kind: Kind, element: &Value) -> Vec<String> {
    let text = |name: &str| element[name].as_str().map(str::to_owned);
    match kind {
        Kind::Id => element.as_str().map(str::to_owned).into_iter().collect(),
        Kind::Token => match element {
            Value::String(code) => vec![code.clone()],
            _ => {
                let codings = element["coding"].as_array().cloned();
                let codings = codings.unwrap_or_else(|| vec![element.clone()]);
                codings.iter().filter_map(token).collect()
            }
        },
        Kind::Text => match element {
            Value::String(text) => vec![text.clone()],
            _ => strings(element),
        },
        Kind::Date => match element {
            Value::String(text) => vec![text.clone()],
            _ => text("start").or_else(|| text("end")).into_iter().collect(),
        },
        Kind::Reference => match element {
            Value::String(canonical) => vec![canonical.clone()],
            _ => text("reference").into_iter().collect(),
        },
    }
}

fn token(coding: &Value) -> Option<String> {
    let code = coding["code"].as_str().or(coding["value"].as_str())?;
    let system = coding["system"].as_str()?;
    Some(format!("{system}|{code}"))
}

/// The parts of a name or an address that a search over the whole looks at.
fn strings(element: &Value) -> Vec<String> {
    const PARTS: [&str; 10] = [
        "family",
        "given",
        "text",
        "prefix",
        "suffix",
        "line",
        "city",
        "state",
        "postalCode",
        "country",
    ];
    PARTS
        .iter()
        .flat_map(|part| children(element, part))
        .filter_map(|value| value.as_str().map(str::to_owned))
        .collect()
}

/// Whether `asked` (with a prefix, when a date) is met by the element.
pub fn meets(kind: Kind, element: &Value, asked: &str) -> bool {
    match kind {
        Kind::Id => element.as_str() == Some(asked),
        Kind::Token => values(kind, element).iter().any(|value| {
            let code = value
                .rsplit_once('|')
                .map_or(value.as_str(), |(_, code)| code);
            value == asked || code == asked
        }),
        Kind::Text => {
            let asked = folded(asked);
            let texts = values(kind, element);
            texts.iter().any(|value| folded(value).starts_with(&asked))
        }
        Kind::Date => span(element).is_some_and(|span| is_dated(span, asked)),
        Kind::Reference => values(kind, element).iter().any(|value| {
            value == asked
                || value.rsplit_once('/').is_some_and(|(_, id)| id == asked)
                || value.split_once('|').is_some_and(|(url, _)| url == asked)
        }),
    }
}

/// The examples know no accents.
fn folded(text: &str) -> String {
    text.to_lowercase()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

type Span = (i64, i64);

/// An open end of a Period reaches for ever.
fn span(element: &Value) -> Option<Span> {
    match element {
        Value::String(text) => range(text),
        _ => {
            let (start, end) = (element["start"].as_str(), element["end"].as_str());
            if start.is_none() && end.is_none() {
                return None;
            }
            let low = start.map_or(Some(i64::MIN), |t| Some(range(t)?.0))?;
            let high = end.map_or(Some(i64::MAX), |t| Some(range(t)?.1))?;
            Some((low, high))
        }
    }
}

/// <https://hl7.org/fhir/R4/search.html#prefix>
fn is_dated((low, high): Span, asked: &str) -> bool {
    let (prefix, text) = match asked.as_bytes()[0].is_ascii_digit() {
        true => ("eq", asked),
        false => asked.split_at(2),
    };
    let (from, to) = range(text).unwrap_or_else(|| panic!("no date: {asked}"));
    let within = from <= low && high <= to;
    match prefix {
        "eq" => within,
        "ne" => !within,
        "gt" => high > to,
        "lt" => low < from,
        "ge" => high > to || within,
        "le" => low < from || within,
        "sa" => low > to,
        "eb" => high < from,
        other => panic!("no prefix: {other}"),
    }
}

const SECOND_US: i64 = 1_000_000;
const DAY_US: i64 = 86_400 * SECOND_US;

/// First and last microsecond of a date of any precision.
pub fn range(text: &str) -> Option<Span> {
    let number = |part: &str| part.parse::<i64>().ok();
    let (date, time) = text.split_once('T').unwrap_or((text, ""));
    let parts: Vec<&str> = date.split('-').collect();
    let year = number(parts[0])?;
    let month = parts.get(1).map_or(Some(1), |m| number(m))?;
    let day = parts.get(2).map_or(Some(1), |d| number(d))?;
    let first = days(year, month, day) * DAY_US;
    if time.is_empty() {
        let next = match parts.len() {
            1 => days(year + 1, 1, 1),
            2 if month == 12 => days(year + 1, 1, 1),
            2 => days(year, month + 1, 1),
            _ => days(year, month, day) + 1,
        };
        return Some((first, next * DAY_US - 1));
    }
    let zone = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(zone);
    let offset = match zone.get(1..) {
        Some(hm) if !hm.is_empty() => {
            let (h, m) = hm.split_once(':')?;
            let seconds = number(h)? * 3_600 + number(m)? * 60;
            if zone.starts_with('-') {
                -seconds
            } else {
                seconds
            }
        }
        _ => 0,
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let clock: Vec<&str> = clock.split(':').collect();
    let second = clock.get(2).map_or(Some(0), |s| number(s))?;
    let seconds = number(clock[0])? * 3_600 + number(clock.get(1)?)? * 60 + second - offset;
    let digits = fraction.len().min(6);
    let at = first + seconds * SECOND_US + number(&format!("{:0<6}", &fraction[..digits]))?;
    let width = match clock.len() {
        2 => 60 * SECOND_US,
        _ => SECOND_US / 10_i64.pow(digits as u32),
    } - 1;
    Some((at, at + width))
}

/// Days since 1970 of a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[test]
fn dates_mean_ranges() {
    let range_s = |text| range(text).map(|(low, high)| (low / SECOND_US, (high + 1) / SECOND_US));
    assert_eq!(range_s("1970-01-02"), Some((86_400, 172_800)));
    assert_eq!(range_s("1970-01-01T01:00:00+01:00"), Some((0, 1)));
    assert_eq!(range("1970-01-01T00:00:00.5Z"), Some((500_000, 599_999)));
    assert_eq!(
        range_s("2000-03-01T00:00:00Z"),
        Some((951_868_800, 951_868_801))
    );
    assert_eq!(range_s("1969"), Some((-31_536_000, 0)));
    assert!(is_dated((0, 10 * SECOND_US), "lt1970-01-01T00:00:05Z"));
    assert!(!is_dated((0, 10 * SECOND_US), "1970-01-01T00:00:05Z"));
}
