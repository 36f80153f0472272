//! Accounts: made with an invitation, closed, opened again, and given new factors. On a store alone, so that the first
//! administrator can be made before a server runs.

use super::{known_browser, lifetime};
use crate::answer::OAuthError;
use crate::revocations::what;
use crate::server::AuthorizationServer;
use crate::settings::Upstream;
use crate::state::{
    self, Account, Changes, Credential, Enrolment, Held, INVITATION_LIFETIME_S, Refused,
    Revocation, Row, UpstreamIdentity, digest,
};
use std::fmt;
use unicode_normalization::UnicodeNormalization;
use ward_seal::random;
use ward_storage::Store;

/// What is said of a person when their account is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewAccount {
    pub username: String,
    pub name: String,
    /// `Practitioner/1` or `Patient/1`: who the person is in the records.
    pub fhir_user: Option<String>,
    pub roles: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountError {
    /// Letters, digits and `-_.@+`, at most 64.
    Username,
    Name,
    FhirUser,
    /// There is an account of this user name.
    Taken,
    /// There is none.
    Unknown,
    /// Somebody of the upstream provider has an account already.
    Linked,
    /// Nobody of the upstream provider is named.
    Person,
    /// Somebody else changed it at the same moment.
    Changed,
    Unavailable,
}

/// Bytes of a user name, and characters of a person's name.
pub const USERNAME_BYTES_MAX: usize = 64;
pub const NAME_CHARACTERS_MAX: usize = 100;

/// Makes an account that nobody can sign in with yet; the token of the invitation to it, good for a day.
pub async fn add(store: &Store, new: &NewAccount, now_s: i64) -> Result<String, AccountError> {
    let account = account(new, now_s)?;
    let (invitation, token) = invitation(&account.username, now_s);
    let changes = Changes::new().insert(&account).insert(&invitation);
    match state::commit(store, changes, now_s).await {
        Ok(()) => Ok(token),
        Err(Refused::Conflict(_)) => Err(AccountError::Taken),
        Err(Refused::Unavailable) => Err(AccountError::Unavailable),
    }
}

/// An account whose owner has both factors already, the password made of random bits by a program: nobody has to be invited. Not
/// stored yet.
pub(crate) fn claimed(
    new: &NewAccount,
    password: &str,
    totp: &str,
    now_s: i64,
) -> Result<Account, AccountError> {
    Ok(Account {
        password: Some(ward_seal::password::hash_random(password)),
        totp: Some(totp.to_owned()),
        ..account(new, now_s)?
    })
}

/// Nobody signs in any more; all sessions end and every token is void. What is void, for the caller's own node.
pub async fn close(store: &Store, typed: &str, now_s: i64) -> Result<Vec<String>, AccountError> {
    let mut account = known(store, typed, now_s).await?;
    account.closed = true;
    put_out(store, account, Changes::new(), now_s).await
}

/// The account may be used again, with the factors that it had.
pub async fn open(store: &Store, typed: &str, now_s: i64) -> Result<(), AccountError> {
    let mut account = known(store, typed, now_s).await?;
    account.closed = false;
    Ok(state::commit(store, Changes::new().replace(&account), now_s).await?)
}

/// From now on a person of the upstream provider signs in with this account. Conflict ([`AccountError::Linked`]) when that person
/// has one already.
pub async fn link(
    store: &Store,
    typed: &str,
    upstream: &Upstream,
    person: &str,
    now_s: i64,
) -> Result<(), AccountError> {
    if person.is_empty() {
        return Err(AccountError::Person);
    }
    let mut account = known(store, typed, now_s).await?;
    account.upstream = true;
    let identity = UpstreamIdentity {
        id: UpstreamIdentity::id(&upstream.issuer, &upstream.claims.person, person),
        issuer: upstream.issuer.clone(),
        account: account.username.clone(),
        linked_s: now_s,
    };
    if state::get::<UpstreamIdentity>(store, identity.key(), now_s)
        .await
        .map_err(|_| AccountError::Unavailable)?
        .is_some()
    {
        return Err(AccountError::Linked);
    }
    let changes = Changes::new().insert(&identity).replace(&account);
    Ok(state::commit(store, changes, now_s).await?)
}

