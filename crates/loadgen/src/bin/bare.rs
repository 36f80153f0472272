//! The floor for reads: actix-web with nothing behind it, answering 2 KB to every request.
//! `bare [HOST:PORT] [WORKERS]`; without workers as many as the machine has cores.

use std::io;

use actix_web::{App, HttpResponse, HttpServer, web};

/// What every answer holds. Bytes.
const BODY_BYTES: usize = 2048;
const LISTEN: &str = "127.0.0.1:8089";

static BODY: [u8; BODY_BYTES] = [b'x'; BODY_BYTES];

#[actix_web::main]
async fn main() -> io::Result<()> {
    let mut words = std::env::args().skip(1);
    let listen = words.next().unwrap_or_else(|| LISTEN.to_owned());
    let workers = words
        .next()
        .map(|w| w.parse().map_err(io::Error::other))
        .transpose()?;
    let mut server =
        HttpServer::new(|| App::new().default_service(web::to(answer))).bind(&listen)?;
    if let Some(workers) = workers {
        server = server.workers(workers);
    }
    eprintln!("bare: {BODY_BYTES} bytes at http://{listen}");
    server.run().await
}

async fn answer() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/fhir+json")
        .body(web::Bytes::from_static(&BODY))
}
