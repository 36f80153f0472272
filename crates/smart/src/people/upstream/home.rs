//! The account that a person of the provider has here: the linked one, or a new one. By issuer and person alone: an equal name or
//! e-mail address gives nobody anything.

use super::person::Person;
use super::provider::Provider;
use super::trouble::Trouble;
use crate::people::{account, lifetime};
use crate::revocations::what;
use crate::server::AuthorizationServer;
use crate::settings::{UnknownPeople, Upstream};
use crate::state::{self, Account, Changes, Held, Revocation, UpstreamIdentity};
use ward_seal::random;

/// An account as it is from this sign-in on, and the changes that make it so.
pub(super) struct Home {
    pub account: Account,
    pub changes: Changes,
}

pub(super) async fn of(
    server: &AuthorizationServer,
    provider: &Provider,
    person: &Person,
    now_s: i64,
) -> Result<Home, Trouble> {
    let settings = &provider.settings;
    let id = UpstreamIdentity::id(&settings.issuer, &settings.claims.person, &person.key);
    let store = server.store();
    let Some(identity) = state::get::<UpstreamIdentity>(store, &id, now_s).await? else {
        return match settings.unknown_people {
            UnknownPeople::Refuse => Err(Trouble::Unknown(person.key.clone())),
            UnknownPeople::Create => created(server, settings, id, person, now_s).await,
        };
    };
    let found = state::get::<Account>(store, &identity.account, now_s).await?;
    let account = found.ok_or_else(|| Trouble::Unknown(person.key.clone()))?;
    // Whoever an administrator put out stays out, whatever the provider says.
    if account.closed {
        return Err(Trouble::Suspended);
    }
    renewed(server, account, person, now_s).await
}

/// The account with what the provider says today. Where that is less or other than before, what was begun with the rights of
/// before ends first.
async fn renewed(
    server: &AuthorizationServer,
    mut account: Held<Account>,
    person: &Person,
    now_s: i64,
) -> Result<Home, Trouble> {
    let before = (account.roles.clone(), account.fhir_user.clone());
    apply(&mut account, person, now_s);
    let after = (account.roles.clone(), account.fhir_user.clone());
    let mut changes = Changes::new();
    if before != after {
        // As of a second back: the sign-in that is being made may get its tokens within this one.
        let subject = Revocation::new(what::subject(&account.subject), now_s - 1);
        changes = changes.insert(&subject).announced();
        let void = lifetime::end_all(server.store(), &account.username, None, now_s).await?;
        server.note(&void, now_s);
        server.tokens().revocations().note(&subject);
    }
    Ok(Home {
        changes: changes.replace(&account),
        account: account.row,
    })
}

async fn created(
    server: &AuthorizationServer,
    settings: &Upstream,
    id: String,
    person: &Person,
    now_s: i64,
) -> Result<Home, Trouble> {
    let username = username(server, settings, &id, person, now_s).await?;
    let mut account = Account {
        name: username.clone(),
        username,
        subject: random::uuid(),
        upstream: true,
        created_s: now_s,
        ..Account::default()
    };
    apply(&mut account, person, now_s);
    let identity = UpstreamIdentity {
        id,
        issuer: settings.issuer.clone(),
        account: account.username.clone(),
        linked_s: now_s,
    };
    Ok(Home {
        changes: Changes::new().insert(&account).insert(&identity),
        account,
    })
}

fn apply(account: &mut Account, person: &Person, now_s: i64) {
    account.last_sign_in_s = Some(now_s);
    if let Some(name) = &person.name {
        account.name.clone_from(name);
    }
    if let Some(roles) = &person.roles {
        account.roles.clone_from(roles);
    }
    if let Some(fhir_user) = &person.fhir_user {
        account.patient = account::patient_of(fhir_user.as_deref());
        account.fhir_user.clone_from(fhir_user);
    }
}

/// `okafor@id.hospital.example`: told by the provider's host from whoever is called so here. One that is taken already becomes a
/// name of random look: never another's account.
async fn username(
    server: &AuthorizationServer,
    settings: &Upstream,
    id: &str,
    person: &Person,
    now_s: i64,
) -> Result<String, Trouble> {
    let host = settings.issuer.split("://").nth(1).unwrap_or_default();
    let host = host.split(['/', ':']).next().unwrap_or_default();
    let readable = person
        .username
        .as_ref()
        .and_then(|name| account::username(&format!("{name}@{host}")));
    if let Some(name) = readable {
        let taken = state::get::<Account>(server.store(), &name, now_s).await?;
        if taken.is_none() {
            return Ok(name);
        }
    }
    let plain: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.get(..20).unwrap_or(&plain).to_lowercase();
    Ok(format!("upstream-{plain}"))
}
