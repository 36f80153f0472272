//! What a client says about itself becomes a registration, or the list of what is wrong with it.
//! <https://www.rfc-editor.org/rfc/rfc7591#section-2> (S117)

use crate::purposes;
use crate::scope_ceiling::covers;
use crate::state::{
    Authentication, Client, ClientState, IdTokenAlgorithm, KeysAt, Kind, SenderConstraint, digest,
};
use serde::Deserialize;
use serde_json::Value;
use ward_access::{Purposes, Scopes};
use ward_seal::jwk::JwkSet;

/// Client metadata as RFC 7591 names it, with what this server asks beyond it (`owner`, `purpose`, `purpose_of_use`,
/// `kind`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Metadata {
    pub client_name: String,
    pub owner: String,
    pub purpose: String,
    pub contacts: Vec<String>,
    pub client_uri: Option<String>,
    /// `public`, `confidential` or `system`; else by `token_endpoint_auth_method` and `grant_types`.
    pub kind: Option<String>,
    pub redirect_uris: Vec<String>,
    pub launch_uri: Option<String>,
    pub scope: String,
    /// Codes of v3 PurposeOfUse separated by spaces, the usual one first.
    pub purpose_of_use: String,
    pub grant_types: Vec<String>,
    pub token_endpoint_auth_method: Option<String>,
    pub jwks: Option<Value>,
    pub jwks_uri: Option<String>,
    pub require_pushed_authorization_requests: bool,
    pub dpop_bound_access_tokens: bool,
    /// RFC 8705 §3.4: bound to the certificate that the client connects with when it asks for them.
    pub tls_client_certificate_bound_access_tokens: bool,
    pub application_type: Option<String>,
    pub id_token_signed_response_alg: Option<String>,
    /// What an administrator alone says: refused here.
    pub organization: Option<Value>,
    pub clearance: Option<Value>,
    pub sees_labels: Option<Value>,
}

/// A field and what is wrong with it.
pub type Problem = (&'static str, String);

/// A new registration with its secret, which nobody sees again.
#[derive(Clone)]
pub struct Made {
    pub client: Client,
    pub secret: Option<String>,
}

pub const REDIRECT_URIS_MAX: usize = 20;
const TEXT_BYTES_MAX: usize = 2_048;
const CONTACTS_MAX: usize = 10;

/// What anybody may ask for; an administrator can allow more or less.
pub(crate) const CEILING_OF_APPS: &str = "openid fhirUser launch launch/patient offline_access online_access \
                               patient/*.cruds user/*.cruds";
pub(crate) const CEILING_OF_SYSTEMS: &str = "system/*.cruds";

/// A registration that waits for approval, or every problem with it.
pub fn register(metadata: &Metadata, now_s: i64) -> Result<Made, Vec<Problem>> {
    let mut problems = Vec::new();
    let kind = kind(metadata, &mut problems);
    let keys = keys(metadata, &mut problems);
    let authentication = authentication(metadata, kind, keys.is_some(), &mut problems);
    check_texts(metadata, &mut problems);
    check_redirects(metadata, kind, &mut problems);
    let ceiling = match kind {
        Kind::System => CEILING_OF_SYSTEMS,
        _ => CEILING_OF_APPS,
    };
    check_scope(metadata, ceiling, &mut problems);
    let purpose_of_use = purpose_of_use(&metadata.purpose_of_use, &mut problems);
    let sender_constraint = sender_constraint(metadata, &mut problems);
    let id_token_signed_by = id_token_algorithm(metadata, &mut problems);
    refuse_what_is_given(metadata, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let secret =
        (authentication == Authentication::ClientSecretBasic).then(ward_seal::random::token);
    let client = Client {
        client_id: ward_seal::random::uuid(),
        name: metadata.client_name.trim().to_owned(),
        owner: metadata.owner.trim().to_owned(),
        purpose: metadata.purpose.trim().to_owned(),
        contacts: metadata.contacts.clone(),
        website: metadata.client_uri.clone(),
        kind,
        state: ClientState::Pending,
        native: is_native(metadata),
        origins: origins(&metadata.redirect_uris, kind),
        redirect_uris: metadata.redirect_uris.clone(),
        launch_uri: metadata.launch_uri.clone(),
        scope: metadata
            .scope
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" "),
        purpose_of_use,
        authentication,
        secret_digest: secret.as_deref().map(digest),
        keys,
        require_par: metadata.require_pushed_authorization_requests,
        sender_constraint,
        id_token_signed_by,
        created_s: now_s,
        ..Client::default()
    };
    Ok(Made { client, secret })
}

/// Whether a URL may be fetched or linked to: `https`, a host with a dot that is no address, no user, no fragment.
pub(crate) fn is_public_https(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://") else {
        return false;
    };
    // A backslash is a slash to browsers: what follows it would be another host to us than to them.
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let (host, port) = authority.split_once(':').unwrap_or((authority, "443"));
    let is_port = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    let named = host.contains('.')
        && !host.ends_with(".local")
        && !host.ends_with(".localhost")
        && !host.ends_with(".internal")
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
        && !host
            .split('.')
            .next_back()
            .unwrap_or_default()
            .bytes()
            .all(|b| b.is_ascii_digit());
    named && is_port && !url.contains(['#', '\\']) && url.len() <= TEXT_BYTES_MAX && printable(url)
}

