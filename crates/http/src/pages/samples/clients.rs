//! Pages about registrations: the developer's, and those of the registry of clients.

use super::{Text, form, pairs, person};
use ward_smart::page::{
    ClientDetail, ClientPart, ClientRow, Clients, Confirm, Developer, Limits, PartShown, Registered,
};

pub fn developer(text: Text, registered: Option<Registered>) -> Developer {
    Developer {
        form: form(text, "/auth/developer"),
        person: registered.is_none().then(|| person(text, true)),
        typed: vec![
            ("client_name".into(), text("Growth Chart")),
            ("kind".into(), text("confidential")),
            (
                "redirect_uris".into(),
                text("https://app.example/back\nhttp://app.example/back"),
            ),
            (
                "scope".into(),
                text("openid fhirUser launch/patient patient/Observation.rs"),
            ),
        ],
        errors: vec![
            (
                "redirect_uris".into(),
                text("http://app.example/back is not https"),
            ),
            ("owner".into(), text("Say who answers for the app.")),
            (text("other"), text("Something else is wrong.")),
        ],
        registered,
    }
}

pub fn registered(text: Text) -> Registered {
    Registered {
        client_id: text("2b1de37a-9c53-4f86-8a0e-61b5e7f9d1c4"),
        client_secret: Some(text("q0Zr4hXc2LrWmT7d9eYp1sKa5uVb8nJf3gQo6iMx0wE")),
        state: text("Registered. It waits for an administrator to look at it."),
    }
}

fn row(text: Text, id: &str, name: &str, kind: &str, state: &str) -> ClientRow {
    ClientRow {
        link: text(&format!("/auth/clients?client={id}")),
        client_id: text(id),
        name: text(name),
        owner: text("Small Steps Ltd"),
        kind: text(kind),
        state: text(state),
        last_used: Some(text("today at 09:12")),
    }
}

pub fn clients(text: Text) -> Clients {
    Clients {
        form: form(text, "/auth/clients"),
        person: person(text, true),
        clients: vec![
            row(text, "growth-chart", "Growth Chart", "public app", "active"),
            row(
                text,
                "lab",
                "Laboratory of the East Wing",
                "system",
                "review is due",
            ),
            row(
                text,
                "2b1de37a-9c53-4f86",
                "Pill Reminder",
                "confidential app",
                "pending",
            ),
            row(
                text,
                "old-portal",
                "Old portal",
                "confidential app",
                "suspended",
            ),
        ],
        notice: Some(text("Pill Reminder has been suspended.")),
    }
}

pub fn client(text: Text) -> ClientDetail {
    let facts = [
        ("Purpose", "Shows parents how their child grows."),
        ("Contact", "privacy@app.example"),
        ("Redirect addresses", "https://app.example/back"),
        (
            "Most it may ask for",
            "openid fhirUser launch/patient patient/Observation.rs",
        ),
        ("To be reviewed by", "1 March 2027"),
    ];
    ClientDetail {
        form: form(text, "/auth/clients?client=growth-chart"),
        person: person(text, true),
        row: row(
            text,
            "growth-chart",
            "Growth Chart",
            "public app",
            "pending",
        ),
        facts: pairs(text, &facts),
        limits: limits(text),
        parts: parts(text),
        secret: Some(text("Zk3Q9vJ0m2tHcYb7uR1xWn5pLd8sGa4eVo6iTqKfXyE")),
        notice: Some(text("Growth Chart has these limits from now on.")),
        decisions: pairs(
            text,
            &[
                ("approve", "Approve"),
                ("suspend", "Suspend"),
                ("remove", "Remove"),
            ],
        ),
    }
}

pub fn confirm(text: Text) -> Confirm {
    Confirm {
        form: form(text, "/auth/clients?client=growth-chart"),
        person: person(text, true),
        question: text("Remove Growth Chart?"),
        text: text("Its registration is lost, and every token that it has is void."),
        decision: (text("remove"), text("Remove for good")),
        back: text("/auth/clients?client=growth-chart"),
    }
}

fn parts(text: Text) -> Vec<PartShown> {
    let value = |name: &str, value: &str| (name.to_owned(), text(value));
    let offer = |name: &str, value: &str, words: &str| (name.to_owned(), text(value), text(words));
    let part = |part, values, errors, offered| PartShown {
        part,
        values,
        errors,
        offered,
    };
    let about = vec![
        value("client_name", "Growth Chart"),
        value("owner", "Small Steps Ltd"),
        value("purpose", "Shows parents how their child grows."),
        value("contacts", "privacy@app.example"),
        value("client_uri", ""),
        value("review_due", "2027-03-01"),
    ];
    let rights = vec![
        value("scope", "system/Patient.rs user/Patient.rs"),
        value("purpose_of_use", "TREAT ETREAT"),
        value("organization", "Organization/123"),
        value("clearance", "R HIV"),
        value("sees_labels", "on"),
        value("acts_for_user", "Practitioner/123"),
        value("role", "nurse"),
        value("acts_for_patient", ""),
        value("may_introspect", "on"),
        value("frame_origins", "https://ehr.example"),
    ];
    let roles = vec![
        offer("role", "nurse", "Nurse: cares for patients"),
        offer("role", "physician", "Physician"),
    ];
    let proof = vec![
        value("token_endpoint_auth_method", "private_key_jwt"),
        value("jwks_uri", "https://app.example/jwks"),
        value("jwks", ""),
        value("tokens_bound_to", "none"),
        value("require_par", "on"),
        value("fapi2", "on"),
    ];
    let methods = vec![
        offer(
            "token_endpoint_auth_method",
            "client_secret_basic",
            "A secret",
        ),
        offer(
            "token_endpoint_auth_method",
            "private_key_jwt",
            "A private key",
        ),
        offer(
            "tokens_bound_to",
            "none",
            "Nothing: whoever has a token can use it",
        ),
        offer("tokens_bound_to", "dpop", "A key of its own (DPoP)"),
    ];
    let wrong = vec![value("tokens_bound_to", "must be bound to a key")];
    vec![
        part(ClientPart::About, about, Vec::new(), Vec::new()),
        part(ClientPart::Rights, rights, Vec::new(), roles),
        part(ClientPart::Proof, proof, wrong, methods),
    ]
}

fn limits(text: Text) -> Limits {
    let value = |name: &str, value: &str| (name.to_owned(), text(value));
    Limits {
        values: vec![
            value("requests_per_minute", "600"),
            value("patients_per_hour", "many"),
            value("addresses", "192.0.2.7\n192.0.2.0/24"),
            value("certificate", ""),
        ],
        errors: vec![
            value("patients_per_hour", "is a whole number up to 1,000,000"),
            (text("other"), text("Something else is wrong.")),
        ],
        requests_of_installation: text("1,200,000"),
        patients_of_installation: text("no limit"),
        binds: true,
    }
}
