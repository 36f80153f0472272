//! What the server says of itself. <https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html>,
//! <https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata> (S1 to S16, S85)
//!
//! Both documents and the CapabilityStatement's security element are made from the same table, so none can name what another
//! does not.

use crate::answer::{Answer, Cache, OAuthError};
use crate::brands;
use crate::dpop::PROOF_ALGORITHMS;
use crate::endpoints::Endpoint;
use crate::fapi;
use crate::people::session::Assurance;
use crate::server::AuthorizationServer;
use crate::settings::{Settings, Style};
use crate::state::{Authentication, IdTokenAlgorithm, KeyAlgorithm};
use crate::token::GRANT_TYPES;
use serde_json::{Map, Value, json};
use ward_seal::jwk::Algorithm;

/// What this server can do, in the words of SMART: `docs/smart.md` names the tests of each (S10).
const CAPABILITIES: [&str; 18] = [
    "launch-ehr",
    "launch-standalone",
    "authorize-post",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-banner",
    "context-style",
    "context-ehr-patient",
    "context-ehr-encounter",
    "context-standalone-patient",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
];

/// Scopes by example: every one of them can be granted (S9).
const SCOPES: [&str; 14] = [
    "openid",
    "fhirUser",
    "launch",
    "launch/patient",
    "offline_access",
    "online_access",
    "patient/*.cruds",
    "patient/*.rs",
    "patient/*.read",
    "user/*.cruds",
    "user/*.rs",
    "user/*.read",
    "system/*.cruds",
    "system/*.rs",
];

/// Endpoints with the names that the documents give them. The first list is in both, the second in SMART's alone.
const ENDPOINTS: [(&str, Endpoint); 6] = [
    ("authorization_endpoint", Endpoint::Authorize),
    ("token_endpoint", Endpoint::Token),
    ("jwks_uri", Endpoint::Jwks),
    ("introspection_endpoint", Endpoint::Introspect),
    ("revocation_endpoint", Endpoint::Revoke),
    (
        "pushed_authorization_request_endpoint",
        Endpoint::PushedAuthorizationRequest,
    ),
];

/// Seconds that discovery may be kept (S16).
pub const DISCOVERY_AGE_S: u32 = 3600;
/// Keys change rarely, and are published two days ahead.
const KEYS_AGE_S: u32 = 3600;
/// The address of the style changes with its content (S85).
const STYLE_AGE_S: u32 = 24 * 3600;

pub(crate) async fn answer(
    server: &AuthorizationServer,
    endpoint: Endpoint,
    now_s: i64,
) -> Result<Answer, OAuthError> {
    let (body, max_age_s) = match endpoint {
        Endpoint::SmartConfiguration => (smart_configuration(server), DISCOVERY_AGE_S),
        Endpoint::OpenIdConfiguration => (openid_configuration(server), DISCOVERY_AGE_S),
        Endpoint::Style => (style(&server.settings().style), STYLE_AGE_S),
        Endpoint::Brands => {
            let since_s = server.brands_since_s();
            (brands::bundle(server.settings(), since_s), DISCOVERY_AGE_S)
        }
        _ => return keys(server, now_s).await,
    };
    Ok(public(body.to_string(), max_age_s))
}

/// Value of `smart_style_url`: another one when the style is another.
pub(crate) fn style_url(server: &AuthorizationServer) -> String {
    let style = style(&server.settings().style).to_string();
    let digest = ward_seal::hash::sha256(style.as_bytes());
    let version: String = digest[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{}?v={version}", server.url(Endpoint::Style))
}

/// The `oauth-uris` extension and what goes with it, for the CapabilityStatement (S13).
pub fn security_element(settings: &Settings) -> Value {
    let named = [
        ("authorize", Endpoint::Authorize),
        ("token", Endpoint::Token),
        ("introspect", Endpoint::Introspect),
        ("revoke", Endpoint::Revoke),
        ("manage", Endpoint::Apps),
        ("register", Endpoint::Register),
    ];
    let uris: Vec<Value> = named
        .iter()
        .map(|(name, endpoint)| {
            json!({ "url": name, "valueUri": format!("{}{}", settings.issuer, endpoint.path()) })
        })
        .collect();
    json!({
        "extension": [{
            "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
            "extension": uris
        }],
        "cors": true,
        "service": [{ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
            "code": "SMART-on-FHIR"
        }] }],
        "description": "OAuth 2.0 with SMART App Launch 2.2; see .well-known/smart-configuration."
    })
}

fn smart_configuration(server: &AuthorizationServer) -> Value {
    let mut document = shared(server);
    let mut put = |name: &str, value: Value| document.insert(name.to_owned(), value);
    put("management_endpoint", server.url(Endpoint::Apps).into());
    put("capabilities", json!(CAPABILITIES));
    put(
        "associated_endpoints",
        json!([{ "url": server.app_state_base(), "capabilities": ["smart-app-state"] }]),
    );
    put(
        "user_access_brand_bundle",
        server.url(Endpoint::Brands).into(),
    );
    put(
        "user_access_brand_identifier",
        brands::identifier(server.settings()),
    );
    Value::Object(document)
}

