//! What the listeners may be: beyond loopback with TLS only (C8).

use super::{Server, Tls};
use std::net::SocketAddr;

/// Messages name the option and what to do.
pub fn check(server: &Server, tls: &Tls) -> Result<(), String> {
    check_tls(tls)?;
    if !tls.is_on() && !server.listen.ip().is_loopback() {
        return Err(format!(
            "server.listen {} is beyond loopback and TLS is off: records and tokens would travel in clear. \
             Set tls.certificate_file and tls.key_file (for a trial: --tls dev), \
             or listen on 127.0.0.1 behind a TLS proxy on this machine",
            server.listen
        ));
    }
    check_base_url(server, tls)?;
    if server.metrics_listen != "off" {
        let address = server.metrics_listen.parse::<SocketAddr>();
        let address =
            address.map_err(|_| "server.metrics_listen must be address:port or \"off\"")?;
        if !address.ip().is_loopback() {
            return Err("server.metrics_listen must be a loopback address".into());
        }
    }
    Ok(())
}

fn check_tls(tls: &Tls) -> Result<(), String> {
    let named = |file: &str| !file.is_empty();
    if named(&tls.certificate_file) != named(&tls.key_file) {
        return Err("tls.certificate_file and tls.key_file belong together: set both".into());
    }
    if tls.development && named(&tls.certificate_file) {
        return Err(
            "tls.development makes a certificate of its own: leave it off, or tls.certificate_file empty".into(),
        );
    }
    if named(&tls.client_ca_file) && !tls.is_on() {
        return Err(
            "tls.client_ca_file is for TLS: set tls.certificate_file and tls.key_file".into(),
        );
    }
    Ok(())
}

fn check_base_url(server: &Server, tls: &Tls) -> Result<(), String> {
    let base = &server.base_url;
    if base.is_empty() {
        return match server.listen.ip().is_unspecified() {
            false => Ok(()),
            true => Err(format!(
                "server.listen {} stands for every address: server.base_url must say how clients reach this server, \
                 e.g. https://ward.example.org:{}/fhir",
                server.listen,
                server.listen.port()
            )),
        };
    }
    match (
        tls.is_on(),
        base.starts_with("https://"),
        base.starts_with("http://"),
    ) {
        (true, false, _) => Err("server.base_url must begin with https:// when TLS is on".into()),
        (false, false, false) => Err("server.base_url must begin with https:// or http://".into()),
        _ => Ok(()),
    }
}

impl Tls {
    pub fn is_on(&self) -> bool {
        self.development || !self.certificate_file.is_empty()
    }
}

#[cfg(test)]
mod tests {
    fn problem(options: &[(&'static str, &str)]) -> String {
        let flags = options
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let loaded = crate::config::load(None, &flags.collect());
        loaded.err().unwrap_or_default()
    }

    #[test]
    fn without_tls_only_loopback_is_served() {
        let listen = "server.listen";
        assert_eq!(problem(&[(listen, "127.0.0.1:80")]), "");
        assert_eq!(problem(&[(listen, "[::1]:80")]), "");
        for public in [
            "0.0.0.0:80",
            "[::]:80",
            "10.0.0.1:80",
            "203.0.113.1:443",
            "[2001:db8::1]:443",
        ] {
            let problem = problem(&[(listen, public)]);
            assert!(
                problem.contains("beyond loopback and TLS is off"),
                "{problem}"
            );
            assert!(problem.contains("tls.certificate_file"), "{problem}");
        }
        let on = ("tls.development", "true");
        assert_eq!(problem(&[(listen, "10.0.0.1:443"), on]), "");
        let unspecified = problem(&[(listen, "0.0.0.0:443"), on]);
        assert!(
            unspecified.contains("server.base_url must say"),
            "{unspecified}"
        );
        let base = ("server.base_url", "https://ward.example.org/fhir");
        assert_eq!(problem(&[(listen, "0.0.0.0:443"), on, base]), "");
    }

    #[test]
    fn options_that_do_not_go_together_are_named() {
        for (options, part) in [
            (&[("tls.certificate_file", "a")][..], "belong together"),
            (&[("tls.key_file", "a")], "belong together"),
            (
                &[("tls.client_ca_file", "a")],
                "tls.client_ca_file is for TLS",
            ),
            (
                &[
                    ("tls.development", "true"),
                    ("tls.certificate_file", "a"),
                    ("tls.key_file", "b"),
                ],
                "tls.development makes",
            ),
            (
                &[
                    ("tls.development", "true"),
                    ("server.base_url", "http://x/fhir"),
                ],
                "must begin with https://",
            ),
            (
                &[("server.base_url", "ftp://x")],
                "server.base_url must begin",
            ),
            (
                &[("server.metrics_listen", "0.0.0.0:9000")],
                "must be a loopback address",
            ),
            (&[("server.metrics_listen", "x")], "address:port"),
        ] {
            let problem = problem(options);
            assert!(problem.contains(part), "{options:?}: {problem}");
        }
    }

    #[test]
    fn the_base_url_says_how_it_is_served() {
        let loaded = |options: &[(&'static str, &str)]| {
            let flags = options
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned()));
            crate::config::load(None, &flags.collect())
                .expect("valid")
                .config
        };
        let listen = "127.0.0.1:8443".parse().expect("an address");
        assert_eq!(loaded(&[]).base_url(listen), "http://127.0.0.1:8443/fhir");
        let tls = loaded(&[("tls.development", "true")]);
        assert_eq!(tls.base_url(listen), "https://127.0.0.1:8443/fhir");
        assert_eq!(tls.server_settings().hsts_max_age_s, 0);
        let tls = loaded(&[("tls.certificate_file", "a"), ("tls.key_file", "b")]);
        assert_eq!(tls.server_settings().hsts_max_age_s, 31_536_000);
        let proxied = loaded(&[("server.base_url", "https://ward.example.org/fhir/")]);
        assert_eq!(proxied.base_url(listen), "https://ward.example.org/fhir");
    }
}
