//! Which form the answer takes: `_format`, Accept with q-values, `_pretty`. <https://hl7.org/fhir/R4/http.html#mime-type>

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
            Some(Choice::Form(form)) => Ok(Accepted { form, raw: false }),
            _ => Err(refused()),
        };
    }
    let Some(accept) = accept.filter(|a| !a.trim().is_empty()) else {
        return Ok(Accepted {
            form: Form::Json,
            raw: false,
        });
    };
    let mut best: Option<(f32, Choice)> = None;
    let mut wrong_version = None;
    for range in accept.split(',') {
        let quality = quality(range);
        if quality <= 0.0 {
            continue;
        }
        match media_type(range) {
            Ok(Some(choice))
                if best.is_none_or(|(q, _)| quality > q)
                    && (choice != Choice::Raw || is_binary) =>
            {
                best = Some((quality, choice))
            }
            Ok(_) => {}
            Err(failure) => wrong_version = Some(failure),
        }
    }
    match best {
        Some((_, Choice::Form(form))) => Ok(Accepted { form, raw: false }),
        Some((_, Choice::Any)) => Ok(Accepted {
            form: Form::Json,
            raw: is_binary && !accept.contains("fhir"),
        }),
        Some((_, Choice::Raw)) => Ok(Accepted {
            form: Form::Json,
            raw: true,
        }),
        None => Err(wrong_version.unwrap_or_else(refused)),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Form(Form),
    Any,
    Raw,
}

/// `Ok(None)`: not a media type at all.
fn media_type(range: &str) -> Result<Option<Choice>> {
    let mut parts = range.split(';');
    let name = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let choice = match name.as_str() {
        "json"
        | "application/json"
        | "application/fhir+json"
        | "text/json"
        | "application/json+fhir" => Choice::Form(Form::Json),
        "xml"
        | "application/xml"
        | "application/fhir+xml"
        | "text/xml"
        | "application/xml+fhir" => Choice::Form(Form::Xml),
        "*/*" | "application/*" => Choice::Any,
        other if other.contains('/') => Choice::Raw,
        _ => return Ok(None),
    };
    if let Choice::Form(_) = choice {
        demand_version(parts)?;
    }
    Ok(Some(choice))
}

/// `fhirVersion` 4.0 is ours; 4.3 (R4B) is tolerated, since its clients read R4 resources.
pub fn demand_version<'a>(parameters: impl Iterator<Item = &'a str>) -> Result<()> {
    for parameter in parameters {
        if let Some((name, value)) = parameter.split_once('=')
            && name.trim().eq_ignore_ascii_case("fhirVersion")
        {
            let version = value.trim().trim_matches('"');
            if !(version == "4.0" || version == "4.0.1" || version.starts_with("4.3")) {
                return Err(Failure::new(
                    Kind::NotAcceptable,
                    "this server speaks fhirVersion 4.0",
                ));
            }
        }
    }
    Ok(())
}

fn quality(range: &str) -> f32 {
    let value = range
        .split(';')
        .skip(1)
        .find_map(|p| p.trim().strip_prefix("q="));
    value.map_or(1.0, |v| v.trim().parse().unwrap_or(0.0))
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
    fn a_binary_goes_out_raw_to_who_accepts_no_fhir() {
        assert!(
            negotiate(None, Some("image/png"), true)
                .expect("accepted")
                .raw
        );
        assert!(negotiate(None, Some("*/*"), true).expect("accepted").raw);
        assert!(
            !negotiate(None, Some("application/fhir+json"), true)
                .expect("accepted")
                .raw
        );
    }
}
