//! The authorization endpoint and the pages that an authorization goes through.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-authorization-code> (S17 to S38)
//!
//! A request that was checked becomes a row; every page names it (`tx`) and leads back here, where `next` says which page comes.

mod approve;
mod granular_choice;
mod issue;
mod next;
mod patient_picker;
mod plain_words;
mod redirect;
pub(crate) mod request;

pub(crate) use patient_picker::{OWN_CLIENT, patient_name};
pub(crate) use plain_words::{plain_words, things_of_type};
pub(crate) use redirect::{is_registered, percent_encode};

use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::client_authentication::permitted;
use crate::endpoints::Endpoint;
use crate::par;
use crate::people::session::{self, Session};
use crate::purposes;
use crate::request::{Parameters, Request};
use crate::scope_ceiling::left_of;
use crate::server::AuthorizationServer;
use crate::state::{self, Authorization, Changes, Client, Held, Refused};
use crate::trail::Trail;
use next::Next;
use redirect::Redirect;

pub(crate) async fn answer(
    server: &AuthorizationServer,
    endpoint: Endpoint,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    match endpoint {
        Endpoint::ChoosePatient => patient_picker::answer(server, request, trail).await,
        Endpoint::Approve => approve::answer(server, request, trail).await,
        _ if request.parameters.get("tx").is_some() => resume(server, request, trail).await,
        _ => begin(server, request, trail).await,
    }
}

/// An authorization under way, with the client that waits for it and whoever is signed in.
struct UnderWay {
    authorization: Held<Authorization>,
    client: Client,
    session: Option<Session>,
}

/// A new request: until client and redirect URI are known to be good, errors are pages (S22, S23).
async fn begin(
    server: &AuthorizationServer,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let now_s = request.now_s;
    let client = client(server, request, trail).await?;
    let pushed = par::pushed(server, &client, &request.parameters, now_s).await?;
    let parameters = match &pushed {
        Some(pushed) => Parameters::new(pushed.parameters.clone()),
        None => request.parameters.clone(),
    };
    let redirect = Redirect::of(&client, &parameters)?;
    let checked = match (&pushed, client.must_push()) {
        (None, true) => Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "this client must push its authorization requests",
        )),
        _ => request::check(server, &client, &parameters, now_s).await,
    };
    let mut checked = match checked {
        Ok(checked) => checked,
        Err(error) => return refused(server, &redirect, &error, trail),
    };
    let mut changes = Changes::new();
    if let Some(pushed) = &pushed {
        checked.authorization.dpop_key = pushed.dpop_key.clone().or(checked.authorization.dpop_key);
        changes = changes.remove(pushed);
    }
    if let Some(launch) = &checked.launch {
        changes = changes.remove(launch);
    }
    let authorization = checked.authorization;
    match state::commit(server.store(), changes.insert(&authorization), now_s).await {
        Ok(()) => {}
        Err(Refused::Conflict(_)) => {
            let used = OAuthError::new(
                ErrorCode::InvalidRequest,
                "the launch or the pushed request was used before",
            );
            return refused(server, &redirect, &used, trail);
        }
        Err(Refused::Unavailable) => return Err(OAuthError::unavailable()),
    }
    if request.method == "POST" && request.session.is_none() {
        // From another site a form comes without the cookie, whoever is signed in (`SameSite=Lax`); what it leads to has it again.
        return Ok(Answer::redirect(link(
            Endpoint::Authorize,
            &authorization.id,
        )));
    }
    let session = session::current(server, request.session, now_s).await?;
    if let Some(session) = &session {
        trail.session(session);
    }
    let authorization = held(server, &authorization.id, now_s).await?;
    let under_way = UnderWay::new(authorization, client.row, session);
    proceed(server, under_way, request, trail).await
}

/// A page has done its part.
async fn resume(
    server: &AuthorizationServer,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let under_way = under_way(server, request, trail).await?;
    proceed(server, under_way, request, trail).await
}

/// Shows the page that comes next, or ends.
async fn proceed(
    server: &AuthorizationServer,
    under_way: UnderWay,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    if let Some(error) = under_way.misused() {
        return end(server, under_way, &error, request.now_s, trail).await;
    }
    if let Err(error) = under_way.check_purposes(server).await {
        return end(server, under_way, &error, request.now_s, trail).await;
    }
    let page = match under_way.next() {
        Next::Grant => return issue::all(server, under_way, request, trail).await,
        _ if under_way.authorization.silent => {
            return silently(server, under_way, request, trail).await;
        }
        Next::SignIn => Endpoint::SignIn,
        Next::SecondFactor => Endpoint::SecondFactor,
        Next::ChoosePatient => Endpoint::ChoosePatient,
        Next::Approve => Endpoint::Approve,
    };
    Ok(Answer::redirect(link(page, &under_way.authorization.id)))
}

/// `prompt=none`: what a page would ask must have been answered before (S37).
async fn silently(
    server: &AuthorizationServer,
    under_way: UnderWay,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let now_s = request.now_s;
    let error = match (under_way.next(), &under_way.session) {
        (Next::Approve, Some(session)) => {
            let agreed = next::remembered(server, &under_way.authorization, session, now_s);
            if agreed.await? {
                return issue::all(server, under_way, request, trail).await;
            }
            OAuthError::new(
                ErrorCode::InteractionRequired,
                "the user has not agreed to all of this yet",
            )
        }
        (Next::ChoosePatient, _) => OAuthError::new(
            ErrorCode::InteractionRequired,
            "the user has to choose a patient",
        ),
        _ => OAuthError::new(
            ErrorCode::LoginRequired,
            "nobody is signed in, or not surely or recently enough",
        ),
    };
    end(server, under_way, &error, now_s, trail).await
}

