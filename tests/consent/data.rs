//! T13 to T16, T22 to T24, T28, T29, T59, T60 and T63: data, authors, codes, what cannot be evaluated, the patient and who acts for
//! them, disclosures on consent.

use super::hospital::{OFFICER, created, on_each, on_own};
use super::seen::{found, hides, shows};
use super::words::{deny, label, opt_in, opt_out, permit, rooted};
use serde_json::{Value, json};

#[test]
fn t13_r17_one_resource_is_denied_and_no_reference_leads_to_it() {
    on_each(|ward| {
        let chart = ward.patient();
        let (o1, other) = (chart.glucose(), chart.glucose());
        let report = chart.report(&[&o1, &other]);
        shows(ward.dr_t(), &report);
        chart.gives(&opt_in().but(deny().data("instance", &o1)));
        hides(ward.dr_t(), &o1);
        shows(ward.dr_t(), &other);
        shows(ward.dr_t(), &report);
        let id = o1.split('/').nth(1).unwrap();
        for way in [
            report.clone(),
            format!("DiagnosticReport?subject={}", chart.patient),
            format!("{report}/_history"),
            format!("{report}/_history/1"),
            format!("{}/$everything", chart.patient),
            format!(
                "DiagnosticReport?_id={}&_include=DiagnosticReport:result",
                &report[17..]
            ),
        ] {
            let answer = ward.dr_t().get(&way).expect(200).text();
            assert!(!answer.contains(id), "{way} names it: {answer}");
            assert!(answer.contains(&other), "{way} lost the other: {answer}");
        }
        let results = ward.dr_t().get(&report).json()["result"].clone();
        let kept = json!([{ "type": "Observation" }, { "reference": other }]);
        assert!(
            results == kept || results == json!([{ "reference": other }]),
            "{results}"
        );
    });
}

#[test]
fn t14_r4_what_is_related_to_an_encounter_is_denied() {
    on_each(|ward| {
        let chart = ward.patient();
        let e1 = chart.encounter(&json!({}));
        let before = chart.observation("2345-7", &json!({ "encounter": { "reference": e1 } }));
        chart.gives(&opt_in().but(deny().data("related", &e1)));
        let after = chart.observation("2345-7", &json!({ "encounter": { "reference": e1 } }));
        for path in [&e1, &before, &after] {
            hides(ward.dr_t(), path);
        }
        shows(ward.dr_t(), &chart.glucose());
    });
}

#[test]
fn t15_r4_what_somebody_wrote_is_denied() {
    on_each(|ward| {
        let chart = ward.patient();
        let before = chart.note("Practitioner/drx", &json!({}));
        chart.gives(&opt_in().but(deny().data("authoredby", "Practitioner/drx")));
        hides(ward.dr_t(), &before);
        hides(ward.dr_t(), &chart.note("Practitioner/drx", &json!({})));
        // Of a PractitionerRole the person is the author.
        hides(ward.dr_t(), &chart.note("PractitionerRole/drx", &json!({})));
        shows(ward.dr_t(), &chart.note("Practitioner/drt", &json!({})));
    });
}

#[test]
fn t16_r7_of_siblings_the_deny_wins() {
    on_each(|ward| {
        let siblings = opt_in()
            .but(permit().class("Observation"))
            .but(deny().code("http://loinc.org", "20447-9"));
        let chart = ward.patient_with(&[siblings]);
        hides(ward.dr_t(), &chart.viral_load());
        // Another system's code is never that one.
        shows(ward.dr_t(), &chart.condition("J45.909", &json!({})));
    });
}

/// A write of what cannot be evaluated is refused with its place; where somebody insists it is stored, and denies all.
#[test]
fn t22_r11_what_cannot_be_evaluated_denies() {
    on_each(|ward| {
        let chart = ward.patient();
        let o1 = chart.glucose();
        let unknown = json!([{ "url": "http://a.example/never", "valueBoolean": true }]);
        let unusable = opt_in().set("modifierExtension", unknown);
        let refused = chart.sends(&unusable).expect(422);
        assert!(
            refused.text().contains("modifierExtension"),
            "{}",
            refused.text()
        );
        shows(ward.dr_t(), &o1);
        let officer = ward.person(OFFICER);
        let insisting = officer
            .request("POST", "Consent")
            .header("Prefer", "handling=lenient")
            .json(&unusable.for_patient(&chart.patient));
        created(insisting.send());
        for who in [ward.dr_t(), ward.dr_o(), &ward.service("treatment at H1")] {
            hides(who, &o1);
            hides(who, &chart.condition("J45.909", &json!({})));
        }
    });
}

