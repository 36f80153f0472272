//! What an installation decides about its authorization server, who runs it, and how it looks.

use serde::Deserialize;
use ward_smart::settings::{self, Settings, Style};

/// `[smart]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smart {
    pub open_registration: bool,
    pub issuer_as_assertion_audience: bool,
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
pub fn check(organization: &Organization, style: &Style) -> Result<(), String> {
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
    Settings {
        open_registration: smart.open_registration,
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
