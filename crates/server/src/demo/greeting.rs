//! What a newcomer is told when a demo is up.

use super::{Filled, PATIENTS, Prepared};
use crate::config::Config;
use crate::dev_certificates::DevFiles;
use ward_smart::demo::{self, APP_PATH};
use ward_smart::settings::origin;
use ward_smart::state::PersonSecret;

pub fn greeting(base: &str, config: &Config, prepared: &Prepared) -> String {
    let trust = match config.tls.development {
        true => {
            let authority = DevFiles::of(&config.store.data).authority();
            format!("--cacert {} ", authority.display())
        }
        false => String::new(),
    };
    let data = config.store.data.display();
    let program =
        std::env::current_exe().map_or_else(|_| "ward".to_owned(), |p| p.display().to_string());
    let filled = filled(prepared.filled);
    let people: String = prepared.people.iter().map(person).collect();
    let app = match prepared.people.iter().any(|p| p.username == demo::PATIENT) {
        true => format!(
            "An app for patients: {}{APP_PATH} (sign in as {})\n",
            origin(base),
            demo::PATIENT
        ),
        false => String::new(),
    };
    format!(
        "\nWard is ready at {base}.{filled}\n\
         Anyone may read {base}/metadata; everything else needs a token:\n\n\
         \x20 TOKEN=$({program} token --as clinician --data {data})\n\
         \x20 curl {trust}-H \"Authorization: Bearer $TOKEN\" '{base}/Patient?_count=2&_pretty=true'\n\n\
         Callers: clinician, lab, billing, app (one patient), clerk, auditor, admin, loader (all rights).\n\
         Systems prove themselves by the keys {data}/demo/*.pem; people sign in with\n\n\
         \x20 user name  password                 secret for an authenticator app\n\
         {people}\n\
         {app}\
         More requests: docs/requests/first.http. Stop with Ctrl-C.\n"
    )
}

fn filled(filled: Filled) -> String {
    match filled {
        Filled::Now(n) => {
            format!(" The synthetic hospital has {n} resources of {PATIENTS} patients.")
        }
        Filled::Completed => format!(
            " The synthetic hospital of {PATIENTS} patients is complete; its filling had been interrupted."
        ),
        Filled::Before => String::new(),
    }
}

fn person(person: &PersonSecret) -> String {
    let PersonSecret {
        username,
        password,
        totp,
    } = person;
    format!("  {username:<9}  {password}  {totp}\n")
}