fn kind(metadata: &Metadata, problems: &mut Vec<Problem>) -> Kind {
    let asks_system = metadata
        .grant_types
        .iter()
        .any(|grant| grant == "client_credentials");
    match metadata.kind.as_deref() {
        Some("public") => Kind::Public,
        Some("confidential") => Kind::Confidential,
        Some("system") => Kind::System,
        Some(_) => {
            problems.push(("kind", "is public, confidential or system".to_owned()));
            Kind::Public
        }
        None if asks_system => Kind::System,
        None => match metadata.token_endpoint_auth_method.as_deref() {
            None | Some("none") => Kind::Public,
            Some(_) => Kind::Confidential,
        },
    }
}

/// By value or by URL; `None`: none, or none that will do.
pub(crate) fn keys(metadata: &Metadata, problems: &mut Vec<Problem>) -> Option<KeysAt> {
    match (&metadata.jwks, &metadata.jwks_uri) {
        (None, None) => None,
        (Some(_), Some(_)) => {
            problems.push((
                "jwks",
                "is given beside jwks_uri; give one of them".to_owned(),
            ));
            None
        }
        (Some(set), None) => {
            let text = match set {
                Value::String(text) => text.clone(),
                set => set.to_string(),
            };
            match JwkSet::parse(text.as_bytes()) {
                Ok(set) if set.keys.is_empty() => {
                    problems.push(("jwks", "holds no key that can be used".to_owned()));
                }
                Ok(_) => return Some(KeysAt::Here(text)),
                Err(reason) => problems.push(("jwks", reason.to_string())),
            }
            None
        }
        (None, Some(url)) => {
            if !is_public_https(url) {
                problems.push(("jwks_uri", "is a public https URL".to_owned()));
            }
            Some(KeysAt::Url(url.clone()))
        }
    }
}

fn authentication(
    metadata: &Metadata,
    kind: Kind,
    has_keys: bool,
    problems: &mut Vec<Problem>,
) -> Authentication {
    const FIELD: &str = "token_endpoint_auth_method";
    let asked = metadata.token_endpoint_auth_method.as_deref();
    let method = match (asked, kind) {
        (None, Kind::Public) | (Some("none"), _) => Authentication::None,
        (None, Kind::Confidential) if !has_keys => Authentication::ClientSecretBasic,
        (None, _) | (Some("private_key_jwt"), _) => Authentication::PrivateKeyJwt,
        (Some("client_secret_basic" | "client_secret_post"), _) => {
            Authentication::ClientSecretBasic
        }
        _ => {
            problems.push((
                FIELD,
                "is none, client_secret_basic or private_key_jwt".to_owned(),
            ));
            return Authentication::None;
        }
    };
    let fits = match kind {
        Kind::Public => method == Authentication::None,
        Kind::Confidential => method != Authentication::None,
        Kind::System => method == Authentication::PrivateKeyJwt,
    };
    if !fits {
        let why = format!("does not fit a {} client", kind.word());
        problems.push((FIELD, why));
    }
    if method == Authentication::PrivateKeyJwt && !has_keys {
        problems.push((
            "jwks_uri",
            "or jwks is needed for private_key_jwt".to_owned(),
        ));
    }
    method
}