/// Nobody signs in with this account through the upstream provider any more; all sessions end. What is void, for the caller's own
/// node.
pub async fn unlink(store: &Store, typed: &str, now_s: i64) -> Result<Vec<String>, AccountError> {
    const LINKS_MAX: usize = 100;
    let mut account = known(store, typed, now_s).await?;
    account.upstream = false;
    let links = state::list::<UpstreamIdentity>(store, Some(&account.username), LINKS_MAX, now_s);
    let links = links.await.map_err(|_| AccountError::Unavailable)?;
    let forget = |changes: Changes, link: &Held<UpstreamIdentity>| {
        changes.forget::<UpstreamIdentity>(&link.id)
    };
    put_out(
        store,
        account,
        links.iter().fold(Changes::new(), forget),
        now_s,
    )
    .await
}

/// The account has this role no longer; all sessions end. Where no role would be left it is closed: whoever has none acts in those of
/// the rota, and nobody has said that. What is void, for the caller's own node.
pub(crate) async fn take_role(
    store: &Store,
    typed: &str,
    role: &str,
    now_s: i64,
) -> Result<Vec<String>, AccountError> {
    let mut account = known(store, typed, now_s).await?;
    account.roles.retain(|one| one != role);
    account.closed |= account.roles.is_empty();
    put_out(store, account, Changes::new(), now_s).await
}

/// Takes every factor away, ends all sessions, and invites anew: the invitation's token, and what is void.
pub async fn reset(
    store: &Store,
    typed: &str,
    now_s: i64,
) -> Result<(String, Vec<String>), AccountError> {
    let mut account = known(store, typed, now_s).await?;
    let mut changes = Changes::new();
    for passkey in std::mem::take(&mut account.passkeys) {
        changes = changes.forget::<Credential>(&passkey.id());
    }
    // A link that was made before may be with whom the account is taken from.
    for begun in begun(store, &account.username, now_s).await? {
        changes = changes.forget::<Enrolment>(&begun.id);
    }
    account.password = None;
    account.totp = None;
    account.totp_step = None;
    account.recovery_codes.clear();
    let (invitation, token) = invitation(&account.username, now_s);
    let void = put_out(store, account, changes.insert(&invitation), now_s).await?;
    Ok((token, void))
}

/// Writes the account, and ends whatever goes on in its name: sessions, and what apps were allowed, also while nobody is there. No
/// browser is known to it any more.
async fn put_out(
    store: &Store,
    account: Held<Account>,
    changes: Changes,
    now_s: i64,
) -> Result<Vec<String>, AccountError> {
    let subject = what::subject(&account.subject);
    let forgotten = known_browser::forgotten(store, &account.username, changes, now_s).await;
    let changes = forgotten
        .map_err(|_| AccountError::Unavailable)?
        .replace(&account)
        .insert(&Revocation::new(subject.clone(), now_s));
    state::commit(store, changes.announced(), now_s).await?;
    let mut void = lifetime::end_all(store, &account.username, None, now_s)
        .await
        .map_err(|_| AccountError::Unavailable)?;
    let grants = lifetime::end_grants(store, &account.subject, now_s).await;
    void.extend(grants.map_err(|_| AccountError::Unavailable)?);
    void.push(subject);
    Ok(void)
}

/// The account as it is now; `None`: there is none, or it is closed.
pub(crate) async fn standing(
    server: &AuthorizationServer,
    username: &str,
    now_s: i64,
) -> Result<Option<Account>, OAuthError> {
    let found = state::get::<Account>(server.store(), username, now_s).await?;
    Ok(found.map(|held| held.row).filter(|account| !account.closed))
}

/// A user name as it is kept: whichever case and keyboard. `None`: it cannot be one.
pub fn username(typed: &str) -> Option<String> {
    let name: String = typed.trim().nfkc().flat_map(char::to_lowercase).collect();
    let is_name = !name.is_empty()
        && name.len() <= USERNAME_BYTES_MAX
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || "-_.@+".contains(c));
    is_name.then_some(name)
}

async fn known(store: &Store, typed: &str, now_s: i64) -> Result<Held<Account>, AccountError> {
    let username = username(typed).ok_or(AccountError::Username)?;
    let found = state::get::<Account>(store, &username, now_s).await;
    found
        .map_err(|_| AccountError::Unavailable)?
        .ok_or(AccountError::Unknown)
}

