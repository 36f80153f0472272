//! The audit log in every way it is looked at.

use super::{Text, form, pairs, person};
use ward_smart::page::*;

/// Names and models.
pub fn pages(text: Text) -> Vec<(&'static str, ward_smart::Page)> {
    let shown = [
        ("audit_list", AuditShown::List(list(text))),
        ("audit_event", AuditShown::Event(event(text))),
        ("audit_timeline", AuditShown::Timeline(timeline(text))),
        ("audit_volume", AuditShown::Volume(volume(text))),
        ("audit_map", AuditShown::Map(map(text))),
        ("audit_proof", AuditShown::Proof(proof(text))),
        ("audit_nothing", AuditShown::Nothing),
    ];
    let page = |shown| ward_smart::Page::AuditLog(Box::new(log(text, shown)));
    shown.map(|(name, shown)| (name, page(shown))).into()
}

fn log(text: Text, shown: AuditShown) -> AuditLog {
    let triple = |a: &str, b: &str, c: &str| (text(a), text(b), text(c));
    AuditLog {
        form: form(text, "/auth/audit"),
        person: Person {
            audits: true,
            is_staff: true,
            ..person(text, false)
        },
        filter: AuditFilter {
            patient: text("Patient/1"),
            user: text("Practitioner/1"),
            client: text("lab"),
            kind: "read".to_owned(),
            outcome: String::new(),
            from: text("2026-11-01"),
            to: String::new(),
            way: "map".to_owned(),
        },
        errors: vec![("from".to_owned(), text("Give a day."))],
        shown,
        ways: vec![
            (text("List"), text("/auth/audit"), true),
            (text("Proof"), text("/auth/audit?way=proof"), false),
        ],
        views: vec![triple("Nights", "/auth/audit?kind=read", "v1")],
        notice: Some(text("The view Nights is saved.")),
        error: Some(text("It cannot be asked.")),
    }
}

fn list(text: Text) -> AuditList {
    let row = |is_failed| AuditRow {
        link: text("/auth/audit?event=e1"),
        when: text("30 November 2026, 12:00 UTC"),
        who: text("Dr. Ada (Practitioner/1)"),
        client: text("Growth chart"),
        what: text("read: Observation/1"),
        patient: text("Patient/1"),
        outcome: text("Done"),
        is_failed,
        is_emergency: is_failed,
    };
    AuditList {
        events: vec![row(false), row(true)],
        total: text("2 events"),
        first: Some(text("/auth/audit")),
        next: Some(text("/auth/audit?cursor=c")),
        ndjson: text("/auth/audit?as=ndjson"),
        report: text("/auth/audit?as=pdf"),
    }
}

fn event(text: Text) -> AuditDetail {
    AuditDetail {
        title: text("read: Observation/1"),
        facts: pairs(text, &[("Who", "Dr. Ada"), ("Outcome", "Done")]),
        proof: Some(Ok(text("c2sp.org/tlog-proof@v1"))),
        json: text("{\n  \"resourceType\": \"AuditEvent\"\n}"),
        back: text("/auth/audit"),
    }
}

fn timeline(text: Text) -> Timeline {
    let point = |at, is_failed, is_emergency| TimelinePoint {
        at,
        is_failed,
        is_emergency,
    };
    Timeline {
        from: text("24 November 2026"),
        to: text("30 November 2026"),
        rows: vec![TimelineRow {
            name: text("Dr. Ada (Practitioner/1)"),
            link: text("/auth/audit?user=Practitioner%2F1"),
            points: vec![
                point(0, false, false),
                point(500, true, false),
                point(1_000, false, true),
            ],
        }],
        more: Some(text("2 with fewer events are left out.")),
    }
}

fn volume(text: Text) -> Volume {
    let bar = |events| VolumeBar {
        from: text("24 November 2026"),
        link: text("/auth/audit?from=2026-11-24"),
        events,
    };
    Volume {
        bars: vec![bar(0), bar(7), bar(14)],
    }
}

fn map(text: Text) -> AccessMap {
    AccessMap {
        people: pairs(
            text,
            &[
                ("Dr. Ada", "/auth/audit?user=1"),
                ("Dr. Bo", "/auth/audit?user=2"),
            ],
        ),
        patients: pairs(text, &[("Patient/1", "/auth/audit?patient=1")]),
        accesses: vec![(0, 0, 1), (1, 0, 40)],
        more: None,
    }
}

fn proof(text: Text) -> ProofStatus {
    ProofStatus {
        is_well: true,
        says: text("The last checkpoint was signed 3 seconds ago."),
        facts: pairs(
            text,
            &[("Entries", "41"), ("Witnesses that signed", "none")],
        ),
        note: Some(text("ward.example/ward/audit\n41\n")),
    }
}
