//! S88 over HTTP: who the user is, is a resource of this server that the app may read, also as a script of a page does.

use super::on_own;
use crate::apps::{self, Place, text};
use crate::people::{self, App, claims};
use serde_json::json;

#[test]
fn s88_who_the_user_is_can_be_read_with_the_token() {
    on_own(&[("smart.open_registration", "true")], |server, loader| {
        let place = Place::of(server);
        let mut admin = apps::signed_in(server, &place, "admin");
        // Whose pages are at https://app.example.
        let desk = apps::app(&place, &mut admin);
        let patient = json!({ "resourceType": "Patient", "name": [{ "family": "Own" }] });
        let own = format!(
            "Patient/{}",
            loader.post("Patient", &patient).expect(201).id()
        );
        let page = format!("{}/demo/app/", place.issuer());
        let at_home = App {
            client_id: "demo-app",
            redirect_uri: &page,
            scope: "launch/patient openid fhirUser patient/*.rs",
        };
        let at_the_desk = |scope: &'static str| App {
            client_id: &desk,
            redirect_uri: apps::CALLBACK,
            scope,
        };
        let mut people = vec![(own, at_home)];
        for (ty, body) in [
            ("Practitioner", json!({})),
            ("PractitionerRole", json!({ "active": true })),
            (
                "RelatedPerson",
                json!({ "patient": { "reference": people[0].0 } }),
            ),
            ("Person", json!({})),
        ] {
            let mut body = body;
            body["resourceType"] = json!(ty);
            let id = loader.post(ty, &body).expect(201).id();
            let scope = "openid fhirUser user/*.rs";
            people.push((format!("{ty}/{id}"), at_the_desk(scope)));
        }
        for (n, (user, app)) in people.iter().enumerate() {
            let who = [("fhir_user", user.as_str()), ("role", "registrar")];
            let who = if n == 0 { &who[..1] } else { &who };
            let invitation = people::invited(&place, &mut admin, &format!("person-{n}"), who);
            let mut browser = people::enrolled(&place, &invitation).browser;
            let issued = people::tokens(&place, &mut browser, app);
            let named = text(&claims(&text(&issued, "id_token")), "fhirUser");
            assert_eq!(named, format!("{}/{user}", server.base));
            let token = text(&issued, "access_token");
            let origin = "https://app.example";
            let request = place.http.request("GET", &named);
            let request = request.header("Origin", origin);
            let bearer = format!("Bearer {token}");
            let read = request.header("Authorization", &bearer).send().expect(200);
            assert_eq!(
                format!("{}/{}", text(&read.json(), "resourceType"), read.id()),
                *user
            );
            assert_eq!(
                read.header("Access-Control-Allow-Origin"),
                Some(origin),
                "{user}"
            );
        }
        // Nobody else is a person.
        let page = admin.get(&format!("{}/auth/accounts", place.origin));
        for other in [
            "Device/1",
            "Organization/1",
            "https://other.example/fhir/Patient/1",
        ] {
            let add = [
                ("decision", "add"),
                ("username", "robot"),
                ("name", "R"),
                ("fhir_user", other),
            ];
            assert_eq!(admin.submit(&page, &add).status, 400, "{other}");
        }
    });
}
