//! What an installation decides about its authorization server; each is documented in `docs/guide/configuration.md`.

mod upstream;

pub use upstream::{Claims, ClientSecret, TwoFactors, UnknownPeople, Upstream};

use serde::Deserialize;
use ward_seal::jwk::Algorithm;

#[derive(Clone, Debug)]
pub struct Settings {
    /// The server's origin: `iss` of everything it issues, and where its endpoints are.
    pub issuer: String,
    /// The FHIR base: `aud` of access tokens and of authorization requests.
    pub base: String,
    /// Whether anybody may ask for a registration (RFC 7591). What is registered so waits for approval (S117).
    pub open_registration: bool,
    /// Signatures of client assertions; RS384 and ES384 are what SMART demands (S52). FAPI 2.0 clients have those of their profile.
    pub assertion_algorithms: Vec<Algorithm>,
    /// Take the issuer as `aud` of client assertions beside the URL of the endpoint (S53).
    pub issuer_as_assertion_audience: bool,
    /// TLS asks for client certificates: clients can prove themselves by them and have tokens bound to them (RFC 8705).
    pub asks_for_certificates: bool,
    /// Who runs the server, for sign-in pages and brands.
    pub organization: Organization,
    pub style: Style,
    /// How much one client may ask for in a minute that has no budget of its own, in units of cost; 0: no limit. For the pages, which
    /// tell it: what holds is counted where requests come in.
    pub requests_per_minute: u32,
    /// How long a broken glass lasts: at most [`crate::MINUTES_MAX`].
    pub break_glass_minutes: u32,
    /// The provider that people may sign in with beside this server's own accounts.
    pub upstream: Option<Upstream>,
}

/// <https://hl7.org/fhir/smart-app-launch/STU2.2/brands.html>
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Organization {
    pub name: String,
    pub website: String,
    /// Where people find help with the portal.
    pub portal: String,
}

/// How apps should look beside the EHR: members of `smart_style_url`'s document (S85).
/// <https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#styling>
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Style {
    pub color_background: String,
    pub color_error: String,
    pub color_highlight: String,
    pub color_modal_backdrop: String,
    pub color_success: String,
    pub color_text: String,
    pub dim_border_radius: String,
    pub dim_font_size: String,
    pub dim_spacing_size: String,
    pub font_family_body: String,
    pub font_family_heading: String,
}

impl Settings {
    /// The defaults for a FHIR base such as `https://ward.example/fhir`, whose origin becomes the issuer.
    pub fn for_base(base: &str) -> Settings {
        let issuer = origin(base);
        Settings {
            organization: Organization {
                name: "Ward".to_owned(),
                website: issuer.clone(),
                portal: String::new(),
            },
            issuer,
            base: base.to_owned(),
            open_registration: false,
            assertion_algorithms: vec![Algorithm::Rs384, Algorithm::Es384],
            issuer_as_assertion_audience: false,
            asks_for_certificates: false,
            style: Style::default(),
            requests_per_minute: 0,
            break_glass_minutes: crate::MINUTES_MAX,
            upstream: None,
        }
    }
}

impl Default for Style {
    fn default() -> Style {
        let text = str::to_owned;
        Style {
            color_background: text("#ffffff"),
            color_error: text("#b3261e"),
            color_highlight: text("#0b57d0"),
            color_modal_backdrop: text("#1f1f1f"),
            color_success: text("#146c2e"),
            color_text: text("#1f1f1f"),
            dim_border_radius: text("6px"),
            dim_font_size: text("16px"),
            dim_spacing_size: text("16px"),
            font_family_body: text("system-ui, sans-serif"),
            font_family_heading: text("system-ui, sans-serif"),
        }
    }
}

/// Scheme and authority of a URL; the URL itself where it has none.
pub fn origin(url: &str) -> String {
    let authority = url.find("://").map(|at| at + 3);
    let end = authority.and_then(|from| url[from..].find('/').map(|at| from + at));
    url[..end.unwrap_or(url.len())].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_is_the_origin_of_the_base() {
        for (url, expected) in [
            ("http://127.0.0.1:8080/fhir", "http://127.0.0.1:8080"),
            ("https://ward.example/a/fhir", "https://ward.example"),
            ("https://ward.example", "https://ward.example"),
        ] {
            assert_eq!(origin(url), expected);
        }
    }
}
