//! What the page sends: `PublicKeyCredential.toJSON()`. <https://www.w3.org/TR/webauthn-3/#dom-publickeycredential-tojson>

use super::{CREDENTIAL_ID_BYTES_MAX, WebauthnError};
use serde::Deserialize;

/// `RegistrationResponseJSON`, as far as it is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationResponse {
    pub credential_id: Vec<u8>,
    /// The JSON text that the browser made.
    pub client_data: Vec<u8>,
    pub attestation_object: Vec<u8>,
}

/// `AuthenticationResponseJSON`, as far as it is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssertionResponse {
    pub credential_id: Vec<u8>,
    /// The JSON text that the browser made.
    pub client_data: Vec<u8>,
    pub authenticator_data: Vec<u8>,
    pub signature: Vec<u8>,
    /// What was given as `user.id` at registration; authenticators that keep no account name leave it out.
    pub user_handle: Option<Vec<u8>>,
}

/// Longest response text.
pub const RESPONSE_BYTES_MAX: usize = 32 * 1024;

impl RegistrationResponse {
    pub fn parse(json: &str) -> Result<RegistrationResponse, WebauthnError> {
        let written: Written<Created> = read(json)?;
        Ok(RegistrationResponse {
            credential_id: written.credential_id()?,
            client_data: written.response.client_data,
            attestation_object: written.response.attestation_object,
        })
    }
}

impl AssertionResponse {
    pub fn parse(json: &str) -> Result<AssertionResponse, WebauthnError> {
        let written: Written<Got> = read(json)?;
        Ok(AssertionResponse {
            credential_id: written.credential_id()?,
            client_data: written.response.client_data,
            authenticator_data: written.response.authenticator_data,
            signature: written.response.signature,
            user_handle: written.response.user_handle.map(|handle| handle.0),
        })
    }
}

fn read<'a, Response: Deserialize<'a>>(json: &'a str) -> Result<Written<Response>, WebauthnError> {
    if json.len() > RESPONSE_BYTES_MAX {
        return Err(WebauthnError::Malformed);
    }
    serde_json::from_str(json).map_err(|_| WebauthnError::Malformed)
}

#[derive(Deserialize)]
struct Written<Response> {
    #[serde(with = "bytes")]
    id: Vec<u8>,
    #[serde(rename = "type")]
    kind: String,
    response: Response,
}

impl<Response> Written<Response> {
    fn credential_id(&self) -> Result<Vec<u8>, WebauthnError> {
        let bounded = (1..=CREDENTIAL_ID_BYTES_MAX).contains(&self.id.len());
        match bounded && self.kind == "public-key" {
            true => Ok(self.id.clone()),
            false => Err(WebauthnError::Malformed),
        }
    }
}

#[derive(Deserialize)]
struct Created {
    #[serde(rename = "clientDataJSON", with = "bytes")]
    client_data: Vec<u8>,
    #[serde(rename = "attestationObject", with = "bytes")]
    attestation_object: Vec<u8>,
}

#[derive(Deserialize)]
struct Got {
    #[serde(rename = "clientDataJSON", with = "bytes")]
    client_data: Vec<u8>,
    #[serde(rename = "authenticatorData", with = "bytes")]
    authenticator_data: Vec<u8>,
    #[serde(with = "bytes")]
    signature: Vec<u8>,
    #[serde(rename = "userHandle", default)]
    user_handle: Option<Handle>,
}

#[derive(Deserialize)]
struct Handle(#[serde(with = "bytes")] Vec<u8>);

/// Bytes as base64url text.
pub(super) mod bytes {
    use crate::encoding::{base64url, from_base64url};
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&base64url(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        from_base64url(&text).ok_or_else(|| D::Error::custom("not base64url"))
    }
}
