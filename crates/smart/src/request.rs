//! A request to one of the authorization server's endpoints, as HTTP brought it.

use std::fmt;

/// What an endpoint is asked, with everything of the transport that a decision may rest on.
#[derive(Clone, Default)]
pub struct Request<'a> {
    /// Of the query (GET) or of the form (POST). A form of our own pages comes with the query of the path it is sent to, and a
    /// name that is in both counts as sent twice; at the endpoints of clients the query of a POST counts for nothing.
    pub parameters: Parameters,
    /// The body where it is `application/json`, which only registration and launch take; others refuse it (S48).
    pub json: Option<&'a str>,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The `DPoP` header (RFC 9449 §4.1).
    pub dpop: Option<&'a str>,
    /// Value of the session cookie.
    pub session: Option<&'a str>,
    /// Secret that this browser keeps for long, in a cookie of its own.
    pub device: Option<&'a str>,
    /// SHA-256 of the client certificate that TLS has verified on this connection (RFC 8705 §3.1).
    pub certificate: Option<[u8; 32]>,
    /// As the records name the request.
    pub request_id: [u8; 16],
    /// As the client does: its `X-Request-Id`.
    pub client_request_id: Option<&'a str>,
    /// Peer address without port.
    pub source: &'a str,
    /// The `Origin` header.
    pub origin: Option<&'a str>,
    /// In upper case.
    pub method: &'a str,
    /// As the client addressed it, without query and fragment: what a DPoP proof's `htu` must equal.
    pub url: &'a str,
    /// Takes what the request costs from whoever turns out to ask. `None`: it was paid for, or costs nothing.
    pub meter: Option<&'a dyn Meter>,
    /// Seconds since 1970.
    pub now_s: i64,
}

/// Takes what one request costs. `Err`: seconds until there is enough.
pub trait Meter: fmt::Debug + Send + Sync {
    /// From a client that has proved who it is. `budget`: its own, in place of the installation's; 0: it has no limit.
    fn take_of_client(&self, client_id: &str, budget: Option<u32>) -> Result<(), i64>;

    /// From the address, where no client proves who it is: to name one costs it nothing.
    fn take_of_address(&self) -> Result<(), i64>;
}

/// Names and values in the order they were sent. A name that is sent twice makes the request invalid (RFC 6749 §3.1), so its
/// value is never given.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(String, String)>);

/// Parameters of one request; more are not read (413).
pub const PARAMETERS_MAX: usize = 64;
/// Bytes of a form or query; more are not read (413).
pub const PARAMETERS_BYTES_MAX: usize = 64 * 1024;

impl Parameters {
    pub fn new(pairs: Vec<(String, String)>) -> Parameters {
        Parameters(pairs)
    }

    /// The value of a parameter that was sent once and is not empty (RFC 6749 §3.1: an empty value counts as omitted).
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut of_name = self.0.iter().filter(|(known, _)| known == name);
        match (of_name.next(), of_name.next()) {
            (Some((_, value)), None) if !value.is_empty() => Some(value),
            _ => None,
        }
    }

    /// Every value of a parameter that may be sent several times (check boxes of our own forms).
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The first name that was sent more than once.
    pub fn repeated(&self) -> Option<&str> {
        let names = self.0.iter().map(|(name, _)| name.as_str()).enumerate();
        names
            .into_iter()
            .find(|(at, name)| self.0[..*at].iter().any(|(before, _)| before == name))
            .map(|(_, name)| name)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_twice_or_empty_has_no_value() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let parameters = Parameters::new(vec![
            pair("state", "a"),
            pair("scope", "x"),
            pair("state", "b"),
            pair("nonce", ""),
        ]);
        assert_eq!(parameters.get("scope"), Some("x"));
        assert_eq!(parameters.get("state"), None);
        assert_eq!(parameters.get("nonce"), None);
        assert_eq!(parameters.repeated(), Some("state"));
        assert_eq!(parameters.all("state").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(Parameters::default().repeated(), None);
    }
}
