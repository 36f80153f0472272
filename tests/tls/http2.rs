//! HTTP/2 is what a client gets that offers it; HTTP/1.1 what every other gets.

use super::{address, client_config, dev_server};
use rustls::pki_types::ServerName;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;
use ward_testkit::Server;

type Stream = rustls::StreamOwned<rustls::ClientConnection, TcpStream>;

#[test]
fn the_protocol_is_negotiated() {
    let server = dev_server();
    for (offered, chosen) in [
        (&[&b"h2"[..], b"http/1.1"][..], Some(&b"h2"[..])),
        (&[b"http/1.1"], Some(b"http/1.1")),
        (&[], None),
    ] {
        let mut stream = connect(&server, offered);
        stream.flush().unwrap();
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).unwrap();
        }
        assert_eq!(stream.conn.alpn_protocol(), chosen);
    }
}

/// Frames by hand (RFC 9113): preface, SETTINGS, one request for `/health/live`.
#[test]
fn http_2_answers() {
    let server = dev_server();
    let mut stream = connect(&server, &[b"h2"]);
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).unwrap();
    // HPACK (RFC 7541): GET and https from the static table; path and authority as literals.
    let path = b"/health/live";
    let headers = [
        &[0x82, 0x87, 0x04, path.len() as u8][..],
        path,
        &[0x01, 9],
        b"localhost",
    ]
    .concat();
    let end = END_STREAM | END_HEADERS;
    stream.write_all(&frame(HEADERS, end, 1, &headers)).unwrap();
    let mut body = Vec::new();
    let mut status = None;
    loop {
        let (kind, flags, payload) = read_frame(&mut stream);
        match kind {
            HEADERS => status = Some(payload[0]),
            DATA => body.extend(payload),
            _ => continue,
        }
        if flags & END_STREAM != 0 {
            break;
        }
    }
    // 200 from the static table.
    assert_eq!((status, &body[..]), (Some(0x88), &b"live\n"[..]));
}

fn connect(server: &Server, alpn: &[&[u8]]) -> Stream {
    let name = ServerName::try_from("localhost").unwrap();
    let config = Arc::new(client_config(server, alpn));
    let session = rustls::ClientConnection::new(config, name).unwrap();
    let socket = TcpStream::connect(address(server)).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    rustls::StreamOwned::new(session, socket)
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn read_frame(stream: &mut Stream) -> (u8, u8, Vec<u8>) {
    let mut head = [0; 9];
    stream.read_exact(&mut head).unwrap();
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).unwrap();
    (head[3], head[4], payload)
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
