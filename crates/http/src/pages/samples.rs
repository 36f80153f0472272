//! One model of every page, for snapshots; and the same with something hostile in every text.

mod access_reviews;
mod audit;
mod clients;
mod consents;

use clients::{client, clients, confirm, developer, registered};
use ward_smart::Page;
use ward_smart::page::*;

/// Every page by name, its texts through `text`.
pub fn pages(text: &dyn Fn(&str) -> String) -> Vec<(&'static str, Page)> {
    let mut pages = vec![
        ("sign_in", Page::SignIn(sign_in(text))),
        ("invitation", Page::Invitation(invitation(text))),
        ("second_factor", Page::SecondFactor(second_factor(text))),
        ("only_passkey", Page::SecondFactor(only_passkey(text))),
        ("enrol_totp", Page::EnrolTotp(enrol_totp(text))),
        ("recovery_codes", Page::RecoveryCodes(recovery_codes(text))),
        ("factors", Page::Factors(factors(text))),
        ("choose_patient", Page::ChoosePatient(choose_patient(text))),
        ("approve", Page::Approve(approve(text))),
        ("apps", Page::Apps(apps(text))),
        ("sessions", Page::Sessions(sessions(text))),
        ("developer", Page::Developer(developer(text, None))),
        (
            "registered",
            Page::Developer(developer(text, Some(registered(text)))),
        ),
        ("clients", Page::Clients(clients(text))),
        ("client", Page::Client(client(text))),
        ("confirm", Page::Confirm(confirm(text))),
        ("accounts", Page::Accounts(accounts(text))),
        ("computers", Page::Computers(computers(text, None))),
        ("computer", Page::Computers(computers(text, Some("icu-3")))),
        ("break_glass", Page::BreakGlass(break_glass(text))),
        ("sign_in_shared", Page::SignIn(sign_in_shared(text))),
        ("consents", Page::Consents(consents::consents(text))),
        ("no_consents", Page::Consents(consents::no_consents(text))),
        (
            "consent_keep",
            Page::ConsentForm(consents::consent_form(text, false)),
        ),
        (
            "consent_allow",
            Page::ConsentForm(consents::consent_form(text, true)),
        ),
        (
            "consent_preview",
            Page::ConsentPreview(consents::consent_preview(text)),
        ),
        ("reviews", Page::Reviews(consents::reviews(text))),
        ("message", Page::Message(message(text))),
    ];
    pages.extend(access_reviews::pages(text));
    pages.extend(audit::pages(text));
    pages
}

type Text<'a> = &'a dyn Fn(&str) -> String;

fn form(text: Text, path: &str) -> Form {
    Form {
        action: text(path),
        csrf: text("0sVq3c8J2u0"),
        leads_to: Some(text("https://app.example/back")),
        framed_by: Vec::new(),
    }
}

fn pairs(text: Text, pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| (text(a), text(b))).collect()
}

fn person(text: Text, administers: bool) -> Person {
    Person {
        name: text("Imani Okafor"),
        administers,
        is_staff: administers,
        breaks_glass: false,
        is_patient: false,
        reviews: false,
        audits: false,
    }
}

fn sign_in(text: Text) -> SignIn {
    SignIn {
        form: form(text, "/auth/sign-in?tx=4fK2"),
        username: text("clinician"),
        error: Some(text("The user name or the password is wrong.")),
        organization: text("City Hospital"),
        app: Some(text("Growth Chart")),
        passkey_challenge: Some(text("Y2hhbGxlbmdl")),
        rp_id: text("ward.example"),
        upstream: pairs(text, &[("City Hospital", "/auth/upstream?provider=city")]),
        takes_password: true,
        shared: true,
        computer: None,
    }
}

fn invitation(text: Text) -> Invitation {
    Invitation {
        form: form(text, "/auth/enrol?invitation=8s1K"),
        username: text("okafor"),
        name: text("Imani Okafor"),
        error: Some(text(
            "This password is one of the first that anybody would try. Choose another.",
        )),
        passkey_challenge: text("Y2hhbGxlbmdl"),
        rp_id: text("ward.example"),
        user_handle: text("b2thZm9y"),
    }
}

fn second_factor(text: Text) -> SecondFactor {
    SecondFactor {
        form: form(text, "/auth/second-factor?tx=4fK2"),
        error: Some(text("The code is wrong or was used before.")),
        passkey_challenge: Some(text("Y2hhbGxlbmdl")),
        rp_id: text("ward.example"),
        has_totp: true,
        takes_code: true,
        only_passkey: None,
    }
}

fn only_passkey(text: Text) -> SecondFactor {
    SecondFactor {
        error: None,
        passkey_challenge: None,
        takes_code: false,
        only_passkey: Some(OnlyPasskey {
            app: Some(text("Growth Chart")),
            has_one: false,
            add: Some(text("/auth/enrol?tx=4fK2")),
            onward: text("/auth/authorize?tx=4fK2"),
        }),
        ..second_factor(text)
    }
}

