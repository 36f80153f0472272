//! What the provider publishes of itself, as this node has read it, and where it is asked.
//! <https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig>

use super::trouble::Trouble;
use crate::fetch::{Fetch, FetchError, Posted};
use crate::jwks::KeySets;
use crate::settings;
use crate::state::KeysAt;
use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm,
    CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalProviderMetadata, HttpRequest, HttpResponse, ProviderMetadata, http,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use ward_seal::jwk::{Algorithm, Jwk};

/// The provider that the installation names, and what this node knows of it.
pub(crate) struct Provider {
    pub settings: settings::Upstream,
    fetch: Arc<dyn Fetch>,
    keys: KeySets,
    document: tokio::sync::Mutex<Document>,
}

/// What of a provider's metadata is standard and openidconnect does not name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Extensions {
    /// RFC 9207 §3: each of its answers says whose it is.
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for Extensions {}

pub(crate) type Metadata = ProviderMetadata<
    Extensions,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// Bytes of a discovery document.
pub const DOCUMENT_BYTES_MAX: usize = 64 * 1024;
/// Bytes of an answer of the token endpoint: an id_token may carry a long list of groups.
pub const TOKEN_ANSWER_BYTES_MAX: usize = 128 * 1024;
/// How long a document is used when its header says nothing, and at most.
pub const DOCUMENT_AGE_S: i64 = 3600;
pub const DOCUMENT_AGE_S_MAX: i64 = 24 * 3600;
/// A provider that does not answer is asked again after so long: those who come meanwhile do not wait for it.
pub const RETRIED_AFTER_S: i64 = 5;

#[derive(Default)]
struct Document {
    metadata: Option<Arc<Metadata>>,
    fresh_until_s: i64,
    failed_s: Option<i64>,
}

impl Provider {
    pub(crate) fn new(settings: settings::Upstream, fetch: Arc<dyn Fetch>) -> Provider {
        Provider {
            keys: KeySets::new(fetch.clone()),
            settings,
            fetch,
            document: tokio::sync::Mutex::default(),
        }
    }

    /// Its discovery document. Requests wait for each other, so that a hundred make one fetch.
    pub(super) async fn metadata(&self, now_s: i64) -> Result<Arc<Metadata>, Trouble> {
        let mut document = self.document.lock().await;
        if let Some(known) = document.metadata.as_ref()
            && now_s < document.fresh_until_s
        {
            return Ok(known.clone());
        }
        let failed = |at_s: i64| (at_s..at_s.saturating_add(RETRIED_AFTER_S)).contains(&now_s);
        if document.failed_s.is_some_and(failed) {
            return Err(Trouble::Unreachable);
        }
        match self.discover().await {
            Ok((metadata, age_s)) => {
                let metadata = Arc::new(metadata);
                *document = Document {
                    metadata: Some(metadata.clone()),
                    fresh_until_s: now_s.saturating_add(age_s),
                    failed_s: None,
                };
                Ok(metadata)
            }
            Err(trouble) => {
                document.failed_s = Some(now_s);
                Err(trouble)
            }
        }
    }

    /// The document, and the seconds for which it may be used.
    async fn discover(&self) -> Result<(Metadata, i64), Trouble> {
        let issuer = self.settings.issuer.as_str();
        let below = issuer.trim_end_matches('/');
        let url = format!("{below}/.well-known/openid-configuration");
        let fetched = self.fetch.get(&url, DOCUMENT_BYTES_MAX).await;
        let fetched = fetched.map_err(|reason| {
            tracing::warn!(url, %reason, "the upstream provider's document cannot be fetched");
            Trouble::Unreachable
        })?;
        if fetched.status != 200 {
            let status = fetched.status;
            tracing::warn!(
                url,
                status,
                "the upstream provider's document cannot be fetched"
            );
            return Err(Trouble::Unreachable);
        }
        let metadata: Metadata = serde_json::from_slice(&fetched.body).map_err(|_| {
            tracing::error!(
                url,
                "the upstream provider's document is none of OpenID Connect"
            );
            Trouble::Unreachable
        })?;
        // §4.3: else another provider could speak for this one.
        if metadata.issuer().as_str() != issuer {
            tracing::error!(
                url,
                "the document names another issuer than upstream.issuer"
            );
            return Err(Trouble::Unreachable);
        }
        let said = fetched.max_age_s().map(i64::try_from);
        let age_s = said.map_or(DOCUMENT_AGE_S, |age| age.unwrap_or(DOCUMENT_AGE_S_MAX));
        Ok((metadata, age_s.clamp(1, DOCUMENT_AGE_S_MAX)))
    }

    /// The key that an id_token names. `None`: there is none, or it is too weak.
    pub(super) async fn key(
        &self,
        metadata: &Metadata,
        kid: Option<&str>,
        algorithm: Algorithm,
        now_s: i64,
    ) -> Option<Jwk> {
        let set = KeysAt::Url(metadata.jwks_uri().as_str().to_owned());
        self.keys.find(&set, kid, algorithm, now_s).await
    }

    /// Carries a request of openidconnect to the provider, by the guarded client.
    pub(super) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, FetchError> {
        let url = request.uri().to_string();
        let headers = request.headers().iter().filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        });
        let posted = Posted {
            url: &url,
            headers: &headers.collect::<Vec<_>>(),
            body: request.body(),
        };
        let fetched = self.fetch.post(posted, TOKEN_ANSWER_BYTES_MAX).await?;
        let mut response = http::Response::builder().status(fetched.status);
        if let Some(content_type) = fetched.header("content-type") {
            response = response.header(http::header::CONTENT_TYPE, content_type);
        }
        let response = response.body(fetched.body);
        response.map_err(|_| FetchError::Unreachable)
    }
}