fn account(new: &NewAccount, now_s: i64) -> Result<Account, AccountError> {
    let name = new.name.trim();
    let characters = name.chars().count();
    if characters == 0 || characters > NAME_CHARACTERS_MAX || name.chars().any(char::is_control) {
        return Err(AccountError::Name);
    }
    let fhir_user = new
        .fhir_user
        .as_deref()
        .map(str::trim)
        .filter(|user| !user.is_empty());
    if !fhir_user.is_none_or(is_fhir_user) {
        return Err(AccountError::FhirUser);
    }
    Ok(Account {
        username: username(&new.username).ok_or(AccountError::Username)?,
        name: name.to_owned(),
        subject: random::uuid(),
        fhir_user: fhir_user.map(str::to_owned),
        patient: patient_of(fhir_user),
        roles: new.roles.clone(),
        created_s: now_s,
        ..Account::default()
    })
}

/// Logical id of the record of whoever is a patient.
pub(super) fn patient_of(fhir_user: Option<&str>) -> Option<String> {
    fhir_user
        .and_then(|user| user.strip_prefix("Patient/"))
        .map(str::to_owned)
}

/// <https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-identity-data>
pub(crate) fn is_fhir_user(reference: &str) -> bool {
    const TYPES: [&str; 5] = [
        "Patient",
        "Practitioner",
        "PractitionerRole",
        "RelatedPerson",
        "Person",
    ];
    reference.split_once('/').is_some_and(|(ty, id)| {
        TYPES.contains(&ty)
            && (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
    })
}

/// Invitations, and secrets that no code has proved.
async fn begun(
    store: &Store,
    username: &str,
    now_s: i64,
) -> Result<Vec<Held<Enrolment>>, AccountError> {
    const BEGUN_MAX: usize = 100;
    let rows = state::list::<Enrolment>(store, Some(username), BEGUN_MAX, now_s).await;
    rows.map_err(|_| AccountError::Unavailable)
}

fn invitation(username: &str, now_s: i64) -> (Enrolment, String) {
    let token = random::token();
    let invitation = Enrolment {
        id: digest(&token),
        account: username.to_owned(),
        totp: String::new(),
        expires_s: now_s.saturating_add(INVITATION_LIFETIME_S),
    };
    (invitation, token)
}

impl From<Refused> for AccountError {
    fn from(refused: Refused) -> AccountError {
        match refused {
            Refused::Conflict(_) => AccountError::Changed,
            Refused::Unavailable => AccountError::Unavailable,
        }
    }
}

impl fmt::Display for AccountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AccountError::Username => {
                "A user name has letters, digits and any of - _ . @ +, at most 64 bytes."
            }
            AccountError::Name => "A name has 1 to 100 characters.",
            AccountError::FhirUser => {
                "The resource is a reference such as Practitioner/123 or Patient/123."
            }
            AccountError::Taken => "There is an account of this user name.",
            AccountError::Unknown => "There is no account of this user name.",
            AccountError::Linked => "This person of the provider has an account already.",
            AccountError::Person => "Say how the provider names the person.",
            AccountError::Changed => "Somebody else changed this account meanwhile. Look again.",
            AccountError::Unavailable => "The accounts cannot be reached. Try again.",
        })
    }
}

impl std::error::Error for AccountError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_are_the_same_however_they_are_typed() {
        assert_eq!(username(" Okafor ").as_deref(), Some("okafor"));
        assert_eq!(username("ÉLISE@x").as_deref(), Some("élise@x"));
        assert_eq!(username("E\u{301}lise@x").as_deref(), Some("élise@x"));
        for bad in ["", " ", "a b", "a\nb", "a/b", "<b>", &"a".repeat(65)] {
            assert_eq!(username(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_said_of_a_person_is_checked() {
        let new = |name: &str, fhir_user: &str| NewAccount {
            username: "a".into(),
            name: name.into(),
            fhir_user: Some(fhir_user.into()),
            roles: vec![],
        };
        let patient = account(&new("A", "Patient/p-1"), 7).unwrap();
        assert_eq!(patient.patient.as_deref(), Some("p-1"));
        assert_eq!(account(&new("A", " "), 7).unwrap().fhir_user, None);
        assert_eq!(account(&new(" ", ""), 7), Err(AccountError::Name));
        for bad in [
            "Device/1",
            "Patient",
            "Patient/",
            "Patient/a b",
            "https://x/Patient/1",
        ] {
            assert_eq!(
                account(&new("A", bad), 7),
                Err(AccountError::FhirUser),
                "{bad}"
            );
        }
    }
}
