//! App state: what an app keeps here for a user, a patient, or all who use it, as Basic resources at a base of their own.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/app-state.html> (S110, S111)
//!
//! It is kept beside the clinical store, as rows of the authorization server under the client's name: no search, compartment or
//! export can meet it, and no client that of another. It is nothing clinical, and roles and shifts do not matter to it.

mod document;
mod rights;

use crate::server::AuthorizationServer;
use crate::state::{self, AppState, Changes, Held, Refused};
use document::{Stated, bundle, capabilities, demand_room, stated, written};
use rights::Rights;
use ward_access::{Action, Caller};
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, TypeId};
use ward_resources::{Call, Interaction, Reply};

/// Path of its base below the origin.
pub const APP_STATE_PATH: &str = "/app-state";
/// Bytes of one state as it is sent (413).
pub const APP_STATE_BYTES_MAX: usize = 256 * 1024;
/// States of one app about one subject (422).
pub const APP_STATES_MAX: usize = 64;
/// As it is recorded.
const INTERACTION: &str = "app-state";

impl AuthorizationServer {
    /// The base of app state, which discovery names.
    pub fn app_state_base(&self) -> String {
        format!("{}{APP_STATE_PATH}", self.settings().issuer)
    }

    /// Answers one Call to that base. Never fails; leaves one Record.
    pub async fn app_state(&self, caller: &Caller, call: &Call) -> Reply {
        let reply = match answer(self, caller, call).await {
            Ok(reply) => reply,
            Err(failure) => Reply::failure(&failure),
        };
        let reply = Reply {
            interaction: Some(INTERACTION),
            ..reply
        };
        self.engine().recorded(caller, call, reply).await
    }
}

async fn answer(server: &AuthorizationServer, caller: &Caller, call: &Call) -> Result<Reply> {
    let asked = Asked {
        server,
        call,
        rights: Rights::of(server, caller),
        client_id: &caller.client_id,
        now_us: server.engine().now_us(),
    };
    match &call.interaction {
        Interaction::Capabilities => Ok(Reply::resource(200, capabilities(server))),
        Interaction::Create { ty } if is_basic(*ty) => asked.create(*ty).await,
        Interaction::Read { ty, id } if is_basic(*ty) => asked.read(id).await,
        Interaction::Update { ty, id } if is_basic(*ty) => asked.update(*ty, id).await,
        Interaction::Delete { ty, id } if is_basic(*ty) => asked.delete(id).await,
        Interaction::SearchType { ty } if is_basic(*ty) => asked.search().await,
        _ => Err(Failure::new(
            Kind::NotFound,
            "app state is created, read, updated, deleted and searched as Basic; nothing else is here",
        )),
    }
}

struct Asked<'a> {
    server: &'a AuthorizationServer,
    call: &'a Call,
    rights: Rights<'a>,
    client_id: &'a str,
    now_us: i64,
}

