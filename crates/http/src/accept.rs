//! Which form the answer takes: `_format`, Accept with its weights, `_pretty`. <https://hl7.org/fhir/R4/http.html#mime-type>

use crate::weight::weight;
use std::cmp::Reverse;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Json,
    Xml,
}

/// The chosen FHIR form; `raw`: the client accepts media types that are not FHIR (the raw form of a Binary).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    pub form: Form,
    pub raw: bool,
}

/// `format` is the `_format` parameter, which overrides the header.
pub fn negotiate(format: Option<&str>, accept: Option<&str>, is_binary: bool) -> Result<Accepted> {
    if let Some(format) = format {
        // A plus sign that was not percent-encoded arrives as a space.
        return match media_type(&format.replace(' ', "+"))? {
            Some((Choice::Form(form), _)) => Ok(Accepted { form, raw: false }),
            _ => Err(refused()),
        };
    }
    let Some(accept) = accept.filter(|a| !a.trim().is_empty()) else {
        return Ok(Accepted {
            form: Form::Json,
            raw: false,
        });
    };
    let ranges = Ranges::read(accept);
    let form = ranges.form();
    let raw = ranges.raw().filter(|_| is_binary);
    match (form, raw) {
        // What was named more closely is what was meant; the raw form of a Binary is its own.
        (Some((form, fit)), raw) => Ok(Accepted {
            form,
            raw: raw.is_some_and(|raw| raw >= fit),
        }),
        (None, Some(_)) => Ok(Accepted {
            form: Form::Json,
            raw: true,
        }),
        (None, None) => Err(ranges.wrong_version.unwrap_or_else(refused)),
    }
}

/// The ranges of an Accept header. <https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1>
#[derive(Default)]
struct Ranges {
    /// In their order.
    ranges: Vec<Range>,
    wrong_version: Option<Failure>,
}

struct Range {
    choice: Choice,
    closeness: Closeness,
    weight: u16,
}

/// How closely a range names a form: for each form the closest range decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Closeness {
    /// `*/*`
    Any,
    /// `application/*`
    Application,
    /// A name that stands for the form, such as `application/json`, or a type that is no FHIR.
    Named,
    /// The form's own media type.
    Fhir,
    /// With the version of FHIR.
    Versioned,
}

/// How well a form fits: by weight, then by closeness, then by which came first.
type Fit = (u16, Closeness, Reverse<usize>);

impl Ranges {
    fn read(accept: &str) -> Ranges {
        let mut ranges = Ranges::default();
        for range in accept.split(',') {
            match media_type(range) {
                Ok(Some((choice, closeness))) => ranges.ranges.push(Range {
                    choice,
                    closeness,
                    weight: weight(range.split(';').skip(1)),
                }),
                Ok(None) => {}
                Err(failure) => ranges.wrong_version = Some(failure),
            }
        }
        ranges
    }

    /// The form that fits best; JSON where both fit alike.
    fn form(&self) -> Option<(Form, Fit)> {
        let forms = [Form::Xml, Form::Json].into_iter();
        let fits = forms.filter_map(|form| Some((form, self.fit(Choice::Form(form))?)));
        fits.max_by_key(|(_, fit)| *fit)
    }

    /// The media type of the Binary is not known yet: any that is no FHIR may be it.
    fn raw(&self) -> Option<Fit> {
        self.fit(Choice::Raw)
    }

    /// `None`: nothing names it, or what names it most closely excludes it.
    fn fit(&self, choice: Choice) -> Option<Fit> {
        let ranges = self.ranges.iter().enumerate();
        let naming = ranges.filter(|(_, r)| r.choice == choice || r.choice == Choice::Any);
        let closest = naming.max_by_key(|(at, r)| (r.closeness, r.weight, Reverse(*at)))?;
        let (at, range) = closest;
        (range.weight > 0).then_some((range.weight, range.closeness, Reverse(at)))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Form(Form),
    Any,
    Raw,
}

/// `Ok(None)`: not a media type at all.
fn media_type(range: &str) -> Result<Option<(Choice, Closeness)>> {
    let mut parts = range.split(';');
    let name = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let (json, xml) = (Choice::Form(Form::Json), Choice::Form(Form::Xml));
    let (choice, closeness) = match name.as_str() {
        "application/fhir+json" => (json, Closeness::Fhir),
        "application/fhir+xml" => (xml, Closeness::Fhir),
        "json" | "application/json" | "text/json" | "application/json+fhir" => {
            (json, Closeness::Named)
        }
        "xml" | "application/xml" | "text/xml" | "application/xml+fhir" => (xml, Closeness::Named),
        "*/*" => (Choice::Any, Closeness::Any),
        "application/*" => (Choice::Any, Closeness::Application),
        other if other.contains('/') => (Choice::Raw, Closeness::Named),
        _ => return Ok(None),
    };
    if let Choice::Form(_) = choice {
        let versioned = parts.clone().any(|p| names_version(p).is_some());
        demand_version(parts)?;
        if versioned && closeness == Closeness::Fhir {
            return Ok(Some((choice, Closeness::Versioned)));
        }
    }
    Ok(Some((choice, closeness)))
}

/// `fhirVersion` 4.0 is ours; 4.3 (R4B) is tolerated, since its clients read R4 resources.
pub fn demand_version<'a>(parameters: impl Iterator<Item = &'a str>) -> Result<()> {
    let is_read = |version: &str| matches!(version, "4.0" | "4.0.1") || version.starts_with("4.3");
    let mut versions = parameters.filter_map(names_version);
    match versions.all(is_read) {
        true => Ok(()),
        false => Err(Failure::new(
            Kind::NotAcceptable,
            "this server speaks fhirVersion 4.0",
        )),
    }
}

