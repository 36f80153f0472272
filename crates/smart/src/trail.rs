//! What is remembered of a request to the authorization server: one audit record each, whatever came of it.

use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::authorize::{OWN_CLIENT, percent_encode};
use crate::claims::authenticated;
use crate::endpoints::Endpoint;
use crate::page::{Message, Page};
use crate::people::Begun;
use crate::people::session::{Assurance, Session};
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::{Client, Grant};
use crate::tokens::Minted;
use std::time::Instant;
use ward_access::{BREAK_GLASS, Caller, Purposes};
use ward_audit::{Alert, Decision, Detail, Entity, Outcome, Record};

/// Who a request turned out to be of. Only what was proved: a name that somebody merely gave is not recorded as theirs.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    client_id: String,
    user: String,
    purpose: String,
    decided: Vec<(&'static str, String)>,
    entities: Vec<Entity>,
    decision: Decision,
    detail: Detail,
    refused: bool,
    alarming: bool,
    /// What the request costs was taken from somebody.
    charged: bool,
}

impl Trail {
    pub(crate) fn client(&mut self, client: &Client) {
        self.client_id.clone_from(&client.client_id);
        // What holds where nothing is asserted, until it is known what is.
        let registered = client.purpose_of_use.as_deref().unwrap_or_default();
        self.purpose = registered.split(' ').next().unwrap_or_default().to_owned();
    }

    /// Whose token asks.
    pub(crate) fn caller(&mut self, caller: &Caller) {
        self.client_id.clone_from(&caller.client_id);
        let user = caller.fhir_user.as_ref().unwrap_or(&caller.subject);
        self.user.clone_from(user);
        self.purposes(caller.acts_for());
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        self.detail.token_id.clone_from(&caller.token_id);
        self.detail.session = text(&caller.session);
        self.detail.workstation = text(&caller.workstation);
        self.detail.authenticated = text(&caller.authenticated);
        self.detail.roles = caller.roles.join(" ");
        self.detail.is_delegate = caller.client.acts_for && caller.is_user();
    }

    /// Somebody has broken the glass of a record; its review is among the entities. The privacy office has to look at it (A16).
    pub(crate) fn broke_glass(&mut self, entities: Vec<Entity>) {
        self.ended_glass();
        self.decision.alert = Some(Alert::BREAK_GLASS);
        self.entities = entities;
    }

    /// And closed it again.
    pub(crate) fn ended_glass(&mut self) {
        self.decision.break_glass = true;
        self.purpose = BREAK_GLASS.to_owned();
    }

    /// The client that an administrator decides about.
    pub(crate) fn about(&mut self, client: &Client) {
        self.client_id.clone_from(&client.client_id);
    }

    pub(crate) fn session(&mut self, session: &Session) {
        self.user = session
            .fhir_user
            .clone()
            .unwrap_or_else(|| session.subject.clone());
        self.detail.session = session.sid().to_owned();
        self.detail.workstation = session.computer.clone().unwrap_or_default();
        self.detail.authenticated =
            authenticated(Some(&session.acr), &session.amr).unwrap_or_default();
        self.detail.roles = session.roles.join(" ");
    }

    /// Somebody has signed in, half-way or wholly; perhaps in the place of somebody else.
    pub(crate) fn begun(&mut self, begun: &Begun) {
        self.session(&begun.session);
        let is_sure = begun.session.assurance() >= Some(Assurance::Multiple);
        match &begun.before {
            Some(before) if is_sure => {
                self.event("switch-user");
                self.decided("before", before);
            }
            _ if is_sure => self.event("login"),
            _ => self.event("password"),
        }
    }

    pub(crate) fn grant(&mut self, grant: &Grant) {
        self.user = grant
            .fhir_user
            .clone()
            .unwrap_or_else(|| grant.subject.clone());
        self.detail.session.clone_from(&grant.session);
        self.detail.workstation = grant.computer.clone().unwrap_or_default();
        self.detail.authenticated = authenticated(Some(&grant.acr), &grant.amr).unwrap_or_default();
        self.detail.roles = grant.roles.join(" ");
    }

