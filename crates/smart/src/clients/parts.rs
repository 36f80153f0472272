//! The forms of a client's page: what each sets, as it holds and as it was typed. (C17)

use super::{about, limits, proof, rights};
use crate::page::{ClientPart, PartShown};
use crate::registration::Problem;
use crate::request::{Parameters, Request};
use crate::server::AuthorizationServer;
use crate::state::Client;

/// One of the forms.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Set {
    Part(ClientPart),
    Limits,
}

/// A field and its value; a field that has several comes several times, one that has none with an empty one. What is not there is no
/// field of this client.
pub(super) type Values = Vec<(&'static str, String)>;

/// A field, a value that it may have, and its words.
pub(super) type Offered = Vec<(&'static str, String, String)>;

/// Value of a box that is ticked.
pub(super) const TICKED: &str = "on";

impl Set {
    /// By the field `decision`.
    pub(super) fn of(decision: &str) -> Option<Set> {
        let part = ClientPart::ALL
            .into_iter()
            .find(|part| part.word() == decision);
        match decision {
            "limits" => Some(Set::Limits),
            _ => part.map(Set::Part),
        }
    }

    /// The client as the form says it, or what is wrong with each field.
    pub(super) fn entered(
        self,
        server: &AuthorizationServer,
        client: &Client,
        request: &Request<'_>,
    ) -> Result<Client, Vec<Problem>> {
        let (parameters, settings) = (&request.parameters, server.settings());
        match self {
            Set::Limits => limits::limited(client, parameters),
            Set::Part(ClientPart::About) => about::entered(client, parameters, request.now_s),
            Set::Part(ClientPart::Rights) => rights::entered(client, parameters),
            Set::Part(ClientPart::Proof) => {
                proof::entered(client, parameters, settings.asks_for_certificates)
            }
        }
    }

    /// The fields in which two registrations differ, for the record.
    pub(super) fn changed(self, was: &Client, is: &Client) -> Vec<&'static str> {
        let (before, after) = (self.values(was), self.values(is));
        let of = |values: &Values, field: &str| -> Vec<String> {
            let of = values.iter().filter(|(known, _)| *known == field);
            of.map(|(_, value)| value.clone()).collect()
        };
        let mut fields: Vec<&'static str> = after.iter().map(|(field, _)| *field).collect();
        fields.dedup();
        fields.retain(|field| of(&before, field) != of(&after, field));
        fields
    }

    /// What is done, after the client's name.
    pub(super) fn notice(self) -> &'static str {
        match self {
            Set::Limits => "has these limits from now on",
            Set::Part(ClientPart::About) => "is described so from now on",
            Set::Part(ClientPart::Rights) => "may do this from now on",
            Set::Part(ClientPart::Proof) => "proves itself so from now on",
        }
    }

    fn values(self, client: &Client) -> Values {
        match self {
            Set::Limits => limits::values(client).to_vec(),
            Set::Part(ClientPart::About) => about::values(client),
            Set::Part(ClientPart::Rights) => rights::values(client),
            Set::Part(ClientPart::Proof) => proof::values(client),
        }
    }
}

/// The form of a part as it is filled in: by what holds, or where that will not do by what was typed.
pub(super) fn shown(
    part: ClientPart,
    server: &AuthorizationServer,
    client: &Client,
    refused: Option<(&Parameters, Vec<Problem>)>,
) -> PartShown {
    let offered = match part {
        ClientPart::About => Offered::new(),
        ClientPart::Rights => rights::offered(client),
        ClientPart::Proof => proof::offered(client, server.settings().asks_for_certificates),
    };
    let held = Set::Part(part).values(client);
    let (values, problems) = match refused {
        Some((parameters, problems)) => (typed(&held, parameters), problems),
        None => (held, Vec::new()),
    };
    let own = |(field, text): (&'static str, String)| (field.to_owned(), text);
    let choice =
        |(field, value, words): (&'static str, String, String)| (field.to_owned(), value, words);
    PartShown {
        part,
        values: values.into_iter().map(own).collect(),
        errors: problems.into_iter().map(own).collect(),
        offered: offered.into_iter().map(choice).collect(),
    }
}

/// The same fields with what was sent for them.
fn typed(held: &Values, parameters: &Parameters) -> Values {
    let mut fields: Vec<&'static str> = held.iter().map(|(field, _)| *field).collect();
    fields.dedup();
    let mut typed = Values::new();
    for field in fields {
        let before = typed.len();
        typed.extend(parameters.all(field).map(|value| (field, value.to_owned())));
        if typed.len() == before {
            typed.push((field, String::new()));
        }
    }
    typed
}

/// Whether a field is sent otherwise than it holds. What stays as it is was judged when it was set, perhaps by other measures, and keeps
/// nobody from changing the rest.
pub(super) fn is_new(held: &Values, parameters: &Parameters, field: &str) -> bool {
    let before = held.iter().find(|(known, _)| *known == field);
    let words = |text: &str| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    before.map(|(_, held)| words(held)) != Some(words(parameters.get(field).unwrap_or_default()))
}

/// What is typed in a field of one line or more; `None`: nothing.
pub(super) fn text(parameters: &Parameters, field: &str) -> Option<String> {
    let typed = parameters.get(field).map(str::trim);
    typed.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// What is typed in a field that takes several things: separated by spaces, commas or lines.
pub(super) fn several(parameters: &Parameters, field: &str) -> Vec<String> {
    let typed = parameters.get(field).unwrap_or_default();
    let parts = typed.split([' ', '\r', '\n', '\t', ',']);
    parts
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

pub(super) fn is_ticked(parameters: &Parameters, field: &str) -> bool {
    parameters.get(field) == Some(TICKED)
}

pub(super) fn tick(is_ticked: bool) -> String {
    if is_ticked {
        TICKED.to_owned()
    } else {
        String::new()
    }
}
