//! What a browser may do with a page (S30). <https://www.w3.org/TR/CSP3/>

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ward_smart::Page;
use ward_smart::page::Form;

/// Headers of every page.
pub fn secure(headers: &mut HeaderMap, page: &Page) {
    let policy = content_security_policy(form_of(page));
    let policy = HeaderValue::from_str(&policy).unwrap_or(STRICTEST);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    for (name, value) in FIXED {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
}

/// Chromium holds `form-action` against the redirects that follow a form, so where the app waits must be named.
fn content_security_policy(form: Option<&Form>) -> String {
    let leads_to = form.and_then(|form| form.leads_to.as_deref());
    let target = leads_to.and_then(source).map(|source| format!(" {source}"));
    format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'{}; base-uri 'none'; frame-ancestors {}",
        target.unwrap_or_default(),
        ancestors(form.map(|form| &form.framed_by[..]).unwrap_or_default())
    )
}

/// Who may show a page within another: nobody, or the origins of the EHR that launched what the page is of.
fn ancestors(origins: &[String]) -> String {
    let sources = origins.iter().filter_map(|origin| source(origin));
    let webs: Vec<String> = sources.filter(|one| one.contains("://")).collect();
    match webs.is_empty() {
        true => "'none'".to_owned(),
        false => webs.join(" "),
    }
}

/// The origin of a web address, or the scheme of an app's own. `None` for what cannot stand in a policy.
fn source(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once(':')?;
    let scheme = scheme.to_ascii_lowercase();
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    if !is_scheme || NEVER.contains(&scheme.as_str()) {
        return None;
    }
    if scheme != "https" && scheme != "http" {
        return Some(format!("{scheme}:"));
    }
    let authority = rest
        .strip_prefix("//")?
        .split(['/', '?', '#', '\\'])
        .next()?;
    let is_authority = !authority.is_empty()
        && authority
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b));
    is_authority.then(|| format!("{scheme}://{authority}"))
}

fn form_of(page: &Page) -> Option<&Form> {
    match page {
        Page::SignIn(model) => Some(&model.form),
        Page::Invitation(model) => Some(&model.form),
        Page::SecondFactor(model) => Some(&model.form),
        Page::EnrolTotp(model) => Some(&model.form),
        Page::RecoveryCodes(model) => Some(&model.form),
        Page::Factors(model) => Some(&model.form),
        Page::ChoosePatient(model) => Some(&model.form),
        Page::Approve(model) => Some(&model.form),
        Page::Apps(model) => Some(&model.form),
        Page::Sessions(model) => Some(&model.form),
        Page::Developer(model) => Some(&model.form),
        Page::Client(model) => Some(&model.form),
        Page::Confirm(model) => Some(&model.form),
        Page::Accounts(model) => Some(&model.form),
        Page::Computers(model) => Some(&model.form),
        Page::BreakGlass(model) => Some(&model.form),
        Page::Clients(model) => Some(&model.form),
        Page::Consents(model) => Some(&model.form),
        Page::ConsentForm(model) => Some(&model.form),
        Page::ConsentPreview(model) => Some(&model.form),
        Page::Reviews(model) => Some(&model.form),
        Page::AuditLog(model) => Some(&model.form),
        Page::AccessReviews(model) => Some(&model.form),
        Page::AccessReview(model) => Some(&model.form),
        Page::Message(_) => None,
    }
}

const STRICTEST: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// Schemes whose addresses are no places.
const NEVER: [&str; 5] = ["javascript", "data", "blob", "about", "filesystem"];
const FIXED: [(&str, &str); 6] = [
    // Others learn of no address. With `no-referrer` browsers would send our own forms with `Origin: null`, which no form may have
    // (<https://fetch.spec.whatwg.org/#append-a-request-origin-header>).
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), microphone=(), geolocation=(), publickey-credentials-get=(self), publickey-credentials-create=(self)",
    ),
    ("cache-control", "no-store"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_lead_here_and_to_the_app_that_waits() {
        let here = "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
        assert_eq!(content_security_policy(None), here);
        let form = Form::new("/auth/approve", "x");
        assert_eq!(content_security_policy(Some(&form)), here);
        let back = Some("https://app.example:8443/back?x=1".to_owned());
        let there = content_security_policy(Some(&form.leading_to(back)));
        assert!(
            there.contains("form-action 'self' https://app.example:8443;"),
            "{there}"
        );
        assert_eq!(
            source("com.example.app:/back").as_deref(),
            Some("com.example.app:")
        );
        assert_eq!(
            source("http://127.0.0.1:4567/back").as_deref(),
            Some("http://127.0.0.1:4567")
        );
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "https://a.example; script-src *",
            "https://*/",
            "https://",
            "https:/a",
            "https://u:p@a.example/",
            "x;y:",
            "*:",
            "/back",
            "",
        ] {
            assert_eq!(source(bad), None, "{bad}");
        }
    }

    #[test]
    fn s30_pages_are_framed_by_the_ehr_that_is_named_and_nobody_else() {
        let policy = |origins: &[&str]| {
            let origins: Vec<String> = origins.iter().map(|one| (*one).to_owned()).collect();
            let form = Form::new("/auth/approve", "x").framed_by(&origins);
            let policy = content_security_policy(Some(&form));
            policy.split_once("frame-ancestors ").unwrap().1.to_owned()
        };
        assert_eq!(policy(&[]), "'none'");
        assert_eq!(
            policy(&["https://ehr.example", "https://ehr.example:8443"]),
            "https://ehr.example https://ehr.example:8443"
        );
        for bad in [
            "*",
            "https:",
            "https://*.example",
            "javascript:x",
            "com.example.app:/x",
            "'self'",
            "",
        ] {
            assert_eq!(policy(&[bad]), "'none'", "{bad}");
        }
    }
}