fn enrol_totp(text: Text) -> EnrolTotp {
    EnrolTotp {
        form: form(text, "/auth/enrol?step=totp"),
        secret: text("JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP"),
        uri: text("otpauth://totp/Ward:okafor?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Ward"),
        error: Some(text(
            "The code does not fit. Check that the clock of your device is right.",
        )),
    }
}

fn recovery_codes(text: Text) -> RecoveryCodes {
    let codes = [
        "7KQ2-M9XD",
        "P4TB-1ZRC",
        "W8HN-5FJA",
        "C3VE-6YGS",
        "T0MR-2BQK",
        "H9DX-4NWP",
        "A7ZJ-8CLT",
        "E5SG-3UVH",
    ];
    RecoveryCodes {
        form: form(text, "/auth/enrol?step=recovery-codes"),
        codes: codes.iter().map(|code| text(code)).collect(),
    }
}

fn factors(text: Text) -> Factors {
    let passkeys = [
        ("pk1", "Phone", "3 March 2026"),
        ("pk2", "Blue key", "19 October 2026"),
    ];
    Factors {
        form: form(text, "/auth/enrol"),
        person: person(text, false),
        username: text("okafor"),
        has_totp: true,
        recovery_codes_left: 7,
        passkeys: passkeys
            .iter()
            .map(|(a, b, c)| (text(a), text(b), text(c)))
            .collect(),
        passkey_challenge: text("Y2hhbGxlbmdl"),
        rp_id: text("ward.example"),
        user_handle: text("b2thZm9y"),
        notice: Some(text("The passkey has been added.")),
    }
}

fn choose_patient(text: Text) -> ChoosePatient {
    let patient = |id: &str, name: &str, birth_date: &str, identifier: &str| PatientChoice {
        id: text(id),
        name: text(name),
        birth_date: text(birth_date),
        identifier: text(identifier),
    };
    ChoosePatient {
        form: form(text, "/auth/patient?tx=4fK2"),
        app: text("Growth Chart"),
        searched: text("lind"),
        patients: vec![
            patient("p2", "Lindner, Mateo", "2019-12-24", "MRN 238847"),
            patient("p1", "Lindqvist, Astrid", "1961-04-09", "MRN 100482"),
            patient(
                "p3",
                "van der Linden-Bartholomew, Zoë",
                "1987-07-30",
                "MRN 771203",
            ),
        ],
        is_listed: true,
        previous: Some(text("/auth/patient?tx=4fK2&name=lind")),
        next: Some(text("/auth/patient?tx=4fK2&name=lind&page=AQ8x")),
        error: Some(text("This patient cannot be chosen.")),
    }
}

fn approve(text: Text) -> Approve {
    Approve {
        form: form(text, "/auth/approve?tx=4fK2"),
        app: AppShown {
            name: text("Growth Chart"),
            owner: text("Small Steps Ltd"),
            contact: text("privacy@app.example"),
            host: text("app.example"),
            verified: false,
            registered: text("12 November 2026"),
        },
        user: text("Imani Okafor"),
        patient: Some(text("Astrid Lindqvist")),
        asked: asked(text),
        error: Some(text(
            "Tick at least one thing, or do not allow the app at all.",
        )),
    }
}

fn asked(text: Text) -> Vec<Asked> {
    let one = |scope: &str, words: &str, detail: &str, fixed: bool, parts: &[(&str, &str)]| Asked {
        scope: text(scope),
        words: text(words),
        detail: text(detail),
        fixed,
        away: scope == "offline_access",
        parts: pairs(text, parts),
    };
    vec![
        one(
            "openid fhirUser",
            "Know who you are",
            "Your name in this server and the record of yourself.",
            true,
            &[],
        ),
        one(
            "patient/Observation.rs",
            "Read laboratory results, vital signs and other observations",
            "All of them, those that come later too.",
            false,
            &[
                (
                    "patient/Observation.rs?category=laboratory",
                    "Laboratory results",
                ),
                ("patient/Observation.rs?category=vital-signs", "Vital signs"),
            ],
        ),
        one(
            "patient/MedicationRequest.rs",
            "Read prescriptions",
            "What was prescribed, by whom and when.",
            false,
            &[],
        ),
        one(
            "offline_access",
            "Go on when you are not there",
            "The app keeps this access after you close it, until you take it back under Apps.",
            false,
            &[],
        ),
    ]
}

fn apps(text: Text) -> Apps {
    let app = |grant: &str, name: &str, last_used: Option<&str>, offline: bool| AppGrant {
        grant: text(grant),
        name: text(name),
        owner: text("Small Steps Ltd"),
        patient: Some(text("Astrid Lindqvist")),
        may: vec![text("Read laboratory results"), text("Read prescriptions")],
        approved: text("12 November 2026"),
        last_used: last_used.map(text),
        offline,
    };
    Apps {
        form: form(text, "/auth/apps"),
        person: person(text, false),
        apps: vec![
            app("g1", "Growth Chart", Some("today at 09:12"), true),
            app("g2", "Pill Reminder", None, false),
        ],
        notice: Some(text("Sleep Diary has no access any more.")),
    }
}

