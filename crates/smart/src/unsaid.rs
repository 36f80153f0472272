//! What holds a secret is told by its name alone wherever a log line, an error or a panic would show it (X61).

use crate::dpop::Proved;
use crate::page::{Accounts, ClientDetail, EnrolTotp, RecoveryCodes, Registered};
use crate::registration::Made;
use crate::request::{Parameters, Request};
use crate::resource_server::Credentials;
use crate::state::{Account, Enrolment, UpstreamSignIn};
use crate::tokens::Minted;
use std::fmt::{Debug, Formatter, Result};

macro_rules! told_by_name {
    ($($name:ident: $ty:ty),* $(,)?) => {
        $(impl Debug for $ty {
            fn fmt(&self, f: &mut Formatter<'_>) -> Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        })*
    };
}

told_by_name!(
    Account: Account,
    Accounts: Accounts,
    ClientDetail: ClientDetail,
    Credentials: Credentials<'_>,
    EnrolTotp: EnrolTotp,
    Enrolment: Enrolment,
    Made: Made,
    Minted: Minted,
    Parameters: Parameters,
    Proved: Proved<'_>,
    RecoveryCodes: RecoveryCodes,
    Registered: Registered,
    Request: Request<'_>,
    UpstreamSignIn: UpstreamSignIn,
);

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "canary";

    fn secret() -> String {
        SECRET.to_owned()
    }

    #[test]
    fn x61_what_is_debugged_tells_no_secret() {
        let parameters = Parameters::new(vec![("code".to_owned(), secret())]);
        let request = Request {
            parameters: parameters.clone(),
            authorization: Some(SECRET),
            session: Some(SECRET),
            device: Some(SECRET),
            dpop: Some(SECRET),
            json: Some(SECRET),
            ..Request::default()
        };
        let credentials = Credentials {
            authorization: Some(SECRET),
            ..Credentials::default()
        };
        let account = Account {
            password: Some(secret()),
            totp: Some(secret()),
            recovery_codes: vec![secret()],
            ..Account::default()
        };
        let enrolment = Enrolment {
            totp: secret(),
            ..Enrolment::default()
        };
        let sign_in = UpstreamSignIn {
            nonce: secret(),
            verifier: secret(),
            ..UpstreamSignIn::default()
        };
        let told: [&dyn Debug; 7] = [
            &parameters,
            &request,
            &credentials,
            &account,
            &enrolment,
            &sign_in,
            &crate::answer::Cookie::Set(secret()),
        ];
        for one in told {
            for text in [format!("{one:?}"), format!("{one:#?}")] {
                assert!(!text.contains(SECRET), "{text}");
                assert!(text.contains(".."), "{text}");
            }
        }
    }
}
