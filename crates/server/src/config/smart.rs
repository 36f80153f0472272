//! What an installation decides about its authorization server, who runs it, and how it looks.

use serde::Deserialize;
use ward_seal::Algorithm;
use ward_smart::MINUTES_MAX;
use ward_smart::settings::{self, Settings, Style};

/// `[smart]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smart {
    pub open_registration: bool,
    pub issuer_as_assertion_audience: bool,
    pub further_assertion_algorithms: Vec<String>,
    pub break_glass_minutes: u32,
}

/// `[organization]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organization {
    pub name: String,
    pub website: String,
    pub portal: String,
}

/// Messages name the option.
pub fn check(smart: &Smart, organization: &Organization, style: &Style) -> Result<(), String> {
    let further = &smart.further_assertion_algorithms;
    if let Some(unknown) = further.iter().find(|name| Algorithm::of(name).is_none()) {
        return Err(format!(
            "smart.further_assertion_algorithms: {unknown} is none of RS256, PS256, ES256 and EdDSA"
        ));
    }
    if !(1..=MINUTES_MAX).contains(&smart.break_glass_minutes) {
        return Err(format!(
            "smart.break_glass_minutes must be from 1 to {MINUTES_MAX}"
        ));
    }
    if organization.name.trim().is_empty() {
        return Err("organization.name must not be empty: people see it where they sign in".into());
    }
    for (option, url) in [
        ("website", &organization.website),
        ("portal", &organization.portal),
    ] {
        let is_url = url.starts_with("https://") || url.starts_with("http://");
        if !url.is_empty() && !is_url {
            return Err(format!("organization.{option} must be a URL, or empty"));
        }
    }
    for (option, color) in [
        ("color_background", &style.color_background),
        ("color_error", &style.color_error),
        ("color_highlight", &style.color_highlight),
        ("color_modal_backdrop", &style.color_modal_backdrop),
        ("color_success", &style.color_success),
        ("color_text", &style.color_text),
    ] {
        let digits = color.strip_prefix('#').unwrap_or_default();
        if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(format!("style.{option} must be a colour such as #0b57d0"));
        }
    }
    for (option, length) in [
        ("dim_border_radius", &style.dim_border_radius),
        ("dim_font_size", &style.dim_font_size),
        ("dim_spacing_size", &style.dim_spacing_size),
    ] {
        let number = length.strip_suffix("px").unwrap_or_default();
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(format!("style.{option} must be a length such as 16px"));
        }
    }
    Ok(())
}

/// For a FHIR base.
pub fn settings(base: &str, smart: &Smart, organization: &Organization, style: &Style) -> Settings {
    let defaults = Settings::for_base(base);
    let or = |given: &String, default: String| match given.is_empty() {
        true => default,
        false => given.clone(),
    };
    let mut assertion_algorithms = defaults.assertion_algorithms;
    for name in &smart.further_assertion_algorithms {
        let known = Algorithm::of(name).filter(|one| !assertion_algorithms.contains(one));
        assertion_algorithms.extend(known);
    }
    Settings {
        assertion_algorithms,
        open_registration: smart.open_registration,
        break_glass_minutes: smart.break_glass_minutes,
        issuer_as_assertion_audience: smart.issuer_as_assertion_audience,
        organization: settings::Organization {
            name: organization.name.clone(),
            website: or(&organization.website, defaults.organization.website),
            portal: organization.portal.clone(),
        },
        style: style.clone(),
        ..defaults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(names: &[&str]) -> (Smart, Organization) {
        let smart = Smart {
            open_registration: false,
            issuer_as_assertion_audience: false,
            break_glass_minutes: MINUTES_MAX,
            further_assertion_algorithms: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        let organization = Organization {
            name: "Ward".into(),
            website: String::new(),
            portal: String::new(),
        };
        (smart, organization)
    }

    #[test]
    fn s52_further_signatures_of_assertions_are_configured() {
        let style = Style::default();
        let (smart, organization) = with(&["ES256", "ES384", "ES256"]);
        assert_eq!(check(&smart, &organization, &style), Ok(()));
        let made = settings("https://ward.example/fhir", &smart, &organization, &style);
        let expected = [Algorithm::Rs384, Algorithm::Es384, Algorithm::Es256];
        assert_eq!(made.assertion_algorithms, expected);
        for unknown in ["none", "HS256", "es256", ""] {
            let (smart, organization) = with(&[unknown]);
            let refused = check(&smart, &organization, &style).unwrap_err();
            assert!(
                refused.starts_with("smart.further_assertion_algorithms"),
                "{refused}"
            );
        }
    }

    #[test]
    fn r22_a_broken_glass_lasts_an_hour_at_most() {
        let style = Style::default();
        for (minutes, is_taken) in [(0, false), (1, true), (60, true), (61, false)] {
            let (mut smart, organization) = with(&[]);
            smart.break_glass_minutes = minutes;
            let checked = check(&smart, &organization, &style);
            assert_eq!(checked.is_ok(), is_taken, "{minutes}");
            let made = settings("https://ward.example/fhir", &smart, &organization, &style);
            assert_eq!(made.break_glass_minutes, minutes);
        }
    }
}
