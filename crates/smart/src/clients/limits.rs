//! What an administrator allows a client at most beside its scope: how much it may ask for, of how many patients it may see records,
//! from where it comes and by which certificate. (C17)

use crate::client_authentication::addresses;
use crate::page::Limits;
use crate::registration::Problem;
use crate::request::Parameters;
use crate::server::AuthorizationServer;
use crate::state::{Authentication, Budgets, Client, Kind};

/// Ranges of addresses of one client.
pub const ADDRESSES_MAX: usize = 64;
/// The largest budget: units of cost in a minute. Who shall have more has no limit (0).
pub const REQUESTS_PER_MINUTE_MAX: u32 = 1_000_000_000;
/// The same of patients in an hour.
pub const PATIENTS_PER_HOUR_MAX: u32 = 1_000_000;

const REQUESTS: &str = "requests_per_minute";
const PATIENTS: &str = "patients_per_hour";
const ADDRESSES: &str = "addresses";
const CERTIFICATE: &str = "certificate";

/// The client with what the form says, or what is wrong with each field.
pub(super) fn limited(client: &Client, parameters: &Parameters) -> Result<Client, Vec<Problem>> {
    let mut problems = Vec::new();
    let budgets = Budgets {
        requests_per_minute: number(parameters, REQUESTS, REQUESTS_PER_MINUTE_MAX, &mut problems),
        patients_per_hour: number(parameters, PATIENTS, PATIENTS_PER_HOUR_MAX, &mut problems),
    };
    let mut limited = Client {
        budgets,
        ..client.clone()
    };
    if is_bound_by(client) {
        limited.addresses = ranges(parameters, &mut problems);
        limited.certificate = thumbprint(parameters, client, &mut problems);
    }
    match problems.is_empty() {
        true => Ok(limited),
        false => Err(problems),
    }
}

/// The form as it is filled in: by what holds, or where that will not do by what was typed.
pub(super) fn shown(
    server: &AuthorizationServer,
    client: &Client,
    refused: Option<(&Parameters, Vec<Problem>)>,
) -> Limits {
    let typed = |name: &str, held: String| match &refused {
        Some((parameters, _)) => parameters.get(name).unwrap_or_default().to_owned(),
        None => held,
    };
    let values = values(client).map(|(name, held)| (name.to_owned(), typed(name, held)));
    let problems = refused.as_ref().map(|(_, problems)| problems.as_slice());
    let errors = problems.unwrap_or_default().iter();
    Limits {
        values: values.to_vec(),
        errors: errors
            .map(|(field, why)| ((*field).to_owned(), why.clone()))
            .collect(),
        requests_of_installation: words(server.settings().requests_per_minute),
        patients_of_installation: words(server.engine().settings().patients_per_hour),
        binds: is_bound_by(client),
    }
}