impl Asked<'_> {
    async fn create(&self, ty: TypeId) -> Result<Reply> {
        let Stated {
            id: _,
            subject,
            code,
            extensions,
        } = stated(self.call, ty)?;
        let about = self.rights.subject(subject.as_deref())?;
        self.rights.demand(Action::Create, about, &code)?;
        let others = self.all(subject.as_deref()).await?;
        if others.len() >= APP_STATES_MAX {
            let text = format!(
                "the app has {APP_STATES_MAX} states about this subject; delete one before another is added"
            );
            return Err(Failure::new(Kind::BusinessRule, text));
        }
        let mut new = AppState::new(self.client_id, subject, code);
        new.extensions = extensions;
        new.updated_us = self.now_us;
        demand_room(&new)?;
        self.commit(Changes::new().insert(&new)).await?;
        Ok(shown(201, &new))
    }

    async fn read(&self, id: &str) -> Result<Reply> {
        self.rights.demand_some(Action::Read)?;
        match self.held(id).await? {
            Some(held) if self.sees(Action::Read, &held) => Ok(shown(200, &held)),
            _ => Err(Failure::new(
                Kind::NotFound,
                "there is no such state that you may see",
            )),
        }
    }

    async fn update(&self, ty: TypeId, id: &str) -> Result<Reply> {
        let stated = stated(self.call, ty)?;
        if stated.id.as_deref() != Some(id) {
            let text = "the id of the body is not that of the URL";
            return Err(Failure::new(Kind::Invalid, text).at("Basic.id"));
        }
        let about = self.rights.subject(stated.subject.as_deref())?;
        self.rights.demand(Action::Update, about, &stated.code)?;
        let mut held = self.matched(id, Action::Update).await?;
        let is_same = held.subject == stated.subject
            && (&held.code.system, &held.code.code) == (&stated.code.system, &stated.code.code);
        if !is_same {
            return Err(other("subject and code of a state stay what they are"));
        }
        held.code = stated.code;
        held.extensions = stated.extensions;
        held.version += 1;
        held.updated_us = self.now_us;
        demand_room(&held)?;
        self.commit(Changes::new().replace(&held)).await?;
        Ok(shown(200, &held))
    }

    async fn delete(&self, id: &str) -> Result<Reply> {
        self.rights.demand_some(Action::Delete)?;
        let held = self.matched(id, Action::Delete).await?;
        self.commit(Changes::new().remove(&held)).await?;
        Ok(Reply::status(204))
    }

    async fn search(&self) -> Result<Reply> {
        let asked = rights::query(&self.call.parameters)?;
        let about = self.rights.subject(asked.subject)?;
        self.rights.demand_about(Action::Search, about)?;
        let all = self.all(asked.subject).await?;
        let found = all.iter().filter(|state| asked.is_of(&state.code));
        let found = found.filter(|state| self.sees(Action::Search, state));
        Ok(Reply::resource(200, bundle(self.server, found)))
    }

    /// The state that `If-Match` names. One that is gone, is another's or is not the caller's to change is as good as changed.
    async fn matched(&self, id: &str, action: Action) -> Result<Held<AppState>> {
        let Some(tag) = self.call.conditions.if_match.as_deref() else {
            let text = "If-Match must name the version that is to be changed, such as W/\"1\"";
            return Err(Failure::new(Kind::PreconditionRequired, text));
        };
        let held = self.held(id).await?;
        let held = held.filter(|held| self.sees(action, held));
        let held = held.filter(|held| version(tag) == Some(held.version));
        held.ok_or_else(|| other("If-Match does not name the current version"))
    }

    fn sees(&self, action: Action, state: &AppState) -> bool {
        let about = self.rights.subject(state.subject.as_deref());
        about.is_ok_and(|about| self.rights.permit(action, about, &state.code))
    }

    async fn held(&self, id: &str) -> Result<Option<Held<AppState>>> {
        let key = AppState::key_of(self.client_id, id);
        let found = state::get(self.server.store(), &key, self.now_s()).await;
        found.map_err(|_| unavailable())
    }

    async fn all(&self, subject: Option<&str>) -> Result<Vec<Held<AppState>>> {
        let owner = AppState::owner_of(self.client_id, subject);
        let found = state::list(
            self.server.store(),
            Some(&owner),
            APP_STATES_MAX,
            self.now_s(),
        );
        found.await.map_err(|_| unavailable())
    }

    async fn commit(&self, changes: Changes) -> Result<()> {
        let done = state::commit(self.server.store(), changes, self.now_s()).await;
        done.map_err(|refused| match refused {
            Refused::Conflict(_) => other("another request has changed the state"),
            Refused::Unavailable => unavailable(),
        })
    }

    fn now_s(&self) -> i64 {
        self.now_us / 1_000_000
    }
}

fn shown(status: u16, state: &AppState) -> Reply {
    Reply {
        version: Some(state.version),
        last_modified_us: Some(state.updated_us),
        location: (status == 201).then(|| format!("Basic/{}", state.id)),
        ..Reply::resource(status, written(state).to_string())
    }
}

/// Of `W/"n"` or `"n"`.
fn version(tag: &str) -> Option<u32> {
    let tag = tag.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

fn other(text: &str) -> Failure {
    Failure::new(Kind::Precondition, text)
}

fn unavailable() -> Failure {
    Failure::new(
        Kind::Unavailable,
        "the server's state cannot be reached; try again",
    )
}

fn is_basic(ty: TypeId) -> bool {
    r4().ty(ty).name == "Basic"
}
