//! How a client proves itself, what its tokens are bound to, and by which profile. (C17, S107, S108)

use super::parts::{Offered, Values, is_ticked, text, tick};
use crate::fapi;
use crate::registration::{Metadata, Problem, keys};
use crate::request::Parameters;
use crate::state::{Authentication, Client, IdTokenAlgorithm, KeysAt, Kind, SenderConstraint};
use serde_json::Value;
use ward_seal::JwkSet;

const METHOD: &str = "token_endpoint_auth_method";
const BOUND: &str = "tokens_bound_to";
const FAPI: &str = "fapi2";
const ID_TOKEN: &str = "id_token_signed_response_alg";

pub(super) fn values(client: &Client) -> Values {
    let (url, set) = match &client.keys {
        None => (String::new(), String::new()),
        Some(KeysAt::Url(url)) => (url.clone(), String::new()),
        Some(KeysAt::Here(set)) => (String::new(), set.clone()),
    };
    let mut values = Values::new();
    if client.kind != Kind::Public {
        values.push((METHOD, client.authentication.method().to_owned()));
        values.push(("jwks_uri", url));
        values.push(("jwks", set));
    }
    values.push((BOUND, client.sender_constraint.word().to_owned()));
    if client.kind != Kind::System {
        values.push(("require_par", tick(client.require_par)));
    }
    if client.kind != Kind::Public {
        values.push((FAPI, tick(client.fapi2)));
    }
    if client.kind != Kind::System {
        let by = client.id_token_algorithm();
        values.push((ID_TOKEN, by.name().to_owned()));
    }
    values
}

/// `asks`: whether TLS asks for client certificates here. What a client has is offered to it all the same.
pub(super) fn offered(client: &Client, asks: bool) -> Offered {
    let methods = methods(client, asks).into_iter().map(|method| {
        let words = match method {
            Authentication::None => "nothing",
            Authentication::ClientSecretBasic => "A secret",
            Authentication::PrivateKeyJwt => "A private key (private_key_jwt)",
            Authentication::TlsClientAuth => "Its TLS certificate (tls_client_auth)",
        };
        (METHOD, method.method().to_owned(), words.to_owned())
    });
    let bindings = bindings(client, asks).into_iter().map(|binding| {
        let words = match binding {
            SenderConstraint::None => "Nothing: whoever has a token can use it",
            SenderConstraint::Dpop => "A key of its own (DPoP)",
            SenderConstraint::Mtls => "Its TLS certificate",
        };
        (BOUND, binding.word().to_owned(), words.to_owned())
    });
    let algorithms = IdTokenAlgorithm::ALL.into_iter().map(|by| {
        let words = match by {
            IdTokenAlgorithm::Rs256 => "RS256, which every app can check",
            IdTokenAlgorithm::Ps256 => "PS256",
            IdTokenAlgorithm::Es256 => "ES256",
        };
        (ID_TOKEN, by.name().to_owned(), words.to_owned())
    });
    methods.chain(bindings).chain(algorithms).collect()
}

pub(super) fn entered(
    client: &Client,
    parameters: &Parameters,
    asks: bool,
) -> Result<Client, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut entered = client.clone();
    entered.sender_constraint = bound(client, parameters, asks, &mut problems);
    if client.kind != Kind::System {
        entered.require_par = is_ticked(parameters, "require_par");
    }
    if client.kind != Kind::Public {
        entered.fapi2 = is_ticked(parameters, FAPI);
        prove(&mut entered, parameters, asks, &mut problems);
    }
    if client.kind != Kind::System {
        let known = text(parameters, ID_TOKEN)
            .as_deref()
            .and_then(IdTokenAlgorithm::of);
        match known {
            Some(by) => entered.id_token_signed_by = by,
            None => problems.push((ID_TOKEN, "is one of the list".to_owned())),
        }
    }
    if entered.fapi2 && problems.is_empty() {
        check_profile(&entered, &mut problems);
    }
    match problems.is_empty() {
        true => Ok(entered),
        false => Err(problems),
    }
}

