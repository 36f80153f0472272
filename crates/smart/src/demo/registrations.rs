//! Registers the demo's clients and people in a store. What is there stays as somebody has made it: a demo can be played with.

use super::{DemoCaller, secrets};
use crate::clients::REVIEW_PERIOD_S;
use crate::people::account::{self, NewAccount};
use crate::server::AuthorizationServer;
use crate::state::{
    self, Account, Authentication, Changes, Client, ClientState, DemoSecrets, KeysAt, Kind,
    PersonSecret, Refused,
};
use ward_seal::{Es384Key, from_base64};
use ward_storage::StoreError;

/// The patient whose app is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoPatient {
    /// Logical id.
    pub id: String,
    pub name: String,
}

/// What the callers sign in with, and whether any of them was registered now.
pub struct Registered {
    pub secrets: DemoSecrets,
    pub changed: bool,
}

/// How often it is tried again when another server registers the same at the same moment.
const ATTEMPTS_MAX: u32 = 5;

/// Registers what is missing, and sends the app back to where this server is now. `patient`: `None` while the store has none; the
/// account is made once there is one. Safe to repeat.
pub async fn register(
    server: &AuthorizationServer,
    patient: Option<&DemoPatient>,
    now_s: i64,
) -> Result<Registered, StoreError> {
    let secrets = secrets::kept(server.store(), now_s).await?;
    for _ in 0..ATTEMPTS_MAX {
        let changes = clients(server, &secrets, Changes::new(), now_s).await?;
        let changes = people(server, &secrets, patient, changes, now_s).await?;
        if changes.is_empty() {
            let changed = false;
            return Ok(Registered { secrets, changed });
        }
        match state::commit(server.store(), changes.announced(), now_s).await {
            Ok(()) => {
                server.watch(now_s).await?;
                let changed = true;
                return Ok(Registered { secrets, changed });
            }
            Err(Refused::Conflict(_)) => {}
            Err(Refused::Unavailable) => break,
        }
    }
    Err(StoreError::Unavailable)
}

async fn clients(
    server: &AuthorizationServer,
    secrets: &DemoSecrets,
    mut changes: Changes,
    now_s: i64,
) -> Result<Changes, StoreError> {
    for caller in DemoCaller::ALL {
        let client = client(caller, secrets, &server.settings().issuer, now_s);
        let known = state::get::<Client>(server.store(), &client.client_id, now_s).await?;
        changes = match known {
            None => changes.insert(&client),
            Some(mut known) if known.redirect_uris != client.redirect_uris => {
                known.redirect_uris = client.redirect_uris;
                changes.replace(&known)
            }
            Some(_) => changes,
        };
    }
    Ok(changes)
}

async fn people(
    server: &AuthorizationServer,
    secrets: &DemoSecrets,
    patient: Option<&DemoPatient>,
    mut changes: Changes,
    now_s: i64,
) -> Result<Changes, StoreError> {
    for caller in DemoCaller::ALL {
        let secret = secrets
            .people
            .iter()
            .find(|person| Some(person.username.as_str()) == caller.username());
        let (Some(secret), Some(new)) = (secret, person(caller, secret, patient)) else {
            continue;
        };
        let known = state::get::<Account>(server.store(), &secret.username, now_s).await?;
        if known.is_none() {
            let made = account::claimed(&new, &secret.password, &secret.totp, now_s);
            changes = changes.insert(&made.map_err(|_| StoreError::Unavailable)?);
        }
    }
    Ok(changes)
}

fn person(
    caller: DemoCaller,
    secret: Option<&PersonSecret>,
    patient: Option<&DemoPatient>,
) -> Option<NewAccount> {
    let username = secret?.username.clone();
    let (name, fhir_user) = match caller {
        DemoCaller::App => {
            let patient = patient?;
            (patient.name.clone(), format!("Patient/{}", patient.id))
        }
        _ => (
            format!("Demo {}", caller.name()),
            format!("Practitioner/demo-{}", caller.name()),
        ),
    };
    Some(NewAccount {
        username,
        name,
        fhir_user: Some(fhir_user),
        roles: caller
            .roles()
            .iter()
            .map(|role| (*role).to_owned())
            .collect(),
    })
}

fn client(caller: DemoCaller, secrets: &DemoSecrets, issuer: &str, now_s: i64) -> Client {
    let (name, purpose) = described(caller);
    let client = Client {
        client_id: caller.client_id().to_owned(),
        name: name.to_owned(),
        owner: "The demo hospital".to_owned(),
        purpose: purpose.to_owned(),
        contacts: vec!["demo@hospital.example.org".to_owned()],
        review_due_s: Some(now_s + REVIEW_PERIOD_S),
        state: ClientState::Active,
        verified: true,
        scope: caller.ceiling(),
        purpose_of_use: caller.purpose().map(str::to_owned),
        // What records hold is loaded whole, and read back so.
        sees_labels: caller == DemoCaller::Loader,
        created_s: now_s,
        ..Client::default()
    };
    match caller.username() {
        None => Client {
            kind: Kind::System,
            authentication: Authentication::PrivateKeyJwt,
            keys: public_keys(caller, secrets),
            ..client
        },
        Some(_) => Client {
            kind: Kind::Public,
            redirect_uris: vec![caller.redirect_uri(issuer)],
            // The hospital's own desks; a patient is asked.
            approved_for_staff: caller != DemoCaller::App,
            ..client
        },
    }
}

/// `None` where the secret is none of ours; the client then cannot prove itself.
fn public_keys(caller: DemoCaller, secrets: &DemoSecrets) -> Option<KeysAt> {
    let of = |id: &str| id == caller.client_id();
    let secret = secrets.systems.iter().find(|s| of(&s.client_id))?;
    let key = Es384Key::from_pkcs8(&from_base64(&secret.pkcs8)?)?;
    let set = format!("{{\"keys\":[{}]}}", key.public().to_json());
    Some(KeysAt::Here(set))
}

/// Name, and what it is for.
fn described(caller: DemoCaller) -> (&'static str, &'static str) {
    match caller {
        DemoCaller::Lab => ("Demo laboratory", "Stores results"),
        DemoCaller::Billing => ("Demo billing", "Writes claims"),
        DemoCaller::Loader => ("Demo import", "Loads records"),
        DemoCaller::App => ("My Labs", "Shows patients their laboratory results"),
        DemoCaller::Clinician => ("Demo desk", "Clinical work"),
        DemoCaller::Clerk => ("Demo billing desk", "Makes claims and follows payments"),
        DemoCaller::Auditor => ("Demo audit desk", "Reads the record of requests"),
        DemoCaller::Admin => ("Demo console", "Definitions and terminology"),
    }
}
