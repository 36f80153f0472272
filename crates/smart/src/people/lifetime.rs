//! Sessions begin, are kept alive by use, and end: by signing out, by idling, when somebody else signs in at a shared computer
//! ([`super::workstation`]), or after a day's work. With a session ends what apps do through it (C5).

use super::session::{Assurance, Session};
use super::{known_browser, workstation};
use crate::answer::{Answer, Cookie, OAuthError};
use crate::request::Request;
use crate::revocations::what;
use crate::server::AuthorizationServer;
use crate::state::{self, Account, Changes, Grant, Held, Refused, Revocation, SessionRow, digest};
use std::borrow::Cow;
use ward_seal::random;
use ward_storage::{Store, StoreError};

/// Without use, at a computer that several people use (AT5c).
pub const IDLE_SHARED_S: i64 = 10 * 60;
/// Without use, at one's own.
pub const IDLE_S: i64 = 30 * 60;
/// However much it is used (NIST SP 800-63B §4.2.3: 12 hours).
pub const LIFETIME_S: i64 = 12 * 3600;
/// From the password to the second factor.
pub const HALF_WAY_S: i64 = 10 * 60;
/// Use is written down this often at most.
const TOUCHED_EVERY_S: i64 = 30;

/// How somebody proved who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proof {
    /// <https://www.rfc-editor.org/rfc/rfc8176>
    pub amr: Cow<'static, [&'static str]>,
    pub assurance: Assurance,
    /// When; `None`: now.
    pub at_s: Option<i64>,
}

impl Proof {
    const fn now(amr: &'static [&'static str], assurance: Assurance) -> Proof {
        Proof {
            amr: Cow::Borrowed(amr),
            assurance,
            at_s: None,
        }
    }

    /// The same as a second factor: what the session was begun with stays beside it.
    pub(super) fn after(&self, first: &Session) -> Proof {
        let mut amr = methods(|method| first.amr.iter().any(|known| known == method));
        for method in self.amr.iter() {
            if !amr.contains(method) {
                amr.push(method);
            }
        }
        Proof {
            amr: Cow::Owned(amr),
            ..self.clone()
        }
    }
}

/// The words of <https://www.rfc-editor.org/rfc/rfc8176#section-2> that are among those said.
pub(super) fn methods(is_said: impl Fn(&str) -> bool) -> Vec<&'static str> {
    METHODS
        .into_iter()
        .filter(|method| is_said(method))
        .collect()
}

const METHODS: [&str; 21] = [
    "face", "fpt", "geo", "hwk", "iris", "kba", "mca", "mfa", "otp", "pin", "pop", "pwd", "rba",
    "retina", "sc", "sms", "swk", "tel", "user", "vbm", "wia",
];

pub(super) const PASSWORD: Proof = Proof::now(&["pwd"], Assurance::Password);
/// A code after the first factor, whose `amr` stay beside these.
pub(super) const CODE: Proof = Proof::now(&["otp", "mfa"], Assurance::Multiple);
pub(super) const RECOVERY_CODE: Proof = Proof::now(&["kba", "mfa"], Assurance::Multiple);
/// A passkey on one device.
pub(super) const DEVICE_PASSKEY: Proof =
    Proof::now(&["hwk", "user", "mfa"], Assurance::PhishingResistant);
/// A passkey that is on several devices of its owner.
pub(super) const SYNCED_PASSKEY: Proof =
    Proof::now(&["swk", "user", "mfa"], Assurance::PhishingResistant);

/// Where somebody signs in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The browser's own, kept from session to session; or the id of the shared computer that it is.
    pub workstation: String,
    /// Name of that computer.
    pub computer: Option<String>,
    pub shared: bool,
}

/// A session that has begun, and the cookie that opens it: never stored, never seen before.
pub(crate) struct Begun {
    pub session: Session,
    pub cookie: String,
    /// Whom it took the place of, at the same browser or the same shared computer: another person's account.
    pub before: Option<String>,
    /// Secret by which the account knows the browser from now on. `None`: it was not sure enough who signed in.
    device: Option<String>,
}

impl Begun {
    /// The answer, with what the browser keeps of it.
    pub(super) fn given(self, answer: Answer) -> Answer {
        answer
            .with_cookie(Cookie::Set(self.cookie))
            .with_device(self.device)
    }
}

/// Begins a session in place of the one that the browser has, whosever it is: a cookie that somebody else may know opens
/// nothing after a sign-in (X56). `changes` happen with it or not at all.
pub(super) async fn begin(
    server: &AuthorizationServer,
    account: &Account,
    proof: &Proof,
    place: Place,
    request: &Request<'_>,
    changes: Changes,
) -> Result<Result<Begun, Refused>, OAuthError> {
    let now_s = request.now_s;
    let cookie = random::token();
    let (place, there) = workstation::settled(server, account, place, now_s).await?;
    let mut row = row(account, proof, &place, digest(&cookie), now_s);
    let mut changes = changes;
    let mut ended = Vec::new();
    let mut before = None;
    let old = held(server, request.session, now_s).await?;
    if let Some(old) = &old {
        changes = changes.forget::<SessionRow>(&old.session.id);
        if old.session.account == account.username {
            row.session.first = Some(old.session.sid().to_owned());
        } else {
            ended.push(what::session(old.session.sid()));
            before = Some(old.session.account.clone());
        }
    }
    changes = changes.insert(&row);
    let mut device = None;
    // Nobody is signed out by a password alone, and no browser is known by one: it may be stolen, and sent from afar.
    if proof.assurance >= Assurance::Multiple {
        if place.shared {
            let there_is = there.as_ref().map(|there| &there.account);
            let another = there_is.filter(|there| **there != account.username);
            before = another.cloned().or(before);
            changes = workstation::taken_over(changes, there, &row, &mut ended);
        }
        let secret = known_browser::kept(request);
        changes = known_browser::remembered(server, &row, &secret, request, changes).await?;
        device = Some(secret);
    }
    let done = if ended.is_empty() {
        state::commit(server.store(), changes, now_s).await
    } else {
        server.revoke(changes, &ended, now_s).await
    };
    Ok(done.map(|()| Begun {
        session: row.session,
        cookie,
        before,
        device,
    }))
}

