//! A new secret in place of the one before, shown once. (C17)

use super::detail::{Told, detail};
use super::{Grave, confirm, held, is_sure, keep, link, outcome};
use crate::answer::{Answer, OAuthError};
use crate::people::session::Session;
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::{Authentication, Client, Held, digest};
use crate::trail::Trail;

pub(super) const DECISION: &str = "new-secret";

/// Whether there is a secret to be exchanged.
pub(super) fn has_one(client: &Client) -> bool {
    client.authentication == Authentication::ClientSecretBasic
}

/// The old secret is good for nothing from now on, and tokens that somebody may have got by it are void.
pub(super) async fn exchange(
    server: &AuthorizationServer,
    session: &Session,
    mut client: Held<Client>,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    if !has_one(&client) {
        return Ok(detail(server, session, &client, request, Told::Nothing));
    }
    if !is_sure(request) {
        return Ok(confirm(server, session, request, exchanging(&client)));
    }
    trail.decided("decision", DECISION);
    let was = client.row.clone();
    let secret = new(&mut client.row);
    let done = keep(server, &was, client, true, request.now_s).await;
    let is_done = done.is_ok();
    let notice = outcome(done, &was.name, "has a new secret")?;
    server.watch(request.now_s).await?;
    let client = held(server, &was.client_id, request.now_s).await?;
    let told = match is_done {
        true => Told::Secret(notice, secret),
        false => Told::Notice(notice),
    };
    Ok(detail(server, session, &client, request, told))
}

/// A client that proves itself by a secret from now on gets one; one that no longer does loses it.
pub(super) fn made_if_needed(client: &mut Client) -> Option<String> {
    match (has_one(client), &client.secret_digest) {
        (true, None) => Some(new(client)),
        (true, Some(_)) => None,
        (false, _) => {
            client.secret_digest = None;
            None
        }
    }
}

fn new(client: &mut Client) -> String {
    let secret = ward_seal::random::token();
    client.secret_digest = Some(digest(&secret));
    secret
}

fn exchanging(client: &Client) -> Grave {
    Grave {
        question: format!("Exchange the secret of {}?", client.name),
        text: "The secret that it has is good for nothing from then on, and every token that it holds is void. \
               The new one is shown once: have somebody at hand who enters it there."
            .to_owned(),
        decision: (DECISION, "Exchange it now"),
        back: link(client),
    }
}