/// What tokens are bound to: one thing at most.
fn sender_constraint(metadata: &Metadata, problems: &mut Vec<Problem>) -> SenderConstraint {
    match (
        metadata.dpop_bound_access_tokens,
        metadata.tls_client_certificate_bound_access_tokens,
    ) {
        (false, false) => SenderConstraint::None,
        (true, false) => SenderConstraint::Dpop,
        (false, true) => SenderConstraint::Mtls,
        (true, true) => {
            problems.push((
                "tls_client_certificate_bound_access_tokens",
                "is given beside dpop_bound_access_tokens; give one of them".to_owned(),
            ));
            SenderConstraint::None
        }
    }
}

fn id_token_algorithm(metadata: &Metadata, problems: &mut Vec<Problem>) -> IdTokenAlgorithm {
    let asked = metadata.id_token_signed_response_alg.as_deref();
    let known = asked.map_or(Some(IdTokenAlgorithm::default()), IdTokenAlgorithm::of);
    known.unwrap_or_else(|| {
        let why = "is RS256, PS256 or ES256".to_owned();
        problems.push(("id_token_signed_response_alg", why));
        IdTokenAlgorithm::default()
    })
}

pub(crate) fn check_texts(metadata: &Metadata, problems: &mut Vec<Problem>) {
    let needed = [
        ("client_name", &metadata.client_name),
        ("owner", &metadata.owner),
        ("purpose", &metadata.purpose),
    ];
    for (field, text) in needed {
        if text.trim().is_empty() {
            problems.push((field, "is needed".to_owned()));
        } else if text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control) {
            problems.push((field, "is too long or holds control characters".to_owned()));
        }
    }
    let contacts = &metadata.contacts;
    let is_mail = |text: &String| {
        text.len() <= 254
            && printable(text)
            && text
                .split_once('@')
                .is_some_and(|(a, b)| !a.is_empty() && b.contains('.'))
    };
    if contacts.is_empty() || contacts.len() > CONTACTS_MAX || !contacts.iter().all(is_mail) {
        problems.push((
            "contacts",
            format!("are one to {CONTACTS_MAX} mail addresses"),
        ));
    }
    check_link("client_uri", metadata.client_uri.as_deref(), problems);
}

fn check_link(field: &'static str, link: Option<&str>, problems: &mut Vec<Problem>) {
    if link.is_some_and(|link| !is_public_https(link) && !is_loopback(link)) {
        problems.push((field, "is an https URL".to_owned()));
    }
}

/// An origin whose pages may show others within themselves: of the web, and nothing beside host and port.
pub(crate) fn is_frame_origin(origin: &str) -> bool {
    let authority = origin.strip_prefix("https://").unwrap_or_default();
    let is_host = !authority.is_empty()
        && origin.len() <= TEXT_BYTES_MAX
        && authority
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-.:".contains(&b));
    is_host || is_loopback(origin) && crate::settings::origin(origin) == origin
}

