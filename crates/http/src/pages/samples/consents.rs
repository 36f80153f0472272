//! Pages about consents: the patient's, and the list of reviews.

use super::{Text, form, pairs, person};
use ward_smart::page::{
    ConsentForm, ConsentPreview, ConsentShown, Consents, EffectShown, Person, Review, ReviewPart,
    Reviews, RuleShown,
};

fn patient(text: Text) -> Person {
    Person {
        is_patient: true,
        ..person(text, false)
    }
}

fn rule(text: Text, is_permit: bool, is_exception: bool) -> RuleShown {
    RuleShown {
        is_permit,
        is_exception,
        who: text("Dr. Grace Hopper"),
        what: text("Mental health or HIV"),
        purposes: text("For treatment"),
        until: text("Until 31 January 2030"),
    }
}

fn consent(text: Text, is_in_force: bool) -> ConsentShown {
    ConsentShown {
        id: text("c1"),
        title: text("Kept from Dr. Grace Hopper"),
        state: text("in force"),
        is_in_force,
        is_permit: false,
        rules: vec![rule(text, false, false)],
        given: text("30 November 2026, on this page"),
        doubt: None,
    }
}

pub fn consents(text: Text) -> Consents {
    let general = ConsentShown {
        rules: vec![
            rule(text, true, false),
            rule(text, false, true),
            rule(text, true, true),
        ],
        is_permit: true,
        doubt: Some(text("This consent can be read in two ways.")),
        ..consent(text, true)
    };
    Consents {
        form: form(text, "/auth/consents"),
        person: patient(text),
        defaults: vec![text("You see your own record, whatever you say here.")],
        standing: vec![consent(text, true), general],
        ended: vec![consent(text, false)],
        keep: text("/auth/consents?new=keep"),
        allow: text("/auth/consents?new=allow"),
        notice: Some(text("It is kept private from now on.")),
        error: Some(text("This consent does not count any more.")),
    }
}

pub fn no_consents(text: Text) -> Consents {
    Consents {
        standing: Vec::new(),
        ended: Vec::new(),
        notice: None,
        error: None,
        ..consents(text)
    }
}

pub fn consent_form(text: Text, is_permit: bool) -> ConsentForm {
    ConsentForm {
        form: form(text, "/auth/consents"),
        person: patient(text),
        is_permit,
        who: pairs(
            text,
            &[
                ("everybody", "Everybody but you"),
                ("Practitioner/1", "Dr. Grace Hopper"),
            ],
        ),
        chosen_who: text("Practitioner/1"),
        sought: text("hop"),
        found: Some(is_permit),
        is_whole: false,
        categories: pairs(text, &[("hiv", "HIV"), ("std", "Infections")]),
        chosen_categories: vec![text("hiv")],
        is_always: true,
        purposes: pairs(text, &[("TREAT", "Treatment"), ("HRESCH", "Research")]),
        chosen_purposes: vec![text("TREAT")],
        until: text("2030-01-31"),
        earliest: text("2026-11-30"),
        errors: vec![
            ("until".into(), text("This day is over.")),
            ("who".into(), text("Choose who it is about.")),
        ],
        back: text("/auth/consents"),
    }
}

pub fn consent_preview(text: Text) -> ConsentPreview {
    ConsentPreview {
        form: form(text, "/auth/consents"),
        person: patient(text),
        question: text("Keep this private?"),
        consent: consent(text, true),
        effects: vec![EffectShown {
            who: text("Dr. Grace Hopper, for treatment"),
            before: 42,
            after: 37,
            hidden: vec![(text("Conditions and diagnoses"), 5)],
            shown: vec![(text("Prescriptions"), 1)],
        }],
        unchanged: vec![text("Researchers here"), text("Those who act for you")],
        entries: 42,
        fields: vec![("new".into(), text("keep"))],
        decision: (text("save"), text("Keep it private")),
        edit: Some(text("edit")),
        back: text("/auth/consents"),
    }
}

pub fn reviews(text: Text) -> Reviews {
    let review = |is_closable| Review {
        id: text("t1"),
        title: text("Dr. Grace Hopper broke the glass"),
        facts: pairs(
            text,
            &[
                ("Patient", "Ada Lovelace (Patient/ada)"),
                ("Reason", "Unconscious after a fall"),
            ],
        ),
        closes: match is_closable {
            true => vec![("close", "Close this review")],
            false => Vec::new(),
        },
    };
    let part = |reviews, more: Option<&str>| ReviewPart {
        title: text("Accesses in emergencies"),
        lead: text("Somebody broke the glass."),
        nothing: text("No access waits for a review."),
        reviews,
        more: more.map(text),
    };
    Reviews {
        form: form(text, "/auth/reviews"),
        person: Person {
            reviews: true,
            is_staff: true,
            ..person(text, false)
        },
        parts: vec![
            part(vec![review(true), review(false)], None),
            part(Vec::new(), Some("Only the first are shown.")),
        ],
        notice: Some(text("The review is closed.")),
        error: Some(text("Say what you found.")),
    }
}