    /// What of the endpoint's it was: one of the words of `docs/audit-events.md`. The last that is said counts.
    pub(crate) fn event(&mut self, word: &'static str) {
        word.clone_into(&mut self.detail.subtype);
    }

    /// The token that the request is about, by its `jti`.
    pub(crate) fn token(&mut self, id: &str) {
        id.clone_into(&mut self.detail.token_id);
    }

    /// The token that the answer holds: what it is good for, and until when. Never the token.
    pub(crate) fn issued(&mut self, minted: &Minted, scope: &str) {
        self.token(&minted.id);
        let kept = scope.floor_char_boundary(SCOPE_BYTES_MAX);
        self.decided("scope", &scope[..kept]);
        self.decided("expires", &minted.expires_s.to_string());
    }

    /// What a token is for.
    pub(crate) fn purposes(&mut self, purposes: &Purposes) {
        self.purpose = purposes.to_string();
    }

    /// What an administrator decided, about what: the record names both. Only words of our own and names that are known here.
    pub(crate) fn decided(&mut self, name: &'static str, value: &str) {
        if name == "decision" {
            value.clone_into(&mut self.detail.subtype);
        }
        self.decided.push((name, value.to_owned()));
    }

    /// The answer is a refusal though its status does not say so: a redirect with an error, a page that asks again.
    pub(crate) fn refused(&mut self) {
        self.refused = true;
    }

    /// Whether it is to be taken now what the request costs: once.
    pub(crate) fn charge(&mut self) -> bool {
        !std::mem::replace(&mut self.charged, true)
    }

    /// Something is used that must have been stolen (S27, S92).
    pub(crate) fn alarm(&mut self, what: &'static str) {
        self.alarming = true;
        tracing::warn!(client = %self.client_id, what, "a credential was used twice; what it gave is revoked");
    }

    /// What is known of every request.
    fn complete(&mut self, endpoint: Endpoint, request: &Request<'_>, begun: Instant) {
        let detail = &mut self.detail;
        if detail.subtype.is_empty() && endpoint.is_for_people() && request.method != "POST" {
            PAGE.clone_into(&mut detail.subtype);
        }
        detail.client_request_id = request.client_request_id.unwrap_or_default().to_owned();
        detail.elapsed_us = u64::try_from(begun.elapsed().as_micros()).ok();
    }

    fn outcome(&self, status: u16) -> Outcome {
        match status {
            _ if self.alarming => Outcome::Serious,
            503 => Outcome::Major,
            500.. => Outcome::Serious,
            400.. => Outcome::Minor,
            _ if self.refused => Outcome::Minor,
            _ => Outcome::Success,
        }
    }
}

/// Leaves the record, and only then lets the answer go.
pub(crate) async fn recorded(
    server: &AuthorizationServer,
    endpoint: Endpoint,
    request: &Request<'_>,
    (mut trail, begun): (Trail, Instant),
    answer: Answer,
) -> Answer {
    let query = query(&trail.decided, request);
    trail.complete(endpoint, request, begun);
    let record = Record {
        at_us: server.engine().now_us(),
        request_id: request.request_id,
        interaction: endpoint.interaction().to_owned(),
        outcome: trail.outcome(answer.status()),
        client_id: trail.client_id,
        user: trail.user,
        purpose: trail.purpose,
        source: request.source.to_owned(),
        status: answer.status(),
        query,
        entities: trail.entities,
        decision: trail.decision,
        detail: trail.detail,
    };
    match server.engine().log().append(&record).await {
        Ok(_) => answer,
        Err(_) => {
            tracing::error!("audit record could not be made durable; answer withheld");
            withheld(&answer)
        }
    }
}

/// Somebody looks at a page, and nothing is done.
const PAGE: &str = "page";
/// Of a scope that stands in a record.
const SCOPE_BYTES_MAX: usize = 1_024;