/// The value of a `fhirVersion` parameter.
fn names_version(parameter: &str) -> Option<&str> {
    let (name, value) = parameter.split_once('=')?;
    let is_version = name.trim().eq_ignore_ascii_case("fhirVersion");
    is_version.then(|| value.trim().trim_matches('"'))
}

fn refused() -> Failure {
    Failure::new(
        Kind::NotAcceptable,
        "answers come as application/fhir+json or application/fhir+xml",
    )
}

/// Whether `_pretty=true` was asked.
pub fn pretty(value: Option<&str>) -> Result<bool> {
    match value {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Failure::new(Kind::Invalid, "_pretty is true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(format: Option<&str>, accept: Option<&str>) -> std::result::Result<Form, Kind> {
        negotiate(format, accept, false)
            .map(|a| a.form)
            .map_err(|f| f.kind)
    }

    #[test]
    fn accept_is_weighed() {
        assert_eq!(form(None, None), Ok(Form::Json));
        assert_eq!(form(None, Some("*/*")), Ok(Form::Json));
        assert_eq!(form(None, Some("application/fhir+xml")), Ok(Form::Xml));
        assert_eq!(
            form(
                None,
                Some("application/fhir+xml;q=0.5, application/fhir+json;q=0.9")
            ),
            Ok(Form::Json)
        );
        assert_eq!(
            form(None, Some("text/html, application/xml;q=0.9, */*;q=0.8")),
            Ok(Form::Xml)
        );
        assert_eq!(
            form(
                None,
                Some("application/fhir+json;q=0, application/fhir+xml")
            ),
            Ok(Form::Xml)
        );
        assert_eq!(form(None, Some("text/html")), Err(Kind::NotAcceptable));
        assert_eq!(
            form(Some("xml"), Some("application/fhir+json")),
            Ok(Form::Xml)
        );
        assert_eq!(form(Some("application/fhir json"), None), Ok(Form::Json));
        assert_eq!(form(Some("text/turtle"), None), Err(Kind::NotAcceptable));
    }

    #[test]
    fn what_names_a_form_most_closely_decides() {
        for (accept, expected) in [
            ("application/fhir+json;q=0, */*", Ok(Form::Xml)),
            ("*/*, application/fhir+json;q=0", Ok(Form::Xml)),
            ("application/fhir+xml;q=0, */*", Ok(Form::Json)),
            ("application/fhir+json;q=0", Err(Kind::NotAcceptable)),
            ("*/*;q=0", Err(Kind::NotAcceptable)),
            ("application/fhir+xml, */*;q=0", Ok(Form::Xml)),
            ("application/fhir+json;q=0.2, */*;q=0.5", Ok(Form::Xml)),
            (
                "application/fhir+json;q=0.2, application/*;q=0.5, */*;q=0.1",
                Ok(Form::Xml),
            ),
            ("application/*;q=0, */*", Err(Kind::NotAcceptable)),
            ("application/json;q=0, */*", Ok(Form::Xml)),
            (
                "application/json;q=0.3, application/fhir+json;q=0.9, application/xml;q=0.6",
                Ok(Form::Json),
            ),
            (
                "application/fhir+json;q=0, application/fhir+json;fhirVersion=4.0, */*;q=0.5",
                Ok(Form::Json),
            ),
            ("*/*, application/fhir+xml", Ok(Form::Xml)),
            ("application/fhir+xml, application/fhir+json", Ok(Form::Xml)),
            (
                "application/fhir+json;Q=0.1, application/fhir+xml;Q=0.2",
                Ok(Form::Xml),
            ),
            (
                "application/fhir+xml;q=2, application/fhir+json;q=0.1",
                Ok(Form::Json),
            ),
        ] {
            assert_eq!(form(None, Some(accept)), expected, "{accept}");
        }
    }

    #[test]
    fn other_versions_are_refused_and_r4b_is_tolerated() {
        assert_eq!(
            form(None, Some("application/fhir+json; fhirVersion=4.0")),
            Ok(Form::Json)
        );
        assert_eq!(
            form(None, Some("application/fhir+json; fhirVersion=4.3")),
            Ok(Form::Json)
        );
        assert_eq!(
            form(None, Some("application/fhir+json; fhirVersion=5.0")),
            Err(Kind::NotAcceptable)
        );
        assert_eq!(
            form(
                None,
                Some("application/fhir+json; fhirVersion=5.0, application/fhir+xml")
            ),
            Ok(Form::Xml)
        );
    }

    #[test]
    fn a_binary_goes_out_raw_to_who_accepts_that_more() {
        for (accept, raw) in [
            ("image/png", true),
            ("*/*", true),
            ("application/*", true),
            ("image/png, application/fhir+json;q=0.5", true),
            ("application/fhir+json;q=0, */*", true),
            ("application/fhir+json;q=0.5, */*", true),
            ("application/fhir+json", false),
            ("application/fhir+json, */*", false),
            ("image/png;q=0.5, application/fhir+json", false),
            ("application/json, text/plain, */*", false),
        ] {
            let accepted = negotiate(None, Some(accept), true).expect("accepted");
            assert_eq!(accepted.raw, raw, "{accept}");
            let other = negotiate(None, Some(accept), false);
            assert!(other.is_err() || !other.expect("accepted").raw, "{accept}");
        }
    }
}