/// The session of this `sid`, or the one in its place. A second statement where it is not the first of its kind.
pub(super) async fn alive(
    store: &Store,
    account: &str,
    sid: &str,
    now_s: i64,
) -> Result<Option<Held<SessionRow>>, StoreError> {
    if let Some(first) = state::get::<SessionRow>(store, sid, now_s).await? {
        return Ok(Some(first));
    }
    let rows = state::list::<SessionRow>(store, Some(account), usize::MAX, now_s).await?;
    Ok(rows.into_iter().find(|held| held.session.sid() == sid))
}

/// The newest of the sessions of this `sid`: one that took another's place was proved later.
pub(super) async fn newest(
    store: &Store,
    account: &str,
    sid: &str,
    now_s: i64,
) -> Result<Option<Held<SessionRow>>, StoreError> {
    let rows = state::list::<SessionRow>(store, Some(account), usize::MAX, now_s).await?;
    let of_sid = rows.into_iter().filter(|held| held.session.sid() == sid);
    Ok(of_sid.max_by_key(|held| held.session.auth_time_s))
}

fn row(account: &Account, proof: &Proof, place: &Place, id: String, now_s: i64) -> SessionRow {
    let half_way = proof.assurance < Assurance::Multiple;
    SessionRow {
        session: Session {
            id,
            first: None,
            account: account.username.clone(),
            name: account.name.clone(),
            subject: account.subject.clone(),
            fhir_user: account.fhir_user.clone(),
            patient: account.patient.clone(),
            roles: account.roles.clone(),
            auth_time_s: proof.at_s.unwrap_or(now_s),
            amr: proof.amr.iter().map(|word| (*word).to_owned()).collect(),
            acr: proof.assurance.word().to_owned(),
            workstation: place.workstation.clone(),
            computer: place.computer.clone(),
        },
        begun_s: now_s,
        last_used_s: now_s,
        idle_s: if place.shared { IDLE_SHARED_S } else { IDLE_S },
        ends_s: now_s + if half_way { HALF_WAY_S } else { LIFETIME_S },
        shared: place.shared,
    }
}

/// The session that a cookie opens.
pub(super) async fn held(
    server: &AuthorizationServer,
    cookie: Option<&str>,
    now_s: i64,
) -> Result<Option<Held<SessionRow>>, OAuthError> {
    match cookie {
        Some(cookie) => Ok(state::get(server.store(), &digest(cookie), now_s).await?),
        None => Ok(None),
    }
}

/// Notes that a session is in use. What another request notes at the same moment will do.
pub(super) async fn touch(
    server: &AuthorizationServer,
    mut held: Held<SessionRow>,
    now_s: i64,
) -> Session {
    if now_s.saturating_sub(held.last_used_s) >= TOUCHED_EVERY_S {
        held.last_used_s = now_s;
        let noted = state::commit(server.store(), Changes::new().replace(&held), now_s).await;
        if noted == Err(Refused::Unavailable) {
            tracing::warn!("the use of a session could not be noted");
        }
    }
    held.row.session
}

/// Ends a session on every node, and voids the tokens that were issued through it.
pub(super) async fn end(
    server: &AuthorizationServer,
    session: &Session,
    now_s: i64,
) -> Result<(), OAuthError> {
    let changes = Changes::new().forget::<SessionRow>(&session.id);
    let void = [what::session(session.sid())];
    Ok(server.revoke(changes, &void, now_s).await?)
}

/// Ends every session of an account but one; what is void from then on, which the caller notes on its own node.
pub(super) async fn end_all(
    store: &Store,
    account: &str,
    except: Option<&str>,
    now_s: i64,
) -> Result<Vec<String>, OAuthError> {
    let rows = state::list::<SessionRow>(store, Some(account), usize::MAX, now_s).await?;
    let others = rows.iter().map(|held| &held.session);
    let others: Vec<&Session> = others
        .filter(|own| Some(own.id.as_str()) != except)
        .collect();
    for some in others.chunks(ENDED_AT_ONCE) {
        let changes = some.iter().fold(Changes::new(), |changes, session| {
            let void = Revocation::new(what::session(session.sid()), now_s);
            changes.forget::<SessionRow>(&session.id).insert(&void)
        });
        state::commit(store, changes.announced(), now_s).await?;
    }
    let void = others.iter().map(|session| what::session(session.sid()));
    Ok(void.collect())
}

/// Ends all that a person has granted, to whichever app; what is void from then on, which the caller notes on its own node.
pub(super) async fn end_grants(
    store: &Store,
    subject: &str,
    now_s: i64,
) -> Result<Vec<String>, OAuthError> {
    let rows = state::list::<Grant>(store, Some(subject), usize::MAX, now_s).await?;
    for some in rows.chunks(ENDED_AT_ONCE) {
        let changes = some.iter().fold(Changes::new(), |changes, grant| {
            let void = Revocation::new(what::grant(&grant.id), now_s);
            changes.forget::<Grant>(&grant.id).insert(&void)
        });
        state::commit(store, changes.announced(), now_s).await?;
    }
    Ok(rows.iter().map(|grant| what::grant(&grant.id)).collect())
}

/// Sessions of one account that are shown.
pub(super) const SESSIONS_MAX: usize = 500;
/// Two changes each.
const ENDED_AT_ONCE: usize = 100;
