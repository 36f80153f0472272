//! TLS in process: what is negotiated, renewed, asked of clients, and refused (C8, AT8).

mod bound_tokens;
mod client_certificates;
mod dev_certificates;
mod handshake;
mod http2;
mod listening;
mod renewal;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use ward_testkit::{Backend, Home, Server, Start, ward_binary};

/// A server with a certificate of its own development authority.
fn dev_server() -> Server {
    Server::start(Start::empty(Backend::Sqlite).with("tls.development", "true"))
}

/// A server that is given its certificate as files: as in production. `more` are further options.
fn server_with_files(more: &[(&str, &str)]) -> Server {
    let home = Home {
        folder: tempfile::tempdir().unwrap(),
        database: None,
    };
    cert_dev(home.folder.path(), &[]);
    let files = home.folder.path().join("tls");
    let path = |name: &str| files.join(name).display().to_string();
    let mut start = Start::empty(Backend::Sqlite)
        .with("tls.certificate_file", &path("server.pem"))
        .with("tls.key_file", &path("server.key"));
    for (option, value) in more {
        start = start.with(
            option,
            &value.replace("TLS/", &format!("{}/", files.display())),
        );
    }
    Server::start_in(start, home)
}

/// `ward cert dev` in this data folder.
pub fn cert_dev(data: &Path, more: &[&str]) -> Output {
    let output = cert_dev_output(data, more);
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{problem}");
    output
}

fn cert_dev_output(data: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(ward_binary());
    command.args(["cert", "dev", "--data"]).arg(data).args(more);
    command.output().unwrap()
}

/// `127.0.0.1:port` of a server.
fn address(server: &Server) -> String {
    let rest = server.base.strip_prefix("https://").unwrap();
    rest.split('/').next().unwrap().to_owned()
}

fn file(server: &Server, name: &str) -> PathBuf {
    server.data().join("tls").join(name)
}

/// A TLS client that trusts the server's authority.
fn client_config(server: &Server, alpn: &[&[u8]]) -> rustls::ClientConfig {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    ward_testkit::install_provider();
    let mut roots = rustls::RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(&server.authority()) {
        roots.add(authority.unwrap()).unwrap();
    }
    let mut config = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    config
}