/// The fields as they hold.
pub(super) fn values(client: &Client) -> [(&'static str, String); 4] {
    let text = |number: Option<u32>| number.map(|n| n.to_string()).unwrap_or_default();
    [
        (REQUESTS, text(client.budgets.requests_per_minute)),
        (PATIENTS, text(client.budgets.patients_per_hour)),
        (ADDRESSES, client.addresses.join("\n")),
        (CERTIFICATE, client.certificate.clone().unwrap_or_default()),
    ]
}

/// Budgets that are the client's own, for the list of facts.
pub(super) fn own(budgets: &Budgets) -> [(&'static str, String); 2] {
    let own = |number: Option<u32>, what: &str| match number {
        None => "as the installation says".to_owned(),
        Some(0) => "no limit".to_owned(),
        Some(n) => format!("{} {what}", grouped(n)),
    };
    [
        ("Requests", own(budgets.requests_per_minute, "a minute")),
        ("Patients", own(budgets.patients_per_hour, "an hour")),
    ]
}

/// A public client asks from wherever its user is, and has no certificate.
fn is_bound_by(client: &Client) -> bool {
    client.kind != Kind::Public
}

/// `None`: the installation's.
fn number(
    parameters: &Parameters,
    field: &'static str,
    most: u32,
    problems: &mut Vec<Problem>,
) -> Option<u32> {
    let typed = parameters
        .get(field)
        .map(str::trim)
        .filter(|t| !t.is_empty())?;
    let digits = typed.bytes().all(|b| b.is_ascii_digit());
    let read = typed.parse().ok().filter(|n| digits && *n <= most);
    if read.is_none() {
        let why = format!(
            "is a whole number up to {}; 0: no limit; empty: what the installation says",
            grouped(most)
        );
        problems.push((field, why));
    }
    read
}

fn ranges(parameters: &Parameters, problems: &mut Vec<Problem>) -> Vec<String> {
    let typed = parameters.get(ADDRESSES).unwrap_or_default();
    let parts = typed.split([' ', '\r', '\n', '\t', ',']);
    let ranges: Vec<String> = parts
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect();
    let bad = ranges.iter().find(|range| !addresses::is_range(range));
    if let Some(bad) = bad {
        let bad: String = bad.chars().take(60).collect();
        let why = format!("hold {bad}, which is no address such as 192.0.2.7 or 192.0.2.0/24");
        problems.push((ADDRESSES, why));
    }
    if ranges.len() > ADDRESSES_MAX {
        problems.push((ADDRESSES, format!("are at most {ADDRESSES_MAX}")));
    }
    ranges
}

/// Small hexadecimal digits, as registrations hold it; `openssl` writes large ones with colons.
fn thumbprint(
    parameters: &Parameters,
    client: &Client,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let typed = parameters.get(CERTIFICATE).unwrap_or_default();
    let digits = typed.chars().filter(|c| *c != ':' && !c.is_whitespace());
    let digits: String = digits.map(|c| c.to_ascii_lowercase()).collect();
    if digits.is_empty() {
        if client.authentication == Authentication::TlsClientAuth {
            let why = "is needed: the client proves itself by it".to_owned();
            problems.push((CERTIFICATE, why));
        }
        return None;
    }
    if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        let why = "is named by its SHA-256: 64 hexadecimal digits".to_owned();
        problems.push((CERTIFICATE, why));
    }
    Some(digits)
}

fn words(limit: u32) -> String {
    match limit {
        0 => "no limit".to_owned(),
        limit => grouped(limit),
    }
}

/// `1,200,000`
fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(fields: &[(&str, &str)], kind: Kind) -> Result<Client, Vec<Problem>> {
        let own = |(n, v): &(&str, &str)| ((*n).to_owned(), (*v).to_owned());
        let client = Client {
            kind,
            addresses: vec!["192.0.2.1".into()],
            ..Client::default()
        };
        limited(&client, &Parameters::new(fields.iter().map(own).collect()))
    }

    #[test]
    fn c17_what_is_typed_becomes_limits() {
        let print = "AB:".repeat(31) + "CD";
        let fields = [
            (REQUESTS, " 600 "),
            (PATIENTS, "0"),
            (ADDRESSES, "192.0.2.7\r\n 2001:db8::/32"),
            (CERTIFICATE, print.as_str()),
        ];
        let client = typed(&fields, Kind::System).unwrap();
        let budgets = Budgets {
            requests_per_minute: Some(600),
            patients_per_hour: Some(0),
        };
        assert_eq!(client.budgets, budgets);
        assert_eq!(client.addresses, ["192.0.2.7", "2001:db8::/32"]);
        let print = "ab".repeat(31) + "cd";
        assert_eq!(client.certificate, Some(print));
        let client = typed(&[], Kind::System).unwrap();
        assert_eq!(client.budgets, Budgets::default());
        assert!(client.addresses.is_empty() && client.certificate.is_none());
        // What the form does not show stays.
        let client = typed(&fields, Kind::Public).unwrap();
        assert_eq!(client.addresses, ["192.0.2.1"]);
        assert_eq!(client.certificate, None);
    }

    #[test]
    fn c17_what_is_no_limit_is_named() {
        let many = "192.0.2.1 ".repeat(ADDRESSES_MAX + 1);
        let no_digits = "xy".repeat(32);
        for (field, bad) in [
            (REQUESTS, "many"),
            (REQUESTS, "-1"),
            (REQUESTS, "+1"),
            (REQUESTS, "1.5"),
            (REQUESTS, "1000000001"),
            (PATIENTS, "99999999999999999999"),
            (PATIENTS, "1000001"),
            (ADDRESSES, "192.0.2.0/33"),
            (ADDRESSES, "lab.example"),
            (ADDRESSES, many.as_str()),
            (CERTIFICATE, "ab"),
            (CERTIFICATE, no_digits.as_str()),
        ] {
            let problems = typed(&[(field, bad)], Kind::System).unwrap_err();
            assert_eq!(problems.len(), 1, "{field}: {bad}");
            assert_eq!(problems[0].0, field);
        }
    }

    #[test]
    fn numbers_are_written_in_groups() {
        let groups = [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_200_000, "1,200,000"),
        ];
        for (number, text) in groups {
            assert_eq!(grouped(number), text);
        }
    }
}
