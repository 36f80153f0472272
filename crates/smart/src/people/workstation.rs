//! Computers that several people use, one at a time (C5): who is there, who takes whose place, and the end of what goes on there
//! when nobody has used it for a while (AT5a, AT5c).

use super::lifetime::{Place, alive};
use crate::answer::OAuthError;
use crate::claims::TOKEN_LIFETIME_S_MAX;
use crate::endpoints::Endpoint;
use crate::revocations::what;
use crate::server::AuthorizationServer;
use crate::state::{self, Account, Changes, Held, Refused, Row, SessionRow, Workstation};
use crate::trail;
use ward_seal::random;
use ward_storage::StoreError;

/// The place, and who is there if it is shared. Where staff is signed in a patient takes nothing over, and gets a place of their own.
pub(super) async fn settled(
    server: &AuthorizationServer,
    account: &Account,
    place: Place,
    now_s: i64,
) -> Result<(Place, Option<Held<Workstation>>), OAuthError> {
    if !place.shared {
        return Ok((place, None));
    }
    let there = state::get::<Workstation>(server.store(), &place.workstation, now_s).await?;
    if account.patient.is_some() && there.as_ref().is_some_and(|there| there.staff) {
        let own = Place {
            workstation: random::uuid(),
            computer: None,
            shared: true,
        };
        return Ok((own, None));
    }
    Ok((place, there))
}

/// The workstation is this session's now; whoever was there before is signed out.
pub(super) fn taken_over(
    changes: Changes,
    known: Option<Held<Workstation>>,
    row: &SessionRow,
    ended: &mut Vec<String>,
) -> Changes {
    let there = of(row);
    let Some(mut known) = known else {
        return changes.insert(&there);
    };
    let before = std::mem::replace(&mut known.row, there);
    // The person's own of before goes on in this one.
    if before.sid() != row.session.sid() {
        ended.push(what::session(before.sid()));
    }
    changes
        .forget::<SessionRow>(&before.session)
        .replace(&known)
}

/// The workstation of a session. It outlives the session, until what was issued through it has ended: see [`end_idle`].
pub(super) fn of(row: &SessionRow) -> Workstation {
    Workstation {
        name: row.session.workstation.clone(),
        session: row.session.id.clone(),
        account: row.session.account.clone(),
        sid: row.session.sid().to_owned(),
        staff: row.session.patient.is_none(),
        due_s: row.expires_s(),
        expires_s: row.ends_s + TOKEN_LIFETIME_S_MAX,
    }
}

/// Voids what apps hold of sessions at shared computers that have ended by idling. To be called every few seconds. One statement,
/// and one or two for each computer whose session may have ended.
pub(crate) async fn end_idle(server: &AuthorizationServer, now_s: i64) -> Result<(), StoreError> {
    let store = server.store();
    let all = state::list::<Workstation>(store, None, usize::MAX, now_s).await?;
    for mut known in all.into_iter().filter(|known| known.due_s <= now_s) {
        let done = match alive(store, &known.account, known.sid(), now_s).await? {
            // It was used meanwhile, or the person proved again who they are.
            Some(session) => {
                known.session.clone_from(&session.session.id);
                known.due_s = session.expires_s();
                state::commit(store, Changes::new().replace(&known), now_s).await
            }
            None => {
                let ended = [what::session(known.sid())];
                let changes = Changes::new().remove(&known);
                let done = server.revoke(changes, &ended, now_s).await;
                if done.is_ok() {
                    let interaction = Endpoint::SignOut.interaction();
                    trail::of_itself(server, interaction, "idle", &known.account).await;
                }
                done
            }
        };
        // Of a conflict: another node did it, or somebody signs in there.
        if done == Err(Refused::Unavailable) {
            return Err(StoreError::Unavailable);
        }
    }
    Ok(())
}