/// An authorization for the page that asks `for_`, with the one who is asked. `Err`: another page comes first, so that none can
/// be passed over.
async fn at_page(
    server: &AuthorizationServer,
    request: &Request<'_>,
    for_: Next,
    trail: &mut Trail,
) -> Result<Result<(UnderWay, Session), Answer>, OAuthError> {
    let under_way = under_way(server, request, trail).await?;
    match &under_way.session {
        Some(session) if under_way.next() == for_ && under_way.misused().is_none() => {
            let session = session.clone();
            Ok(Ok((under_way, session)))
        }
        _ => {
            let id = &under_way.authorization.id;
            Ok(Err(Answer::redirect(link(Endpoint::Authorize, id))))
        }
    }
}

impl UnderWay {
    fn new(
        mut authorization: Held<Authorization>,
        client: Client,
        session: Option<Session>,
    ) -> UnderWay {
        if let Some(session) = &session {
            authorization.adopt(session);
        }
        UnderWay {
            authorization,
            client,
            session,
        }
    }

    fn next(&self) -> Next {
        next::next(&self.authorization, &self.client, self.session.as_ref())
    }

    /// Whether whoever is signed in may act for what is asserted. (C23)
    async fn check_purposes(&self, server: &AuthorizationServer) -> Result<(), OAuthError> {
        let session = self
            .session
            .as_ref()
            .filter(|_| self.next().is_after_sign_in());
        let Some(session) = session else {
            return Ok(());
        };
        let checked =
            purposes::of_authorization(server, &self.client, session, &self.authorization);
        checked.await.map(|_| ())
    }

    /// Why whoever is signed in may not go on with this.
    fn misused(&self) -> Option<OAuthError> {
        let session = self.session.as_ref()?;
        next::may_use_launch(&self.authorization, session).err()
    }
}

/// The person cannot be recognised as surely as the client asks, and goes back to it.
pub(crate) async fn give_up(
    server: &AuthorizationServer,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let under_way = under_way(server, request, trail).await?;
    let error = OAuthError::new(
        ErrorCode::UnmetAuthenticationRequirements,
        "the user has no passkey to sign in with",
    );
    end(server, under_way, &error, request.now_s, trail).await
}

/// Ends an authorization with an error that the client is told.
async fn end(
    server: &AuthorizationServer,
    under_way: UnderWay,
    error: &OAuthError,
    now_s: i64,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let id = under_way.authorization.id.clone();
    let changes = Changes::new().forget::<Authorization>(&id);
    state::commit(server.store(), changes, now_s).await?;
    refused(
        server,
        &Redirect::to(&under_way.authorization),
        error,
        trail,
    )
}

fn refused(
    server: &AuthorizationServer,
    redirect: &Redirect,
    error: &OAuthError,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    trail.refused();
    Ok(redirect.error(&server.settings().issuer, error))
}

/// The link of a page of this authorization.
fn link(page: Endpoint, id: &str) -> String {
    format!("{}?tx={id}", page.path())
}

/// The authorization that a page's `tx` names.
async fn under_way(
    server: &AuthorizationServer,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<UnderWay, OAuthError> {
    let id = request.parameters.get("tx").unwrap_or_default();
    let mut authorization = held(server, id, request.now_s).await?;
    let session = session::current(server, request.session, request.now_s).await?;
    if let Some(session) = &session {
        trail.session(session);
    }
    let found = state::get::<Client>(server.store(), &authorization.client_id, request.now_s);
    let client = known(found.await?, request, trail)?;
    // An administrator may have narrowed it since it was asked for, and taken the address away that it came from (S22).
    authorization.scope = left_of(&authorization.scope, &client);
    if authorization.scope.is_empty() || !is_registered(&client, &authorization.redirect_uri) {
        return Err(over());
    }
    Ok(UnderWay::new(authorization, client.row, session))
}

async fn held(
    server: &AuthorizationServer,
    id: &str,
    now_s: i64,
) -> Result<Held<Authorization>, OAuthError> {
    let found = state::get::<Authorization>(server.store(), id, now_s).await?;
    found.ok_or_else(over)
}

fn over() -> OAuthError {
    OAuthError::new(
        ErrorCode::InvalidRequest,
        "this sign-in has ended or took too long; go back to the app and start again",
    )
}

async fn client(
    server: &AuthorizationServer,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Held<Client>, OAuthError> {
    let id = request.parameters.get("client_id").unwrap_or_default();
    let found = state::get::<Client>(server.store(), id, request.now_s).await?;
    known(found, request, trail)
}

/// An active client, or an error that is a page: nothing is sent to where an unknown client says (S23).
fn known(
    found: Option<Held<Client>>,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Held<Client>, OAuthError> {
    let page = |why: &str| OAuthError::new(ErrorCode::InvalidRequest, why);
    let client = found.ok_or_else(|| {
        page("the app is not registered here, or its link names no client_id, or more than one")
    })?;
    trail.client(&client);
    // The person's browser comes from anywhere: only the client's own requests are bound to its addresses and certificate.
    let anywhere = Client {
        addresses: Vec::new(),
        certificate: None,
        ..client.row.clone()
    };
    permitted(&anywhere, request).map_err(|error| page(&error.description))?;
    Ok(client)
}
