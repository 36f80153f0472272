//! Client certificates: asked for when an authority is named, never demanded, refused when of another.

use super::{cert_dev, file, server_with_files};
use reqwest::blocking::Client;
use std::path::Path;
use ward_testkit::Server;

#[test]
fn a_client_shows_a_certificate_of_our_authority_or_none() {
    let server = server_with_files(&[("tls.client_ca_file", "TLS/ca.pem")]);
    let metadata = |client: Client| client.get(format!("{}/metadata", server.base)).send();
    cert_dev(server.data(), &["--client", "lab"]);
    let own = file(&server, "client-lab");
    assert_eq!(metadata(client(&server, None)).unwrap().status(), 200);
    assert_eq!(metadata(client(&server, Some(&own))).unwrap().status(), 200);

    // Of an authority of the same kind, but not ours; and the server's own, which is for no client.
    let stranger = tempfile::tempdir().unwrap();
    cert_dev(stranger.path(), &["--client", "lab"]);
    let foreign = stranger.path().join("tls/client-lab");
    let refused = metadata(client(&server, Some(&foreign)));
    assert!(refused.is_err(), "{refused:?}");
    let refused = metadata(client(&server, Some(&file(&server, "server"))));
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!(metadata(client(&server, None)).unwrap().status(), 200);
}

#[test]
fn without_an_authority_nobody_is_asked() {
    let server = server_with_files(&[]);
    cert_dev(server.data(), &["--client", "lab"]);
    let client = client(&server, Some(&file(&server, "client-lab")));
    let answer = client.get(format!("{}/metadata", server.base)).send();
    assert_eq!(answer.unwrap().status(), 200);
}

/// `identity`: path of its `.pem` and `.key`, without the ending.
fn client(server: &Server, identity: Option<&Path>) -> Client {
    ward_testkit::install_provider();
    let authorities = reqwest::Certificate::from_pem_bundle(&server.authority()).unwrap();
    let mut builder = Client::builder().tls_certs_only(authorities).no_proxy();
    if let Some(path) = identity {
        builder = builder.identity(reqwest::Identity::from_pem(&self::identity(path)).unwrap());
    }
    builder.build().unwrap()
}

/// Certificate and private key (PEM); `path` of both, without the ending.
pub fn identity(path: &Path) -> Vec<u8> {
    let read = |ending| std::fs::read(path.with_extension(ending)).unwrap();
    [read("pem"), read("key")].concat()
}
