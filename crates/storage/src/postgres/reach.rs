//! Reaching the database, and saying why not. <https://www.postgresql.org/docs/current/errcodes-appendix.html>

use std::error::Error as _;
use std::str::FromStr as _;
use tokio_postgres::config::Host;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{Client, Config, Connection, Error, NoTls, Socket};

/// The text of an error names host, database and cause, never the password.
pub async fn reach(url: &str) -> Result<(Client, Connection<Socket, NoTlsStream>), String> {
    // The parser's own words may quote a part of a password that is not percent-encoded.
    let config = Config::from_str(url).map_err(|_| MALFORMED.to_owned())?;
    config.connect(NoTls).await.map_err(|error| {
        let place = place(&config);
        let cause = cause(&error);
        format!("{place}: {cause}")
    })
}

const MALFORMED: &str = "the URL cannot be understood; it is written postgres://user:password@host:port/database, \
    with what is special in a URL percent-encoded in the password";

/// `db.example:5432/ward`.
fn place(config: &Config) -> String {
    let port = |at: usize| match config.get_ports() {
        [] => 5432,
        [one] => *one,
        ports => ports.get(at).copied().unwrap_or(5432),
    };
    let host = |(at, host): (usize, &Host)| match host {
        Host::Tcp(name) => format!("{name}:{}", port(at)),
        #[cfg(unix)]
        Host::Unix(folder) => format!("{}:{}", folder.display(), port(at)),
    };
    let hosts: Vec<String> = config.get_hosts().iter().enumerate().map(host).collect();
    let database = config.get_dbname().or(config.get_user());
    format!("{}/{}", hosts.join(","), database.unwrap_or_default())
}

fn cause(error: &Error) -> String {
    let Some(said) = error.as_db_error() else {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            text = format!("{text}: {inner}");
            source = inner.source();
        }
        return text;
    };
    let kind = match said.code() {
        &SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            "authentication failed"
        }
        &SqlState::INVALID_CATALOG_NAME => "unknown database",
        &SqlState::TOO_MANY_CONNECTIONS => "no connection is free",
        &SqlState::CANNOT_CONNECT_NOW => "the database is starting or stopping",
        _ => "refused",
    };
    format!("{kind}: {} ({})", said.message(), said.code().code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refusal_names_the_place_and_not_the_password() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
        let port = free.map_or(1, |a| a.port());
        let refused = reach(&format!("postgres://ward:hidden@127.0.0.1:{port}/ward")).await;
        let text = refused.err().unwrap_or_default();
        assert!(text.contains(&format!("127.0.0.1:{port}/ward")), "{text}");
        assert!(text.contains("refused"), "{text}");
        for malformed in [
            "postgres://ward:a?hidden=1@h/d",
            "postgres://ward@h:hidden/d",
        ] {
            let text = reach(malformed).await.err().unwrap_or_default();
            assert!(!text.is_empty() && !text.contains("hidden"), "{text}");
        }
    }
}
