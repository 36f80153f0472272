//! Which changes of a registration end the tokens that were issued before. What was granted stays, and is worth what the registration
//! has of it from then on: each use of it is measured by the client as it is.

use crate::scope_ceiling::covers;
use crate::state::Client;

/// Whether a token of the client as it was could open what the client as it is may not, or be of somebody who can prove themselves by
/// it no longer.
pub(super) fn ends_tokens(was: &Client, is: &Client) -> bool {
    let narrower = was
        .scope
        .split(' ')
        .any(|one| !one.is_empty() && !covers(&is.scope, one));
    narrower
        || loses_purposes(was, is)
        || was.acts_for != is.acts_for
        || was.constraint() != is.constraint()
        || was.certificate != is.certificate
        || was.authentication != is.authentication
        || was.secret_digest != is.secret_digest
        || was.keys != is.keys
        || !was.fapi2 && is.fapi2
}

/// Whether tokens may be for what the client may act for no longer: only that others are added leaves them.
fn loses_purposes(was: &Client, is: &Client) -> bool {
    let of = |client: &Client| -> Vec<String> {
        let text = client.purpose_of_use.as_deref().unwrap_or_default();
        text.split_whitespace().map(str::to_owned).collect()
    };
    let (before, after) = (of(was), of(is));
    let is_kept = !before.is_empty() && before.iter().all(|purpose| after.contains(purpose));
    before != after && !is_kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{ActsFor, Authentication, KeysAt, SenderConstraint};

    #[test]
    fn c17_what_a_client_may_no_longer_do_ends_its_tokens() {
        let was = Client {
            scope: "system/Patient.rs system/Observation.crus".into(),
            certificate: Some("ab".repeat(32)),
            purpose_of_use: Some("TREAT HPAYMT".into()),
            ..Client::default()
        };
        type Change = fn(&mut Client);
        let ends: [Change; 11] = [
            |c| c.purpose_of_use = Some("TREAT".into()),
            |c| c.purpose_of_use = None,
            |c| c.scope = "system/Patient.rs".into(),
            |c| c.scope = "system/Patient.r system/Observation.crus".into(),
            |c| c.acts_for = Some(ActsFor::default()),
            |c| c.sender_constraint = SenderConstraint::Dpop,
            |c| c.certificate = None,
            |c| c.authentication = Authentication::PrivateKeyJwt,
            |c| c.secret_digest = Some("x".into()),
            |c| c.keys = Some(KeysAt::Url("https://lab.example/jwks".into())),
            |c| c.fapi2 = true,
        ];
        let leaves: [Change; 9] = [
            |c| c.purpose_of_use = Some("HPAYMT HRESCH TREAT".into()),
            |_| (),
            |c| c.scope = "system/*.cruds".into(),
            |c| c.owner = "Somebody else".into(),
            |c| c.review_due_s = Some(1),
            |c| c.may_introspect = true,
            // Looked at with each request.
            |c| c.clearance = Some("N".into()),
            |c| c.sees_labels = true,
            |c| c.redirect_uris = vec!["https://app.example/cb".into()],
        ];
        let ended = |change: Change| {
            let mut is = was.clone();
            change(&mut is);
            ends_tokens(&was, &is)
        };
        assert!(ends.into_iter().all(ended));
        assert!(!leaves.into_iter().any(ended));
    }
}