/// What the authorization server does of itself, that nobody asks for at the moment: about which account, if about one.
pub(crate) async fn of_itself(
    server: &AuthorizationServer,
    interaction: &str,
    subtype: &str,
    account: &str,
) {
    let mut request_id = [0; 16];
    ward_seal::random::fill(&mut request_id);
    let query = match account {
        "" => String::new(),
        account => format!("username={account}"),
    };
    let record = Record {
        at_us: server.engine().now_us(),
        request_id,
        interaction: interaction.to_owned(),
        client_id: OWN_CLIENT.to_owned(),
        user: String::new(),
        purpose: String::new(),
        source: String::new(),
        outcome: Outcome::Success,
        status: 200,
        query,
        entities: Vec::new(),
        decision: Decision::default(),
        detail: Detail {
            subtype: subtype.to_owned(),
            ..Detail::default()
        },
    };
    if server.engine().log().append(&record).await.is_err() {
        tracing::error!(
            interaction,
            subtype,
            "the audit record could not be made durable"
        );
    }
}

/// One of several things that a request or the server of itself does: a Record of its own.
pub(crate) struct Step {
    pub interaction: &'static str,
    pub subtype: &'static str,
    /// Only words of our own and names that are known here.
    pub about: Vec<(&'static str, String)>,
    pub outcome: Outcome,
}

/// Durable when this returns. `by`: whose request it is; `None`: nobody's. Error: it could not be written.
pub(crate) async fn step(
    server: &AuthorizationServer,
    step: Step,
    by: Option<(&Session, &Request<'_>)>,
) -> Result<(), OAuthError> {
    let mut trail = Trail::default();
    if let Some((session, _)) = by {
        trail.session(session);
    }
    let mut request_id = [0; 16];
    ward_seal::random::fill(&mut request_id);
    step.subtype.clone_into(&mut trail.detail.subtype);
    trail.detail.elapsed_us = Some(0);
    let request = by.map(|(_, request)| request);
    let own = request.is_none().then(|| OWN_CLIENT.to_owned());
    let none = Request::default();
    let query = query(&step.about, &none);
    let record = Record {
        at_us: server.engine().now_us(),
        request_id: request.map_or(request_id, |request| request.request_id),
        interaction: step.interaction.to_owned(),
        outcome: step.outcome,
        client_id: own.unwrap_or_default(),
        user: trail.user,
        purpose: String::new(),
        source: request.map_or("", |request| request.source).to_owned(),
        status: if step.outcome == Outcome::Success {
            200
        } else {
            500
        },
        query: query.trim_end_matches('&').to_owned(),
        entities: Vec::new(),
        decision: Decision::default(),
        detail: trail.detail,
    };
    let written = server.engine().log().append(&record).await;
    written.map(|_| ()).map_err(|_| OAuthError::unavailable())
}

fn withheld(answer: &Answer) -> Answer {
    const WHY: &str = "the audit record could not be written; nothing is answered without it";
    match answer {
        Answer::Json { .. } => OAuthError::new(ErrorCode::TemporarilyUnavailable, WHY).into(),
        _ => Answer::page(
            503,
            Page::Message(Message {
                title: "Try again in a moment".to_owned(),
                text: WHY.to_owned(),
                is_error: true,
                link: None,
            }),
        ),
    }
}

/// What was decided, with what it is about, and the names of all other parameters: their values are secrets or names of people.
fn query(decided: &[(&'static str, String)], request: &Request<'_>) -> String {
    let mut query = String::new();
    for (name, value) in decided {
        query.push_str(name);
        query.push('=');
        percent_encode(value, &mut query);
        query.push('&');
    }
    query.push_str(&names(request, |name| {
        decided.iter().any(|(said, _)| *said == name)
    }));
    query
}

fn names(request: &Request<'_>, is_said: impl Fn(&str) -> bool) -> String {
    const NAMES_BYTES_MAX: usize = 256;
    let mut names = String::new();
    for (name, _) in request.parameters.iter() {
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !is_said(name);
        if plain && names.len() + name.len() < NAMES_BYTES_MAX {
            if !names.is_empty() {
                names.push('&');
            }
            names.push_str(name);
        }
    }
    names
}