#[test]
fn t22_r11_unusable_consents_are_refused_with_their_place() {
    on_each(|ward| {
        let conflict = opt_in().set("provision", json!({ "type": "deny" }));
        let no_base = opt_in().set("policyRule", Value::Null);
        let untyped = opt_in().set("provision", json!({ "provision": [{ "purpose": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT" }] }] }));
        let chart = ward.patient();
        for (consent, place) in [(conflict, "provision"), (untyped, "provision")] {
            let refused = chart.sends(&consent).expect(422);
            assert!(refused.issue().1.contains(place), "{}", refused.text());
        }
        let mut body = no_base.for_patient(&chart.patient);
        body.as_object_mut().unwrap().remove("policyRule");
        let refused = ward.person(OFFICER).post("Consent", &body);
        assert!(matches!(refused.status, 400 | 422), "{}", refused.text());
        shows(ward.dr_t(), &chart.glucose());
    });
}

#[test]
fn t23_r4_an_organization_includes_its_departments() {
    on_each(|ward| {
        let o1 = ward
            .patient_with(&[opt_in().but(deny().actor("Organization/h2"))])
            .glucose();
        hides(ward.dr_o(), &o1);
        hides(&ward.service("treatment at H2"), &o1);
        shows(ward.dr_t(), &o1);
        let department = opt_in().but(deny().actor("Organization/h2-cardiology"));
        let o1 = ward.patient_with(&[department]).glucose();
        hides(ward.dr_o(), &o1);
        shows(&ward.service("treatment at H2"), &o1);
        // A role stands for the person and the organization.
        let role = opt_in().but(deny().actor("PractitionerRole/dro"));
        hides(ward.dr_o(), &ward.patient_with(&[role]).glucose());
    });
}

/// Who is deleted may have been anybody: nobody can prove to be somebody else.
#[test]
fn t24_r5_a_deny_of_somebody_who_is_deleted_is_of_everybody() {
    on_own(&[("integrity.delete_check", "false")], |ward| {
        let gone = ward.create(&json!({ "resourceType": "Practitioner", "active": true }));
        let (chart, other) = (
            ward.patient_with(&[opt_in().but(deny().actor(&gone))]),
            ward.patient_with(&[opt_in().but(deny().actor("Practitioner/drx"))]),
        );
        let (o1, o2) = (chart.glucose(), other.glucose());
        shows(ward.dr_t(), &o1);
        hides(ward.dr_x(), &o2);
        ward.loader.delete(&gone).expect(204);
        within_5_s(|| ward.dr_t().get(&o1).status == 404);
        for who in [ward.dr_t(), ward.dr_x(), ward.dr_o()] {
            hides(who, &o1);
            hides(who, &chart.glucose());
        }
        shows(ward.dr_t(), &o2);
        // The privacy officer has it before them, and nobody else.
        let reviews = "Task?code=urn:ward:task|consent-review";
        within_5_s(|| found(ward.person(OFFICER), reviews).len() == 1);
        assert_eq!(found(ward.dr_t(), reviews), [""; 0]);
        // And with them comes back what was theirs alone.
        let back = json!({ "resourceType": "Practitioner", "id": id_of(&gone), "active": true });
        ward.loader.put(&gone, &back).expect(201);
        within_5_s(|| ward.dr_t().get(&o1).status == 200);
        shows(ward.dr_t(), &o1);
    });
}

/// What a department keeps leaves the hospital with it, though nobody has decided anything about it.
#[test]
fn r9_r10a_what_a_department_keeps_leaves_with_it() {
    on_each(|ward| {
        let part = |of: &str| json!({ "resourceType": "Organization", "name": "Rehabilitation", "partOf": { "reference": of } });
        let department = ward.create(&part("Organization/h1"));
        let moves = |to: &str| {
            let mut body = part(to);
            body["id"] = json!(id_of(&department));
            ward.loader.put(&department, &body).expect(200);
        };
        let stay = ward.patient().encounter(&json!({ "serviceProvider": { "reference": department },
            "serviceType": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/service-type", "code": "455" }] } }));
        shows(ward.dr_t(), &stay);
        moves("Organization/h2");
        within_5_s(|| ward.dr_t().get(&stay).status == 404);
        hides(ward.dr_t(), &stay);
        moves("Organization/h1");
        within_5_s(|| ward.dr_t().get(&stay).status == 200);
        shows(ward.dr_t(), &stay);
    });
}

#[test]
fn t28_r10_a_patient_sees_their_own_record() {
    on_each(|ward| {
        let chart = ward.patient_with(&[opt_in().but(deny().label("HIV")), opt_out()]);
        let o2 = chart.viral_load();
        let name = unique("pat");
        let mut browser = ward.account(&name, &[("fhir_user", &chart.patient)]);
        let own = ward.asks(&mut browser, "launch/patient patient/*.rs");
        shows(&own, &o2);
        hides(ward.dr_t(), &o2);
    });
}

/// Nobody acts for a patient yet but as a person without roles, who sees nothing at all; what labels keep from who acts for a patient
/// is in the truth table of `ward-consent`.
#[test]
fn t29_r10_a_proxy_sees_nothing_of_what_a_label_keeps() {
    on_each(|ward| {
        let chart = ward.patient();
        let protected = chart.condition("Z30.09", &json!({}));
        let body =
            json!({ "resourceType": "RelatedPerson", "patient": { "reference": chart.patient } });
        let mother = ward.create(&body);
        let name = unique("mother");
        let mut browser = ward.account(&name, &[("fhir_user", &mother)]);
        let proxy = ward.asks(&mut browser, "user/*.rs");
        let read = proxy.get(&protected).status;
        assert!(matches!(read, 403 | 404), "{read}");
        let searched = proxy.get(&format!(
            "Condition?patient={}&_total=accurate",
            chart.patient
        ));
        let is_told = searched.status == 200 && searched.json()["total"] != 0;
        assert!(!is_told, "{}", searched.text());
    });
}

#[test]
fn t59_r1_a_deny_covers_the_merged_record() {
    on_each(|ward| {
        let before = ward.patient_with(&[opt_out()]);
        let chart = ward.patient();
        let o1 = chart.glucose();
        shows(ward.dr_o(), &o1);
        let mut merged = ward.loader.get(&chart.patient).expect(200).json();
        merged["link"] = json!([{ "other": { "reference": before.patient }, "type": "replaces" }]);
        ward.loader.put(&chart.patient, &merged).expect(200);
        hides(ward.dr_o(), &o1);
        hides(ward.dr_o(), &chart.glucose());
        shows(ward.dr_t(), &o1);
    });
}

/// No server of terminology is asked yet: of codes that nobody can compare a deny matches, and the answer is like any other.
#[test]
fn t60_r5_what_terminology_cannot_tell_is_denied() {
    on_each(|ward| {
        let finding = ("http://snomed.info/sct", "404684003");
        let asthma =
            json!({ "code": { "coding": [{ "system": finding.0, "code": "195967001" }] } });
        let denied = ward.patient_with(&[opt_in().but(deny().code(finding.0, finding.1))]);
        hides(ward.dr_t(), &denied.condition("J45.909", &asthma));
        let permitted = ward.patient_with(&[opt_out().but(permit().code(finding.0, finding.1))]);
        hides(ward.dr_o(), &permitted.condition("J45.909", &asthma));
    });
}

#[test]
fn t63_r9_r16_substance_use_is_disclosed_on_consent() {
    on_each(|ward| {
        let given = permit()
            .actor("Organization/h2")
            .purpose("TREAT")
            .purpose("HPAYMT")
            .purpose("HOPERAT");
        let chart = ward.patient_with(&[rooted(given)]);
        let c1 = chart.alcohol(&json!({}));
        let label = super::words::label("ward:SUD-COUNSELING-NOTE");
        let counselling = chart.note(
            "Practitioner/drt",
            &json!({ "meta": { "security": [label] } }),
        );
        shows(ward.dr_o(), &c1);
        let query = format!("Condition?patient={}", chart.patient);
        assert_eq!(found(ward.dr_o(), &query), std::slice::from_ref(&c1));
        hides(ward.dr_o(), &counselling);
        hides(&ward.service("lawyers at H2"), &c1);
        // With the notice and what the consent permits, on each way out, and on no Bundle.
        let search = ward.dr_o().get(&query).expect(200).json();
        assert_eq!(codes(&search), ["R"]);
        let bundle = json!({ "resourceType": "Bundle", "type": "batch", "entry": [{ "request": { "method": "GET", "url": c1 } }] });
        let batch = ward.dr_o().post("", &bundle).expect(200).json();
        for told in [
            ward.dr_o().get(&c1).expect(200).json(),
            ward.dr_o()
                .get(&format!("{c1}/_history/1"))
                .expect(200)
                .json(),
            search["entry"][0]["resource"].clone(),
            batch["entry"][0]["resource"].clone(),
        ] {
            assert_eq!(codes(&told), ["R", "NORDSCLCD"], "{told}");
            let said = told["meta"]["security"][1]["extension"].to_string();
            for words in [
                "42 CFR part 2 prohibits",
                "Organization/h2",
                "HOPERAT, HPAYMT, TREAT",
            ] {
                assert!(said.contains(words), "{words}: {said}");
            }
        }
        // At home nothing is disclosed.
        assert_eq!(codes(&ward.dr_t().get(&c1).expect(200).json()), ["R"]);
    });
}

/// A note whose text lies in a Binary is read by who sees the note, and what else holds the Binary.
#[test]
fn t42_r15_a_binary_is_seen_by_who_sees_all_that_it_is_attached_to() {
    on_each(|ward| {
        let chart =
            ward.patient_with(&[opt_in().but(deny().label("HIV").actor("Practitioner/drx"))]);
        let binary = || {
            ward.create(&json!({ "resourceType": "Binary", "contentType": "text/plain", "data": "c2VjcmV0" }))
        };
        let attachment = |binary: &str| json!({ "contentType": "text/plain", "url": binary });
        let hiv = json!({ "security": [label("HIV")] });
        let note = |binary: &str, meta: &Value| {
            let more = json!({ "content": [{ "attachment": attachment(binary) }], "meta": meta });
            chart.note("Practitioner/drt", &more)
        };
        let (open, labelled, both, media, whole) =
            (binary(), binary(), binary(), binary(), binary());
        note(&open, &Value::Null);
        note(&labelled, &hiv);
        note(&both, &Value::Null);
        let hidden = note(&both, &hiv);
        let photo = json!({ "resourceType": "Media", "status": "completed", "meta": hiv });
        chart.stored("subject", photo, &json!({ "content": attachment(&media) }));
        shows(ward.dr_x(), &open);
        for path in [&labelled, &both, &media] {
            hides(ward.dr_x(), path);
            shows(ward.dr_t(), path);
        }
        // Nor is it by what the note has let go of.
        ward.loader.delete(&hidden).expect(204);
        hides(ward.dr_x(), &both);
        // A consent about the record closes what is attached in it, and its end opens that.
        note(&whole, &Value::Null);
        shows(ward.dr_x(), &whole);
        let consent = chart.gives(&opt_in().but(deny().actor("Practitioner/drx")));
        hides(ward.dr_x(), &whole);
        hides(ward.dr_x(), &open);
        shows(ward.dr_t(), &whole);
        let mut withdrawn = opt_in()
            .but(deny().actor("Practitioner/drx"))
            .for_patient(&chart.patient);
        withdrawn["id"] = json!(id_of(&consent));
        withdrawn["status"] = json!("inactive");
        ward.person(super::hospital::OFFICER)
            .put(&consent, &withdrawn)
            .expect(200);
        shows(ward.dr_x(), &whole);
    });
}

/// The labels that somebody is shown, the level first.
pub fn codes(resource: &Value) -> Vec<&str> {
    let labels = resource["meta"]["security"].as_array();
    let labels = labels.into_iter().flatten();
    labels.filter_map(|label| label["code"].as_str()).collect()
}

fn unique(word: &str) -> String {
    crate::rest::unique(word)
}

/// Waits for what other parts of the server learn in the background, at most the 5 s that R1 grants.
#[track_caller]
pub fn within_5_s(holds: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !holds() {
        assert!(begun.elapsed().as_secs() < 5, "5 s have passed");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// `id` of `Type/id`.
pub fn id_of(path: &str) -> &str {
    path.split('/').nth(1).unwrap()
}