fn methods(client: &Client, asks: bool) -> Vec<Authentication> {
    let all = [
        Authentication::ClientSecretBasic,
        Authentication::PrivateKeyJwt,
        Authentication::TlsClientAuth,
    ];
    let fits = |method: &Authentication| match method {
        // A secret that goes over the wire is not for systems (S62).
        Authentication::ClientSecretBasic => client.kind == Kind::Confidential,
        Authentication::TlsClientAuth => asks || client.authentication == *method,
        _ => true,
    };
    all.into_iter().filter(fits).collect()
}

fn bindings(client: &Client, asks: bool) -> Vec<SenderConstraint> {
    let fits = |binding: &SenderConstraint| {
        // A public client has no certificate.
        *binding != SenderConstraint::Mtls
            || client.kind != Kind::Public && asks
            || client.sender_constraint == *binding
    };
    SenderConstraint::ALL.into_iter().filter(fits).collect()
}

fn bound(
    client: &Client,
    parameters: &Parameters,
    asks: bool,
    problems: &mut Vec<Problem>,
) -> SenderConstraint {
    let sent = text(parameters, BOUND).unwrap_or_default();
    let found = bindings(client, asks)
        .into_iter()
        .find(|binding| binding.word() == sent);
    found.unwrap_or_else(|| {
        problems.push((BOUND, "are one of the list".to_owned()));
        client.sender_constraint
    })
}

/// Method and keys.
fn prove(client: &mut Client, parameters: &Parameters, asks: bool, problems: &mut Vec<Problem>) {
    let sent = text(parameters, METHOD).unwrap_or_default();
    let method = methods(client, asks)
        .into_iter()
        .find(|known| known.method() == sent);
    match method {
        Some(method) => client.authentication = method,
        None => problems.push((METHOD, "is one of the list".to_owned())),
    }
    let metadata = Metadata {
        jwks: text(parameters, "jwks").map(Value::String),
        jwks_uri: text(parameters, "jwks_uri"),
        ..Metadata::default()
    };
    let before = problems.len();
    client.keys = keys(&metadata, problems);
    let is_by_key = method == Some(Authentication::PrivateKeyJwt);
    if is_by_key && client.keys.is_none() && problems.len() == before {
        let why = "or the keys themselves are needed: it proves itself by one of them".to_owned();
        problems.push(("jwks_uri", why));
    }
    if method == Some(Authentication::TlsClientAuth) && client.certificate.is_none() {
        let why = "needs the certificate first: set it under Limits".to_owned();
        problems.push((METHOD, why));
    }
}

/// What the profile demands and the form says otherwise.
fn check_profile(client: &Client, problems: &mut Vec<Problem>) {
    if !client.has_key() {
        let why = "has no place for a secret: choose a private key or a TLS certificate above";
        problems.push((FAPI, why.to_owned()));
    }
    if client.sender_constraint == SenderConstraint::None && client.certificate.is_none() {
        let why = "must be bound to a key or a certificate under FAPI 2.0".to_owned();
        problems.push((BOUND, why));
    }
    if client.kind != Kind::System && client.id_token_signed_by == IdTokenAlgorithm::Rs256 {
        let why = "are signed by PS256 or ES256 under FAPI 2.0".to_owned();
        problems.push((ID_TOKEN, why));
    }
    if client.authentication == Authentication::PrivateKeyJwt && !has_fitting_key(client) {
        let why = "holds no key for PS256, ES256 or EdDSA, which FAPI 2.0 demands".to_owned();
        problems.push(("jwks", why));
    }
}

/// What is at a URL is seen when it is used.
fn has_fitting_key(client: &Client) -> bool {
    let Some(KeysAt::Here(set)) = &client.keys else {
        return true;
    };
    let set = JwkSet::parse(set.as_bytes()).unwrap_or_default();
    let fits = |by: &ward_seal::Algorithm| set.keys.iter().any(|key| key.permits(*by));
    fapi::ALGORITHMS.iter().any(fits)
}

#[cfg(test)]
#[path = "proof_tests.rs"]
mod tests;
