//! T25 to T27, R22: breaking the glass, as a drill: who may, of whose record, how long, and what is left behind.

use super::data::id_of;
use super::hospital::{DR_T, DR_X, Hospital, OFFICER, on_each};
use super::seen::{hides, shows};
use super::words::{Provisions, deny, permit, rooted};
use serde_json::json;
use std::time::{Duration, Instant};
use ward_testkit::{Answer, Client, backends};

const REVIEWS: &str = "Task?code=urn:ward:task|break-glass-review&status=requested";

/// IHE PCF: nothing but in an emergency.
fn emergencies_only() -> Provisions {
    rooted(deny().but(permit().purpose("BTG")))
}

/// Declares an emergency; what the server answers.
fn declare(ward: &Hospital, who: &Client, patient: &str, reason: &str) -> Answer {
    let origin = &ward.place.origin;
    let asked = json!({ "patient": id_of(patient), "reason": reason });
    let request = who.request("POST", &format!("{origin}/auth/break-glass/grants"));
    let body = asked.to_string().into_bytes();
    request.body("application/json", body).send()
}

fn grant(ward: &Hospital, who: &Client, patient: &str) -> String {
    let declared = declare(
        ward,
        who,
        patient,
        "unconscious in the emergency department",
    );
    declared.expect(201).json()["grant"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn behind(who: &Client, grant: &str, path: &str) -> Answer {
    let request = who.request("GET", path);
    request.header("Ward-Break-Glass", grant).send()
}

#[test]
fn t25_t26_r22_the_glass_is_broken_for_one_patient() {
    on_each(|ward| {
        let (chart, other) = (
            ward.patient_with(&[emergencies_only()]),
            ward.patient_with(&[emergencies_only()]),
        );
        let (o1, others) = (chart.glucose(), other.glucose());
        let drt = fresh(ward, DR_T);
        hides(&drt, &o1);
        let waiting = |officer: &Client| {
            officer.get(REVIEWS).expect(200).json()["entry"]
                .as_array()
                .map_or(0, Vec::len)
        };
        let before = waiting(ward.person(OFFICER));
        // A reason is needed, and a patient.
        for (patient, reason) in [
            (&*chart.patient, "too short"),
            (
                "Patient/nobody-is-here",
                "unconscious in the emergency department",
            ),
        ] {
            assert!(declare(ward, &drt, patient, reason).status >= 400);
        }
        let grant = grant(ward, &drt, &chart.patient);
        let opened = behind(&drt, &grant, &o1).expect(200);
        let banner = opened.header("Ward-Break-Glass");
        assert!(
            banner.is_some_and(|banner| banner.contains("until=")),
            "{banner:?}"
        );
        let found = behind(
            &drt,
            &grant,
            &format!("Observation?patient={}", chart.patient),
        )
        .expect(200);
        assert!(found.text().contains(id_of(&o1)));
        // Without the header all is as before, and it is nobody else's.
        hides(&drt, &o1);
        assert!(behind(ward.dr_x(), &grant, &o1).status >= 400);
        // To read.
        let body = opened.json();
        let write = drt
            .request("PUT", &o1)
            .header("Ward-Break-Glass", &grant)
            .json(&body)
            .send();
        assert!(matches!(write.status, 403 | 404), "{}", write.text());
        // T26: one patient's record.
        behind(&drt, &grant, &others).expect(404);
        let all = behind(&drt, &grant, "Observation?_count=200")
            .expect(200)
            .text();
        assert!(
            all.contains(id_of(&o1)) && !all.contains(id_of(&others)),
            "{all}"
        );
        // The privacy officer has a review.
        assert_eq!(waiting(ward.person(OFFICER)), before + 1);
    });
}

/// What the patient denies stays denied where no consent says otherwise, and so does what labels never open (R22).
#[test]
fn t25_r10_r22_what_is_never_opened_stays_closed() {
    on_each(|ward| {
        let chart = ward.patient_with(&[rooted(permit().but(deny().label("HIV")))]);
        let o2 = chart.viral_load();
        let note = json!({ "meta": { "security": [super::words::label("PSYTHPN")] } });
        let note = chart.note("Practitioner/drx", &note);
        let drt = fresh(ward, DR_T);
        let grant = grant(ward, &drt, &chart.patient);
        behind(&drt, &grant, &o2).expect(404);
        behind(&drt, &grant, &note).expect(404);
        shows(&fresh(ward, DR_X), &note);
    });
}

/// Who has no right to it is told so, whoever the patient is.
#[test]
fn t25_r22_who_has_no_right_to_it_is_refused() {
    on_each(|ward| {
        let chart = ward.patient_with(&[emergencies_only()]);
        let name = crate::rest::unique("chemist");
        let mut browser = ward.account(
            &name,
            &[("role", "pharmacist"), ("fhir_user", "Practitioner/drx")],
        );
        let chemist = ward.asks(&mut browser, "user/*.rs");
        for patient in [&chart.patient, "Patient/nobody-is-here"] {
            let refused = declare(
                ward,
                &chemist,
                patient,
                "unconscious in the emergency department",
            );
            assert_eq!(refused.status, 403, "{}", refused.text());
        }
        let refused = declare(
            ward,
            &ward.service("treatment at H1"),
            &chart.patient,
            "unconscious in the emergency department",
        );
        assert_eq!(refused.status, 403, "{}", refused.text());
    });
}

/// One minute, since a test does not wait for sixty.
#[test]
fn t27_r22_the_glass_is_broken_no_longer_than_that() {
    std::thread::scope(|scope| {
        for backend in backends() {
            scope.spawn(move || {
                let ward = Hospital::open(backend, &[("smart.break_glass_minutes", "1")]);
                let chart = ward.patient_with(&[emergencies_only()]);
                let o1 = chart.glucose();
                let begun = Instant::now();
                let grant = grant(&ward, ward.dr_t(), &chart.patient);
                behind(ward.dr_t(), &grant, &o1).expect(200);
                std::thread::sleep(Duration::from_secs(61).saturating_sub(begun.elapsed()));
                behind(ward.dr_t(), &grant, &o1).expect(404);
                hides(ward.dr_t(), &o1);
            });
        }
    });
}

/// Somebody's own client again, right after a second factor: a sign-in of some minutes ago does not do. One of the hospital's people
/// under another user name.
fn fresh(ward: &Hospital, name: &str) -> Client {
    let who = format!("Practitioner/{name}");
    let user = crate::rest::unique(name);
    let mut browser = ward.account(&user, &[("role", "physician"), ("fhir_user", &who)]);
    ward.asks(&mut browser, "user/*.cruds")
}