fn sessions(text: Text) -> Sessions {
    let session = |id: &str, this_one: bool, workstation: &str, how: &str| SessionShown {
        id: text(id),
        this_one,
        workstation: text(workstation),
        begun: text("today at 07:58"),
        last_used: text("today at 09:12"),
        how: text(how),
    };
    let browser = |id: &str, this_one: bool, name: &str| BrowserShown {
        id: text(id),
        this_one,
        name: text(name),
        since: text("3 March 2026"),
        last_used: text("19 October 2026"),
    };
    Sessions {
        form: form(text, "/auth/sessions"),
        person: person(text, false),
        sessions: vec![
            session("s1", true, "Ward 3, desk 1", "passkey"),
            session("s2", false, "A computer of your own", "password and code"),
        ],
        browsers: vec![
            browser("b1", true, "Shared computer icu-3"),
            browser("b2", false, "Browser at 192.0.2.7"),
        ],
        notice: Some(text("The session has ended.")),
    }
}

fn accounts(text: Text) -> Accounts {
    let account = |username: &str, name: &str, roles: &str, state: &str| AccountRow {
        username: text(username),
        name: text(name),
        fhir_user: text("Practitioner/318"),
        roles: text(roles),
        factors: text("password, code, 2 passkeys"),
        state: text(state),
        last_sign_in: Some(text("today at 07:58")),
        decisions: pairs(text, &[("disable", "Disable"), ("reset", "Reset sign-in")]),
    };
    Accounts {
        form: form(text, "/auth/accounts"),
        person: person(text, true),
        accounts: vec![
            account("okafor", "Imani Okafor", "physician", "active"),
            account("lindqvist", "Sven Lindqvist", "nurse", "invited"),
            account("brandt", "Ute Brandt", "system administrator", "disabled"),
        ],
        sought: text("brandt"),
        first: Some(text("/auth/accounts")),
        next: Some(text("/auth/accounts?after=118")),
        roles: pairs(
            text,
            &[
                ("physician", "Physician"),
                ("nurse", "Nurse"),
                ("admin", "System administrator"),
            ],
        ),
        error: Some(text("There is an account of this user name.")),
        invitation: Some(text(
            "https://ward.example/auth/enrol?invitation=q0Zr4hXc2LrWmT7d9eYp1sKa5uVb8nJf3gQo6iMx0wE",
        )),
        upstream: Some(text("City Hospital")),
    }
}

fn computers(text: Text, here: Option<&str>) -> Computers {
    let computer = |id: &str, name: &str| ComputerRow {
        id: text(id),
        name: text(name),
        set_up_by: text("brandt"),
        set_up: text("3 March 2026"),
        last_used: text("19 October 2026"),
    };
    Computers {
        form: form(text, "/auth/computers"),
        person: person(text, true),
        here: here.map(text),
        computers: vec![
            computer("9d1c", "icu-3"),
            computer("77ab", "Ward 3, desk 1"),
        ],
        typed: text("icu-3"),
        notice: here.map(|_| text("This browser is the shared computer icu-3 from now on.")),
        error: here
            .is_none()
            .then(|| text("There is a shared computer of this name.")),
    }
}

fn break_glass(text: Text) -> BreakGlass {
    let row = |id: &str, patient: &str, here| GlassRow {
        id: text(id),
        patient: text(patient),
        until: text("30 November 2026, 11:58 UTC"),
        here,
    };
    BreakGlass {
        form: form(text, "/auth/break-glass"),
        person: Person {
            breaks_glass: true,
            ..person(text, false)
        },
        patient: text("p1"),
        patient_name: Some(text("Ada Lovelace")),
        reasons: pairs(
            text,
            &[
                ("emergency", "Emergency: the patient is in danger"),
                ("cannot-ask", "Cannot be asked: the patient is not able to"),
            ],
        ),
        reason_code: text("emergency"),
        reason: text("Brought in unconscious"),
        minutes: 60,
        errors: vec![("reason".to_owned(), text("A reason is plain text."))],
        notice: Some(text("The record is closed to you again.")),
        grants: vec![row("x9", "p1", true), row("x8", "p2", false)],
    }
}

fn sign_in_shared(text: Text) -> SignIn {
    SignIn {
        computer: Some(text("icu-3")),
        error: None,
        ..sign_in(text)
    }
}

fn message(text: Text) -> Message {
    Message {
        title: text("This request cannot go on"),
        text: text(
            "The app asked for an answer at an address that it has not registered. Go back to the app and tell its owner.",
        ),
        is_error: true,
        link: Some((text("Your apps"), text("/auth/apps"))),
    }
}
