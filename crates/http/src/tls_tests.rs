use super::*;
use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

type Pair = (CertificateDer<'static>, PrivateKeyDer<'static>);

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    fn new() -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().into();
        Authority {
            issuer: Issuer::new(params, key),
            certificate,
        }
    }

    fn issue(&self) -> Pair {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        (certificate.into(), key)
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        Arc::new(roots)
    }
}

/// A server that answers with the certificate it has seen. `h2` and HTTP/1.1.
fn serve(authority: &Authority) -> (SocketAddr, ServerHandle) {
    let (certificate, key) = authority.issue();
    let verifier = WebPkiClientVerifier::builder(authority.roots())
        .allow_unauthenticated()
        .build()
        .unwrap();
    let config = ServerConfig::builder()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = HttpServer::new(|| App::new().default_service(web::to(seen)))
        .workers(1)
        .on_connect(remember_certificate)
        .disable_signals()
        .listen_rustls_0_23(listener, config)
        .unwrap()
        .run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    (address, handle)
}

async fn seen(request: HttpRequest) -> String {
    format!("{:?}", client_certificate(&request))
}

/// Bodies of two requests on one connection.
fn ask(address: SocketAddr, authority: &Authority, identity: Option<&Pair>) -> Vec<String> {
    let builder = ClientConfig::builder().with_root_certificates(authority.roots());
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => builder
            .with_client_auth_cert(vec![certificate.clone()], key.clone_key())
            .unwrap(),
    };
    let name = ServerName::try_from("localhost").unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = std::net::TcpStream::connect(address).unwrap();
    let mut stream = StreamOwned::new(session, socket);
    let once = |stream: &mut StreamOwned<_, _>, last: &str| {
        let claim = "X-SSL-Client-Cert: MIIB\r\nClient-Cert: :MIIB:\r\n";
        let head =
            format!("GET / HTTP/1.1\r\nHost: localhost\r\n{claim}Connection: {last}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        read_body(stream)
    };
    vec![once(&mut stream, "keep-alive"), once(&mut stream, "close")]
}

fn read_body(stream: &mut impl Read) -> String {
    let mut text = String::new();
    let mut byte = [0];
    while !text.ends_with("\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        text.push(char::from(byte[0]));
    }
    let length = text.lines().find_map(|line| {
        line.to_lowercase()
            .strip_prefix("content-length: ")?
            .parse()
            .ok()
    });
    let mut body = vec![0; length.unwrap()];
    stream.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

#[test]
fn handlers_see_the_certificate_that_was_verified_and_no_other() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    crate::block_on(async {
        let authority = Authority::new();
        let (address, handle) = serve(&authority);
        let (one, two) = (authority.issue(), authority.issue());
        let asked = actix_web::web::block(move || {
            [None, Some(&one), Some(&two)].map(|identity| {
                let print = identity.map(|(certificate, _)| ward_seal::hash::sha256(certificate));
                (ask(address, &authority, identity), format!("{print:?}"))
            })
        });
        for (seen, shown) in asked.await.unwrap() {
            assert_eq!(seen, [shown.clone(), shown]);
        }
        handle.stop(false).await;
    });
}
