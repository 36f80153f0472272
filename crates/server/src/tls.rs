//! TLS of the listeners, and of connections to collectors: 1.3, and 1.2 with ECDHE and AEAD only. <https://www.rfc-editor.org/rfc/rfc9325>
//!
//! Certificate and key are read again when their files change, so that a renewal needs no restart. A pair that cannot be used
//! leaves the old one in its place.

use crate::config::Tls;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{
    ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

/// How often the files are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Longest file of certificates or a key that is read.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Makes `ring` the cryptography of every TLS connection of this process: rustls itself chooses none. To be called before any
/// client or server is made.
pub fn install_provider() {
    // An error says only that there is one already.
    let _ = ring::default_provider().install_default();
}

/// The listener's configuration, and who keeps its certificate fresh.
pub struct Prepared {
    pub config: ServerConfig,
    pub renewal: Renewal,
}

/// Reads what the options name. Errors say which option to mend.
pub fn prepare(tls: &Tls) -> Result<Prepared, String> {
    let clients = match tls.client_ca_file.as_str() {
        "" => Clients::Any,
        file => Clients::Asked("tls.client_ca_file", file),
    };
    prepare_for(tls, clients)
}

/// The same certificate for a listener that takes nobody without a certificate of these authorities (PEM). `option` names their file.
pub fn prepare_mutual(tls: &Tls, option: &str, authorities: &str) -> Result<Prepared, String> {
    prepare_for(tls, Clients::Demanded(option, authorities))
}

/// Whose certificates are looked at: by the option that names a file of authorities, and the file.
enum Clients<'a> {
    Any,
    Asked(&'a str, &'a str),
    Demanded(&'a str, &'a str),
}

fn prepare_for(tls: &Tls, clients: Clients<'_>) -> Result<Prepared, String> {
    let provider = Arc::new(ring::default_provider());
    let files = Files {
        certificate: PathBuf::from(&tls.certificate_file),
        key: PathBuf::from(&tls.key_file),
    };
    let (renewal, current) = Renewal::begin(files, provider.clone())?;
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|e| format!("tls: {e}"))?;
    let (option, file, demanded) = match clients {
        Clients::Any => {
            let config = builder.with_no_client_auth().with_cert_resolver(current);
            return Ok(Prepared { config, renewal });
        }
        Clients::Asked(option, file) => (option, file, false),
        Clients::Demanded(option, file) => (option, file, true),
    };
    let roots = authorities(option, Path::new(file))?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let verifier = match demanded {
        true => verifier.build(),
        false => verifier.allow_unauthenticated().build(),
    };
    let verifier = verifier.map_err(|e| format!("{option}: {e}"))?;
    let mut config = builder
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(current);
    // A resumed session is not verified again: a client certificate that has expired since would still count.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Prepared { config, renewal })
}

/// For connections to others: who they must be certified by, and what this server shows them. Errors name the option.
pub fn client(
    (option, file): (&str, &str),
    own: Option<[(&str, &str); 2]>,
) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|e| format!("tls: {e}"))?
        .with_root_certificates(authorities(option, Path::new(file))?);
    let Some([certificate, key]) = own else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates(certificate.0, Path::new(certificate.1))?;
    let text = read_bounded(key.0, Path::new(key.1))?;
    let private = PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| format!("{} {}: no private key in PEM", key.0, key.1))?;
    builder
        .with_client_auth_cert(chain, private)
        .map_err(|e| format!("{} and {}: {e}", certificate.0, key.0))
}

/// Fails where a start would not get its certificate. In development it is made at the start.
pub fn check(tls: &Tls) -> Result<(), String> {
    match tls.is_on() && !tls.development {
        true => prepare(tls).map(|_| ()),
        false => Ok(()),
    }
}

/// Looks at the files of the certificate and its key.
pub struct Renewal {
    files: Files,
    provider: Arc<CryptoProvider>,
    current: Arc<Current>,
    seen: Stamps,
}

impl Renewal {
    fn begin(
        files: Files,
        provider: Arc<CryptoProvider>,
    ) -> Result<(Renewal, Arc<Current>), String> {
        // Looked at before reading: what changes meanwhile is seen as a change.
        let seen = files.stamps();
        let pair = files.read(&provider)?;
        let current = Arc::new(Current(RwLock::new(Arc::new(pair))));
        let renewal = Renewal {
            files,
            provider,
            current: current.clone(),
            seen,
        };
        Ok((renewal, current))
    }

    /// Runs until it is aborted.
    pub async fn run(mut self) {
        loop {
            self.look();
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// Takes a new pair if there is one that fits together. Of two files one comes first: until the other is there the pair
    /// does not fit, and the old one stays.
    fn look(&mut self) {
        let stamps = self.files.stamps();
        if stamps == self.seen {
            return;
        }
        self.seen = stamps;
        match self.files.read(&self.provider) {
            Ok(pair) => {
                *self
                    .current
                    .0
                    .write()
                    .unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
                tracing::info!("the certificate of the listener was renewed");
            }
            Err(problem) => tracing::warn!(
                problem,
                "the certificate of the listener stays: the new one cannot be used"
            ),
        }
    }
}

/// The pair that handshakes use.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(
            self.0
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        )
    }
}

struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// What tells one content of a file from the next: when it was changed, its length, its inode. `None`: it is not there.
type Stamp = Option<(SystemTime, u64, u64)>;
type Stamps = [Stamp; 2];

impl Files {
    fn stamps(&self) -> Stamps {
        [&self.certificate, &self.key].map(|path| {
            let known = std::fs::metadata(path).ok()?;
            Some((known.modified().ok()?, known.len(), known.ino()))
        })
    }

    fn read(&self, provider: &CryptoProvider) -> Result<CertifiedKey, String> {
        let chain = certificates("tls.certificate_file", &self.certificate)?;
        let text = read_bounded("tls.key_file", &self.key)?;
        let key = PrivateKeyDer::from_pem_slice(&text)
            .map_err(|_| format!("tls.key_file {}: no private key in PEM", self.key.display()))?;
        CertifiedKey::from_der(chain, key, provider).map_err(|e| {
            format!(
                "tls.key_file {} and tls.certificate_file {} do not go together: {e}",
                self.key.display(),
                self.certificate.display()
            )
        })
    }
}

fn authorities(option: &str, path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(option, path)? {
        roots
            .add(certificate)
            .map_err(|e| format!("{option} {}: {e}", path.display()))?;
    }
    Ok(roots)
}

/// At least one certificate in PEM.
fn certificates(option: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read_bounded(option, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(format!(
            "{option} {}: no certificates in PEM",
            path.display()
        )),
    }
}

fn read_bounded(option: &str, path: &Path) -> Result<Vec<u8>, String> {
    use std::io::Read;
    let named = |e: std::io::Error| format!("{option} {}: {e}", path.display());
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(named)?;
    file.take(FILE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(named)?;
    Ok(bytes)
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
