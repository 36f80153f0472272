//! C23 over HTTP: purposes of use are asserted where a token is asked for, and held to the roles at the FHIR base.

use super::backend_service::BackendService;
use super::{on_own, server};
use crate::apps::{Place, registered, signed_in};
use serde_json::{Value, json};
use ward_seal::Es384Key;
use ward_testkit::{Server, backends};

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
            ("app", "PATRQT", "Patient"),
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
            (
                "app",
                "TREAT",
                "not registered for the purpose of use TREAT",
            ),
            ("clinician", "treat", "treat is no code of v3 PurposeOfUse"),
        ] {
            let refused = ward.client_for(caller, purpose).err();
            let refused = refused.unwrap_or_else(|| panic!("{caller} {purpose}"));
            assert!(refused.contains(why), "{caller} {purpose}: {refused}");
        }
    }
}

/// A service that acts for a nurse whose role the rota gives, so that it is known with each request only.
#[test]
fn c23_no_role_is_left_for_another_purpose() {
    on_own(&[("smart.open_registration", "true")], |server, ward| {
        let practitioner = json!({ "resourceType": "Practitioner", "id": "n" });
        ward.put("Practitioner/n", &practitioner).expect(201);
        let rota = json!({ "resourceType": "PractitionerRole", "id": "r", "active": true,
            "practitioner": { "reference": "Practitioner/n" },
            "code": [{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/practitioner-role", "code": "nurse" }] }] });
        ward.put("PractitionerRole/r", &rota).expect(201);
        let service = Service::registered(server);
        let asked = |purposes: &str, path: &str| {
            let token = service.token(server, purposes);
            service.place.get(&token, path)
        };
        for path in [
            "Observation",
            "Observation/x",
            "Patient?_count=1",
            "_history",
        ] {
            let refused = asked("HPAYMT TREAT", path).expect(403);
            assert_eq!(code(&refused.json()), "access.purpose", "{path}");
            // No other scope would do.
            assert_eq!(refused.header("WWW-Authenticate"), None);
            let said = refused.text();
            assert!(said.contains("nurse") && said.contains("HPAYMT"), "{said}");
        }
        asked("HPAYMT", "metadata").expect(200);
        asked("TREAT HPAYMT", "Observation").expect(200);
        asked("ETREAT", "Observation").expect(200);
    });
}

struct Service {
    place: Place,
    client_id: String,
    key: Es384Key,
}

impl Service {
    fn registered(server: &Server) -> Service {
        let place = Place::of(server);
        let key = Es384Key::generate();
        let keys: Value = serde_json::from_str(&key.public().to_json()).unwrap();
        let metadata = json!({ "client_name": "Ward round", "kind": "system", "scope": "system/*.rs", "purpose_of_use": "HPAYMT",
            "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [keys] } });
        let mut admin = signed_in(server, &place, "admin");
        let made = registered(&place, &mut admin, metadata);
        assert_eq!(made["purpose_of_use"], "HPAYMT");
        let client_id = made["client_id"].as_str().unwrap().to_owned();
        Service {
            place,
            client_id,
            key,
        }
    }

    /// A token of the service as it is registered for these purposes, for the nurse.
    fn token(&self, server: &Server, purposes: &str) -> String {
        let mut admin = signed_in(server, &self.place, "admin");
        let (origin, id) = (&self.place.origin, &self.client_id);
        let page = admin.get(&format!("{origin}/auth/clients?client={id}"));
        let fields = [
            ("decision", "rights"),
            ("scope", "system/*.rs user/*.rs"),
            ("purpose_of_use", purposes),
            ("acts_for_user", "Practitioner/n"),
        ];
        let set = admin.submit(&page, &fields);
        assert_eq!(set.status, 200, "{set:?}");
        assert!(set.html().contains(purposes), "{set:?}");
        let key = Es384Key::from_pkcs8(self.key.to_pkcs8()).unwrap();
        BackendService::new(server.anonymous(), id, "user/*.rs", key).token()
    }
}

fn code(outcome: &Value) -> &str {
    outcome["issue"][0]["details"]["coding"][0]["code"]
        .as_str()
        .unwrap_or_default()
}
