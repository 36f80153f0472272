//! The button that asks the browser for a passkey. `passkey.js` shows it where the browser can do that, and puts what the
//! browser answers into the field `passkey` of the form around it. <https://www.w3.org/TR/webauthn-3/>

use super::attribute as a;
use super::attribute::Attribute;
use super::form;
use super::html::Html;
use super::tag;

/// Signs in with a passkey that was made before.
pub fn use_one(html: &mut Html, class: &'static str, challenge: &str, rp_id: &str) {
    let attributes = [
        a::passkey("use"),
        a::challenge(challenge),
        a::relying_party(rp_id),
    ];
    button(html, class, &attributes, "Use a passkey");
}

/// Whom a new passkey is for.
#[derive(Clone, Copy)]
pub struct Owner<'a> {
    pub challenge: &'a str,
    pub rp_id: &'a str,
    pub user_handle: &'a str,
    pub username: &'a str,
    pub name: &'a str,
}

/// Makes a new passkey; nothing where there can be none, because the server is addressed by number.
pub fn make_one(html: &mut Html, class: &'static str, owner: Owner<'_>, text: &str) {
    if owner.challenge.is_empty() {
        return;
    }
    let attributes = [
        a::passkey("make"),
        a::challenge(owner.challenge),
        a::relying_party(owner.rp_id),
        a::user_handle(owner.user_handle),
        a::user_name(owner.username),
        a::display_name(owner.name),
    ];
    button(html, class, &attributes, text);
}

fn button(html: &mut Html, class: &'static str, attributes: &[Attribute<'_>], text: &str) {
    form::hidden(html, "passkey", "");
    let own = [a::kind("button"), a::class(class), a::hidden()];
    html.line(tag::BUTTON, &[&own, attributes].concat(), text);
    html.element(
        tag::P,
        &[a::class("wrong"), a::role("alert"), a::hidden()],
        |html| {
            html.text("No passkey was used. Try again, or go on in another way.");
        },
    );
}
