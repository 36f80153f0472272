//! Certificates for development: an authority of one's own in the data folder, and what it signs.
//!
//! The authority is made once, so that clients need to trust it once; certificates are made anew whenever they are asked for.

use crate::data_folder;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Days for which the authority and what it signs are valid.
pub const AUTHORITY_DAYS: u64 = 3650;
pub const CERTIFICATE_DAYS: u64 = 365;

/// Names under which every development server is reached.
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Where the files of a data folder lie.
pub struct DevFiles {
    folder: PathBuf,
}

impl DevFiles {
    pub fn of(data: &Path) -> DevFiles {
        DevFiles {
            folder: data.join("tls"),
        }
    }

    /// The authority's certificate, for clients to trust.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.join("server.pem")
    }

    pub fn key(&self) -> PathBuf {
        self.folder.join("server.key")
    }

    pub fn client_certificate(&self, name: &str) -> PathBuf {
        self.folder.join(format!("client-{name}.pem"))
    }

    pub fn client_key(&self, name: &str) -> PathBuf {
        self.folder.join(format!("client-{name}.key"))
    }

    fn authority_key(&self) -> PathBuf {
        self.folder.join("ca.key")
    }

    /// A certificate for this server under its local names and `more` (host names and addresses); returns all names.
    pub fn issue_server(&self, more: &[String]) -> Result<Vec<String>, String> {
        let mut names: Vec<String> = LOCAL_NAMES.map(str::to_owned).into();
        for name in more {
            if !is_host(name) {
                return Err(format!("'{name}' is neither a host name nor an address"));
            }
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        let mut params = CertificateParams::new(names.clone()).map_err(failed)?;
        name(&mut params, &names[0]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(params, &self.certificate(), &self.key())?;
        Ok(names)
    }

    /// A certificate by which a client shows who it is.
    pub fn issue_client(&self, client: &str) -> Result<(), String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if client.is_empty() || client.len() > 64 || !client.chars().all(plain) {
            return Err(format!(
                "'{client}' is no name for a client: letters, digits, - and _, at most 64"
            ));
        }
        let mut params = CertificateParams::default();
        name(&mut params, client);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let (certificate, key) = (self.client_certificate(client), self.client_key(client));
        self.issue(params, &certificate, &key)
    }

    /// The key is put in place before the certificate. A server that rereads them meanwhile finds a pair that does not fit
    /// and keeps its own.
    fn issue(
        &self,
        mut params: CertificateParams,
        certificate: &Path,
        key: &Path,
    ) -> Result<(), String> {
        let authority = self.authority_pair()?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        valid_for(&mut params, CERTIFICATE_DAYS);
        let pair = KeyPair::generate().map_err(failed)?;
        let signed = params.signed_by(&pair, &authority).map_err(failed)?;
        write(key, &pair.serialize_pem())?;
        write(certificate, &signed.pem())
    }

    /// The authority, made when it is not there yet.
    fn authority_pair(&self) -> Result<Issuer<'static, KeyPair>, String> {
        data_folder::create(&self.folder)?;
        let path = self.authority_key();
        let pair = match std::fs::read_to_string(&path) {
            Ok(text) => KeyPair::from_pem(&text)
                .map_err(|e| format!("{}: {e}; remove it to start anew", path.display()))?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let pair = KeyPair::generate().map_err(failed)?;
                let authority = authority_params(&pair);
                let certificate = authority.self_signed(&pair).map_err(failed)?;
                write(&self.authority(), &certificate.pem())?;
                write(&path, &pair.serialize_pem())?;
                pair
            }
            Err(e) => return Err(format!("cannot read {}: {e}", path.display())),
        };
        Ok(Issuer::new(authority_params(&pair), pair))
    }
}

/// The same for the same key, but for the dates. Its name tells several authorities in one trust store apart.
fn authority_params(pair: &KeyPair) -> CertificateParams {
    let digest = ward_seal::hash::sha256(pair.public_key_raw());
    let id: String = digest[..4].iter().map(|b| format!("{b:02x}")).collect();
    let mut params = CertificateParams::default();
    name(&mut params, &format!("Ward development authority {id}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    valid_for(&mut params, AUTHORITY_DAYS);
    params
}

fn name(params: &mut CertificateParams, text: &str) {
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, text);
}

/// From an hour ago, because clocks differ.
fn valid_for(params: &mut CertificateParams, days: u64) {
    let now = SystemTime::now();
    params.not_before = (now - Duration::from_secs(3600)).into();
    params.not_after = (now + Duration::from_secs(days * 24 * 3600)).into();
}

/// RFC 1123 §2.1, or an address.
fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.parse::<std::net::IpAddr>().is_ok() || (text.len() <= 253 && text.split('.').all(label))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    data_folder::replace_private(path, text.as_bytes())
        .map_err(|e| format!("cannot write {}: {e}", path.display()))
}

fn failed(error: rcgen::Error) -> String {
    format!("the certificate cannot be made: {error}")
}