fn openid_configuration(server: &AuthorizationServer) -> Value {
    let mut document = shared(server);
    let mut put = |name: &str, value: Value| document.insert(name.to_owned(), value);
    put("subject_types_supported", json!(["public"]));
    put(
        "id_token_signing_alg_values_supported",
        json!(IdTokenAlgorithm::ALL.map(IdTokenAlgorithm::name)),
    );
    put("response_modes_supported", json!(["query"]));
    put(
        "prompt_values_supported",
        json!(["none", "login", "consent", "select_account"]),
    );
    put(
        "claims_supported",
        json!([
            "iss",
            "sub",
            "aud",
            "exp",
            "iat",
            "auth_time",
            "acr",
            "amr",
            "nonce",
            "at_hash",
            "fhirUser"
        ]),
    );
    put("request_parameter_supported", false.into());
    put("request_uri_parameter_supported", false.into());
    put("claims_parameter_supported", false.into());
    Value::Object(document)
}

/// What both documents say.
fn shared(server: &AuthorizationServer) -> Map<String, Value> {
    let settings = server.settings();
    let assurances = [
        Assurance::Password,
        Assurance::Multiple,
        Assurance::PhishingResistant,
    ];
    let mut document = Map::new();
    let mut put = |name: &str, value: Value| document.insert(name.to_owned(), value);
    put("issuer", settings.issuer.clone().into());
    for (name, endpoint) in ENDPOINTS {
        put(name, server.url(endpoint).into());
    }
    put(
        "registration_endpoint",
        server.url(Endpoint::Register).into(),
    );
    put("grant_types_supported", json!(GRANT_TYPES));
    put("response_types_supported", json!(["code"]));
    put("code_challenge_methods_supported", json!(["S256"]));
    put("scopes_supported", json!(SCOPES));
    put(
        "acr_values_supported",
        json!(assurances.map(Assurance::word)),
    );
    put(
        "token_endpoint_auth_methods_supported",
        json!(methods(settings)),
    );
    put(
        "token_endpoint_auth_signing_alg_values_supported",
        json!(names(&assertion_algorithms(settings))),
    );
    put(
        "dpop_signing_alg_values_supported",
        json!(names(&PROOF_ALGORITHMS)),
    );
    put(
        "tls_client_certificate_bound_access_tokens",
        settings.asks_for_certificates.into(),
    );
    put("service_documentation", documentation(settings).into());
    put(
        "authorization_response_iss_parameter_supported",
        true.into(),
    );
    document
}

/// How clients may prove themselves: by certificates only where the server asks for any.
fn methods(settings: &Settings) -> Vec<&'static str> {
    let by_certificate = Authentication::TlsClientAuth.method();
    [
        Authentication::ClientSecretBasic.method(),
        "client_secret_post",
        Authentication::PrivateKeyJwt.method(),
        by_certificate,
        Authentication::None.method(),
    ]
    .into_iter()
    .filter(|method| *method != by_certificate || settings.asks_for_certificates)
    .collect()
}

/// Those of every client, and those of FAPI 2.0 clients.
fn assertion_algorithms(settings: &Settings) -> Vec<Algorithm> {
    let mut all = settings.assertion_algorithms.clone();
    all.extend(
        fapi::ALGORITHMS
            .iter()
            .filter(|of| !settings.assertion_algorithms.contains(of)),
    );
    all
}

/// What can be asked of the FHIR base, for developers: everybody reads it without a token (S118).
fn documentation(settings: &Settings) -> String {
    format!("{}/openapi.json", settings.base)
}

fn names(algorithms: &[Algorithm]) -> Vec<&'static str> {
    algorithms
        .iter()
        .map(|algorithm| algorithm.name())
        .collect()
}

async fn keys(server: &AuthorizationServer, now_s: i64) -> Result<Answer, OAuthError> {
    let keys = server.tokens().keys();
    keys.ensure(server.store(), KeyAlgorithm::Rs256, now_s)
        .await?;
    Ok(public(keys.jwks(), KEYS_AGE_S))
}

fn style(style: &Style) -> Value {
    json!({
        "color_background": style.color_background,
        "color_error": style.color_error,
        "color_highlight": style.color_highlight,
        "color_modal_backdrop": style.color_modal_backdrop,
        "color_success": style.color_success,
        "color_text": style.color_text,
        "dim_border_radius": style.dim_border_radius,
        "dim_font_size": style.dim_font_size,
        "dim_spacing_size": style.dim_spacing_size,
        "font_family_body": style.font_family_body,
        "font_family_heading": style.font_family_heading,
    })
}

fn public(body: String, max_age_s: u32) -> Answer {
    Answer::Json {
        status: 200,
        body,
        headers: Vec::new(),
        cache: Cache::Public { max_age_s },
    }
}
