//! Why a sign-in at the provider came to nothing, as the person reads it. What the provider itself wrote is never shown: whoever
//! made the link could have written it.

use crate::answer::{Answer, OAuthError};
use crate::page::{Message, Page};
use crate::state::Refused;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It does not answer, or says of itself what cannot be used.
    Unreachable,
    /// The person said no there.
    Declined,
    /// It refused for another reason.
    Refused,
    /// The browser comes back with a state that it did not take along, used before, or took along too long ago.
    Lost,
    /// The answer is another provider's (RFC 9207).
    AnotherIssuer,
    /// What it says of the person is not signed by it, not for us, or not for this sign-in.
    Untrusted,
    /// The same, and what does not fit is the time.
    Clocks,
    /// The person signed in there too long ago for what is asked, or it does not say when.
    TooOld,
    /// It does not say who the person is.
    Nameless,
    /// Nobody here has this account there. Holds what an administrator needs to link it.
    Unknown(String),
    /// The person's account here is closed.
    Suspended,
    /// Another request came first.
    AtOnce,
    /// Our own state cannot be read or written.
    Unavailable,
}

impl Trouble {
    /// The page, with the way back to sign in another time. `provider`: its name; `again`: path of the sign-in page.
    pub(super) fn page(&self, provider: &str, again: String) -> Answer {
        let message = Message {
            title: self.title(provider),
            text: self.text(provider),
            is_error: true,
            link: Some(("Back to signing in".to_owned(), again)),
        };
        Answer::page(self.status(), Page::Message(message))
    }

    fn status(&self) -> u16 {
        match self {
            Trouble::Unreachable | Trouble::Unavailable => 503,
            Trouble::Declined | Trouble::Unknown(_) | Trouble::Suspended => 403,
            _ => 400,
        }
    }

    fn title(&self, provider: &str) -> String {
        match self {
            Trouble::Unreachable => format!("{provider} cannot be reached"),
            Trouble::Declined => format!("Not signed in at {provider}"),
            Trouble::Lost | Trouble::AtOnce => "This sign-in is over".to_owned(),
            Trouble::TooOld => "Sign in anew".to_owned(),
            Trouble::Unknown(_) => "No account here".to_owned(),
            Trouble::Suspended => "This account is suspended".to_owned(),
            Trouble::Unavailable => "Try again in a moment".to_owned(),
            _ => "The sign-in did not succeed".to_owned(),
        }
    }

    fn text(&self, provider: &str) -> String {
        match self {
            Trouble::Unreachable => format!(
                "{provider} does not answer, or not as it should. Try again later; whoever looks after this server finds the \
                 reason in its log."
            ),
            Trouble::Declined => format!("{provider} says that the sign-in was cancelled there."),
            Trouble::Refused => format!("{provider} did not take the sign-in."),
            Trouble::Lost => "It was begun in another browser or more than ten minutes ago, or it has been used. Begin again."
                .to_owned(),
            Trouble::AnotherIssuer => format!("The answer does not come from {provider}. Begin again from this server's page."),
            Trouble::Untrusted => format!("What {provider} says about you cannot be trusted here."),
            Trouble::Clocks => format!(
                "By this server's clock, what {provider} says about you is not valid now. The clock of one of the two is wrong."
            ),
            Trouble::TooOld => format!(
                "A new sign-in is needed, and {provider} did not ask you for one or does not say when you signed in there."
            ),
            Trouble::Nameless => format!("{provider} does not say who you are in a way that this server knows."),
            Trouble::Unknown(person) => format!(
                "You are signed in at {provider}, and no account here belongs to you. Ask an administrator of this server to \
                 link it; there you are called {person}."
            ),
            Trouble::Suspended => "Ask an administrator of this server.".to_owned(),
            Trouble::AtOnce => "It was used at the same moment elsewhere. Begin again.".to_owned(),
            Trouble::Unavailable => "The server's state cannot be reached.".to_owned(),
        }
    }
}

impl From<OAuthError> for Trouble {
    fn from(_: OAuthError) -> Trouble {
        Trouble::Unavailable
    }
}

impl From<ward_storage::StoreError> for Trouble {
    fn from(_: ward_storage::StoreError) -> Trouble {
        Trouble::Unavailable
    }
}

impl From<Refused> for Trouble {
    fn from(refused: Refused) -> Trouble {
        match refused {
            Refused::Conflict(_) => Trouble::AtOnce,
            Refused::Unavailable => Trouble::Unavailable,
        }
    }
}