/// Where the client is sent back to, and where it is launched.
pub(crate) fn check_redirects(metadata: &Metadata, kind: Kind, problems: &mut Vec<Problem>) {
    const FIELD: &str = "redirect_uris";
    check_link("launch_uri", metadata.launch_uri.as_deref(), problems);
    let uris = &metadata.redirect_uris;
    match (kind, uris.len()) {
        (Kind::System, 0) => return,
        (Kind::System, _) => problems.push((FIELD, "are not for a backend service".to_owned())),
        (_, 0) => problems.push((FIELD, "are needed".to_owned())),
        (_, n) if n > REDIRECT_URIS_MAX => {
            problems.push((FIELD, format!("are at most {REDIRECT_URIS_MAX}")));
        }
        _ => {}
    }
    let good = |uri: &String| {
        is_public_https(uri) || is_loopback(uri) || is_native(metadata) && is_private_scheme(uri)
    };
    if uris.iter().any(|uri| uri.contains('*') || !good(uri)) {
        let why = "are https URLs without wildcard, user or fragment; http only on 127.0.0.1 or [::1]; \
                   a scheme of its own only for a native app";
        problems.push((FIELD, why.to_owned()));
    }
}

pub(crate) fn check_scope(metadata: &Metadata, ceiling: &str, problems: &mut Vec<Problem>) {
    let mut asked = metadata.scope.split_whitespace().peekable();
    if asked.peek().is_none() {
        problems.push(("scope", "is needed".to_owned()));
    } else if Scopes::parse(&metadata.scope).is_err() {
        problems.push(("scope", "is too long".to_owned()));
    } else if let Some(bad) = asked.find(|one| !covers(ceiling, one)) {
        let bad: String = bad.chars().take(80).collect();
        problems.push(("scope", format!("holds {bad}, which cannot be asked for")));
    }
}

/// Whose client it is, and how sensitive data it sees, nobody says of themselves.
fn refuse_what_is_given(metadata: &Metadata, problems: &mut Vec<Problem>) {
    let given = [
        ("organization", &metadata.organization),
        ("clearance", &metadata.clearance),
        ("sees_labels", &metadata.sees_labels),
    ];
    for (field, value) in given {
        if value.is_some() {
            problems.push((field, "is for an administrator to set".to_owned()));
        }
    }
}

/// As a registration keeps them; `None`: it names none.
pub(crate) fn purpose_of_use(text: &str, problems: &mut Vec<Problem>) -> Option<String> {
    match Purposes::parse(text) {
        Ok(purposes) => (!purposes.is_empty()).then(|| purposes.to_string()),
        Err(error) => {
            problems.push((purposes::PARAMETER, format!("does not do: {error}")));
            None
        }
    }
}

/// Runs on the user's device: it says so, or answers to its own scheme or to loopback.
fn is_native(metadata: &Metadata) -> bool {
    metadata.application_type.as_deref() == Some("native")
        || metadata.redirect_uris.iter().any(|uri| is_loopback(uri))
}

impl Client {
    /// What follows from where it is sent back to: origins of its scripts, and whether it runs on the user's device.
    pub(crate) fn follow_redirects(&mut self) {
        self.origins = origins(&self.redirect_uris, self.kind);
        self.native |= self.redirect_uris.iter().any(|uri| is_loopback(uri));
    }
}

fn is_loopback(uri: &str) -> bool {
    ["http://127.0.0.1", "http://[::1]"].iter().any(|host| {
        uri.strip_prefix(host)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':']))
    }) && !uri.contains(['#', '@', '\\'])
        && printable(uri)
}

/// `com.example.app:/callback`: a reversed domain name (RFC 8252 §7.1).
fn is_private_scheme(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once(':') else {
        return false;
    };
    scheme.contains('.')
        && scheme
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b))
        && rest.starts_with('/')
        && !uri.contains('#')
        && printable(uri)
}

/// Browser apps read the token endpoint's answer from where they are served.
fn origins(redirect_uris: &[String], kind: Kind) -> Vec<String> {
    if kind != Kind::Public {
        return Vec::new();
    }
    let mut origins: Vec<String> = redirect_uris
        .iter()
        .filter(|uri| uri.starts_with("https://") || uri.starts_with("http://"))
        .map(|uri| crate::settings::origin(uri))
        .collect();
    origins.sort_unstable();
    origins.dedup();
    origins
}

fn printable(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
#[path = "registration_tests.rs"]
mod tests;
