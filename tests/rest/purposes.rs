//! C23 over HTTP: purposes of use are asserted where a token is asked for, and held to the roles at the FHIR base.

use super::{on_own, server};
use crate::apps::{CALLBACK, Place, code, redeem, registered, signed_in, text};
use crate::upstream::browser::{Browser, Page, form};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use ward_seal::{TotpSecret, totp};
use ward_testkit::backends;

const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn c23_a_caller_acts_for_what_client_and_role_allow() {
    for backend in backends() {
        let ward = server(backend);
        for (caller, purpose, opens) in [
            ("clinician", "TREAT", "Observation?_count=1"),
            ("clinician", "ETREAT", "Observation?_count=1"),
            ("clerk", "COVAUTH HPAYMT", "Claim?_count=1"),
            ("auditor", "HCOMPL", "AuditEvent?_count=1"),
            ("lab", "ERTREAT", "Observation?_count=1"),
        ] {
            let client = ward.client_for(caller, purpose);
            client.unwrap().get(opens).expect(200);
        }
        for (caller, purpose, why) in [
            (
                "clinician",
                "HPAYMT",
                "not registered for the purpose of use HPAYMT",
            ),
            (
                "clinician",
                "BTG",
                "not registered for the purpose of use BTG",
            ),
            (
                "auditor",
                "HOPERAT",
                "not registered for the purpose of use HOPERAT",
            ),
            (
                "lab",
                "HPAYMT",
                "not registered for the purpose of use HPAYMT",
            ),
            ("clinician", "treat", "treat is no code of v3 PurposeOfUse"),
        ] {
            let refused = ward.client_for(caller, purpose).err();
            let refused = refused.unwrap_or_else(|| panic!("{caller} {purpose}"));
            assert!(refused.contains(why), "{caller} {purpose}: {refused}");
        }
    }
}

/// A nurse whose role the rota gives, so that it is known with each request only, through apps for one purpose and for another.
#[test]
fn c23_no_role_is_left_for_another_purpose() {
    on_own(&[("smart.open_registration", "true")], |server, ward| {
        let practitioner = json!({ "resourceType": "Practitioner", "id": "n" });
        ward.put("Practitioner/n", &practitioner).expect(201);
        let rota = json!({ "resourceType": "PractitionerRole", "id": "r", "active": true,
            "practitioner": { "reference": "Practitioner/n" },
            "code": [{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/practitioner-role", "code": "nurse" }] }] });
        ward.put("PractitionerRole/r", &rota).expect(201);
        let place = Place::of(server);
        let mut admin = signed_in(server, &place, "admin");
        let mut nurse = enrolled(&place, &mut admin);
        let mut token = |purposes: &str| {
            let app = app_for(&place, &mut admin, purposes);
            let code = code(&place, &mut nurse, &app);
            let answer = redeem(&place, &app, &code).expect(200).json();
            text(&answer, "access_token")
        };
        let (payer, carer) = (token("HPAYMT TREAT"), token("ETREAT HPAYMT"));
        for path in [
            "Observation",
            "Observation/x",
            "Patient?_count=1",
            "_history",
        ] {
            let refused = place.get(&payer, path).expect(403);
            assert_eq!(issue(&refused.json()), "access.purpose", "{path}");
            // No other scope would do.
            assert_eq!(refused.header("WWW-Authenticate"), None);
            let said = refused.text();
            assert!(said.contains("nurse") && said.contains("HPAYMT"), "{said}");
        }
        place.get(&payer, "metadata").expect(200);
        place.get(&carer, "Observation").expect(200);
        let told = place
            .http
            .request("POST", &format!("{}/auth/introspect", place.origin));
        let told = told
            .header("Authorization", &format!("Bearer {carer}"))
            .body(FORM, form(&[("token", &carer)]).into_bytes());
        let told = told.send().expect(200).json();
        assert_eq!(told["purpose_of_use"], "ETREAT");
    });
}

/// A public app that is registered for these purposes; its id.
fn app_for(place: &Place, admin: &mut Browser, purposes: &str) -> String {
    let metadata = json!({ "client_name": "Ward round", "redirect_uris": [CALLBACK], "purpose_of_use": purposes,
        "scope": "openid fhirUser offline_access user/*.cruds" });
    let made = registered(place, admin, metadata);
    assert_eq!(made["purpose_of_use"], purposes);
    text(&made, "client_id")
}

/// The browser of a person without roles of their own, who has chosen a password and a second factor.
fn enrolled(place: &Place, admin: &mut Browser) -> Browser {
    let page = admin.get(&format!("{}/auth/accounts", place.origin));
    let add = [
        ("decision", "add"),
        ("username", "okafor"),
        ("name", "Okafor"),
        ("fhir_user", "Practitioner/n"),
    ];
    let page = admin.submit(&page, &add);
    let link = between(&page, "/auth/enrol?invitation=", '<');
    let mut browser = Browser::new();
    let page = browser.get(&format!("{}/auth/enrol?invitation={link}", place.origin));
    const CHOSEN: &str = "lavender tin snow kettle";
    let page = browser.submit(&page, &[("password", CHOSEN), ("again", CHOSEN)]);
    let secret = TotpSecret::from_base32(&between(&page, "?secret=", '&')).unwrap();
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let step = totp::step(i64::try_from(since.as_secs()).unwrap());
    let page = browser.submit(&page, &[("code", &secret.code(step))]);
    assert_eq!(page.status, 200, "{page:?}");
    browser
}

fn between(page: &Page, before: &str, after: char) -> String {
    let rest = page.html().split_once(before);
    let rest = rest.unwrap_or_else(|| panic!("no {before}: {page:?}")).1;
    rest.split(after).next().unwrap().to_owned()
}

fn issue(outcome: &Value) -> &str {
    outcome["issue"][0]["details"]["coding"][0]["code"]
        .as_str()
        .unwrap_or_default()
}
