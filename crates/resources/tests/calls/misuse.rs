//! Who opens records without a reason is told to privacy officers, once, and to nobody else; what they find is learnt.

use crate::house::{House, json, loader, text};
use crate::placement::observation;
use serde_json::{Value, json as value};
use std::sync::atomic::{AtomicI64, Ordering};
use ward_access::{Caller, Identity, Purposes, Scopes};
use ward_audit::Alert;
use ward_detection::Thresholds;
use ward_resources::Settings;
use ward_resources::detection::{RECORDS_AT_ONCE, Watch};
use ward_resources::route::Method::{Get, Post, Put};
use ward_storage::RecordQuestion;
use ward_testkit::{Backend, backends};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    on(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    if backends().contains(&Backend::Postgres) {
        on(Backend::Postgres).await;
    }
}

async fn on(backend: Backend) {
    let mut hospital = Hospital::furnish(backend).await;
    hospital
        .strangers_are_told_and_colleagues_at_work_are_not()
        .await;
    hospital.one_process_judges().await;
    hospital.what_is_found_is_learnt().await;
    hospital.nobody_else_says_what_was_found().await;
    hospital.what_services_read_takes_the_records_alone().await;
}

fn now() -> i64 {
    NOW.fetch_add(1_000, Ordering::Relaxed)
}

/// 14 November 2023; each test that looks at it moves it on.
pub static NOW: AtomicI64 = AtomicI64::new(1_700_000_000_000_000);

pub struct Hospital {
    pub house: House,
    watch: Watch,
    drained: u64,
}

impl Hospital {
    /// Three employees who are patients, one of them under the doctor's care.
    pub async fn furnish(backend: Backend) -> Hospital {
        let house = House::with(backend, Settings::default(), now).await;
        for id in ["doctor", "officer"] {
            let name = value!([{ "family": "Of the house", "given": [id] }]);
            house
                .put(&value!({ "resourceType": "Practitioner", "id": id, "name": name, "birthDate": "1980-01-01" }))
                .await;
        }
        for id in ["p1", "p2", "p3"] {
            let employee = value!({ "system": ward_access::ACT_CODE, "code": "EMP" });
            house
                .put(&value!({ "resourceType": "Patient", "id": id, "meta": { "security": [employee] } }))
                .await;
            let mut own = observation(&format!("Patient/{id}"));
            own["id"] = format!("of-{id}").into();
            house.put(&own).await;
        }
        house
            .put(&value!({ "resourceType": "Encounter", "id": "e2", "status": "in-progress",
                "class": { "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB" },
                "subject": { "reference": "Patient/p2" }, "period": { "start": "2023-11-14T08:00:00Z" },
                "participant": [{ "individual": { "reference": "Practitioner/doctor" } }] }))
            .await;
        let watch = Watch::new(Thresholds::default());
        let mut hospital = Hospital {
            house,
            watch,
            drained: 0,
        };
        // What was before it began is learnt, and told to nobody.
        hospital.follow().await;
        hospital
    }

    /// What is in the local log comes into the store, and is judged.
    pub async fn follow(&mut self) {
        self.drain().await;
        let engine = &self.house.engine;
        while engine.watch_misuse(&mut self.watch).await.unwrap() {}
        // What follows a number that is missing is waited for.
        NOW.fetch_add(11_000_000, Ordering::Relaxed);
        while engine.watch_misuse(&mut self.watch).await.unwrap() {}
    }

    async fn drain(&mut self) {
        let engine = &self.house.engine;
        let records = engine.log().read_from(self.drained, 10_000).unwrap();
        if !records.is_empty() {
            let last = engine.store().store_records("node", &records).await;
            self.drained = last.unwrap() + 1;
        }
    }

    async fn reads(&self, id: &str) {
        let doctor = caller("doctor", "physician", "TREAT");
        let url = format!("Observation/of-{id}");
        let reply = self.house.ask(&doctor, Get, &url, None).await;
        assert_eq!(reply.status, 200, "{}", text(&reply));
    }

    pub async fn reviews(&self, caller: &Caller) -> Vec<Value> {
        let url = "Task?code=urn:ward:task|misuse-review&_sort=_lastUpdated";
        let reply = self.house.ask(caller, Get, url, None).await;
        assert_eq!(reply.status, 200, "{}", text(&reply));
        let entries = json(&reply)["entry"].as_array().cloned();
        let entries = entries.into_iter().flatten();
        entries.map(|entry| entry["resource"].clone()).collect()
    }

    async fn strangers_are_told_and_colleagues_at_work_are_not(&mut self) {
        self.reads("p2").await;
        self.follow().await;
        let officer = caller("officer", "privacy-officer", "HCOMPL");
        assert_eq!(self.reviews(&officer).await, Vec::<Value>::new());
        self.reads("p1").await;
        self.reads("p1").await;
        self.follow().await;
        let reviews = self.reviews(&officer).await;
        assert_eq!(reviews.len(), 1, "{reviews:?}");
        let inputs = reviews[0]["input"].as_array().unwrap();
        let input = |code: &str| {
            let of = |one: &&Value| one["type"]["coding"][0]["code"] == code;
            inputs.iter().find(of).cloned().unwrap_or_default()
        };
        let reference = |code: &str| input(code)["valueReference"]["reference"].clone();
        assert_eq!(reference("who"), "Practitioner/doctor");
        assert_eq!(reference("patient"), "Patient/p1");
        assert!(input("A2")["valueString"].is_string(), "{inputs:?}");
        let issue = reviews[0]["focus"]["reference"]
            .as_str()
            .unwrap()
            .to_owned();
        let seen = self.house.ask(&officer, Get, &issue, None).await;
        assert_eq!(seen.status, 200, "{}", text(&seen));
        assert_eq!(json(&seen)["code"]["coding"][0]["code"], "A2");
        let told = self.house.records();
        let alert = told.iter().find(|record| record.interaction == "alert");
        let number = alert.unwrap().decision.alert;
        assert_eq!(number, Alert::of_number(2));
        // Whom it is about is not told, nor is anybody who treats.
        for role in ["physician", "nurse", "pharmacist"] {
            let other = caller("doctor", role, "TREAT");
            let task = format!("Task/{}", reviews[0]["id"].as_str().unwrap());
            for url in [&task, &issue] {
                let reply = self.house.ask(&other, Get, url, None).await;
                assert_eq!(reply.status, 404, "{role} {url}");
            }
            assert_eq!(self.reviews(&other).await, Vec::<Value>::new(), "{role}");
        }
    }

    async fn one_process_judges(&mut self) {
        let mut other = Watch::new(Thresholds::default());
        self.reads("p3").await;
        let more = self.house.engine.watch_misuse(&mut other).await;
        assert!(!more.unwrap(), "it is another's turn");
        let officer = caller("officer", "privacy-officer", "HCOMPL");
        assert_eq!(self.reviews(&officer).await.len(), 1);
        self.follow().await;
        assert_eq!(self.reviews(&officer).await.len(), 2);
        // After it has been silent for long another goes on, and tells nothing again.
        NOW.fetch_add(60_000_000, Ordering::Relaxed);
        self.watch = other;
        self.follow().await;
        assert_eq!(self.reviews(&officer).await.len(), 2);
    }

    /// What is closed keeps two people quiet, and what has the name of an alert stands for it: neither is for whoever may write Tasks.
    async fn nobody_else_says_what_was_found(&mut self) {
        let officer = caller("officer", "privacy-officer", "HCOMPL");
        let doctor = caller("doctor", "physician", "TREAT");
        let review = self.reviews(&officer).await.remove(0);
        let mut closed = review.clone();
        for element in ["id", "meta", "focus"] {
            closed.as_object_mut().unwrap().remove(element);
        }
        closed["status"] = "completed".into();
        closed["businessStatus"] =
            value!({ "coding": [{ "system": "urn:ward:task", "code": "explained" }] });
        let mut unnamed = closed.clone();
        unnamed.as_object_mut().unwrap().remove("identifier");
        let plain = |system: &str| {
            value!({ "resourceType": "Task", "status": "completed", "intent": "order",
                "identifier": [{ "system": system, "value": "Consent/c/_history/1" }] })
        };
        let mut consents = plain("urn:ward:task");
        consents["code"] =
            value!({ "coding": [{ "system": "urn:ward:task", "code": "consent-review" }] });
        let alert = value!({ "resourceType": "DetectedIssue", "status": "final",
            "code": { "coding": [{ "system": "urn:ward:misuse", "code": "A2" }] } });
        for (ty, forged) in [
            ("Task", &closed),
            ("Task", &unnamed),
            ("Task", &plain("urn:ward:task")),
            ("Task", &plain("urn:ward:misuse")),
            ("Task", &consents),
            ("DetectedIssue", &alert),
        ] {
            // A pharmacist may write both.
            let pharmacist = caller("doctor", "pharmacist", "TREAT");
            for by in [&pharmacist, &loader()] {
                let reply = self.house.ask(by, Post, ty, Some(forged)).await;
                assert_eq!(reply.status, 403, "{forged}: {}", text(&reply));
                let mut chosen = forged.clone();
                chosen["id"] = "forged".into();
                let url = format!("{ty}/forged");
                let reply = self.house.ask(by, Put, &url, Some(&chosen)).await;
                assert_eq!(reply.status, 403, "{forged}: {}", text(&reply));
                let bundle = value!({ "resourceType": "Bundle", "type": "transaction",
                    "entry": [{ "resource": forged, "request": { "method": "POST", "url": ty } }] });
                let reply = self.house.ask(by, Post, "", Some(&bundle)).await;
                assert_eq!(reply.status, 403, "{forged}: {}", text(&reply));
            }
        }
        // Nor does one of their own become such a one.
        let own = plain("urn:x");
        let reply = self.house.ask(&doctor, Post, "Task", Some(&own)).await;
        assert_eq!(reply.status, 201, "{}", text(&reply));
        let mut own = json(&reply);
        own["code"] = unnamed["code"].clone();
        let url = format!("Task/{}", own["id"].as_str().unwrap());
        let reply = self.house.ask(&doctor, Put, &url, Some(&own)).await;
        assert_eq!(reply.status, 403, "{}", text(&reply));
    }

    async fn what_is_found_is_learnt(&mut self) {
        let officer = caller("officer", "privacy-officer", "HCOMPL");
        let mut review = self.reviews(&officer).await.remove(0);
        review["status"] = "completed".into();
        review["businessStatus"] =
            value!({ "coding": [{ "system": "urn:ward:task", "code": "explained" }] });
        let url = format!("Task/{}", review["id"].as_str().unwrap());
        let reply = self.house.ask(&officer, Put, &url, Some(&review)).await;
        assert_eq!(reply.status, 200, "{}", text(&reply));
        // Another case, so long after.
        NOW.fetch_add(10 * 86_400_000_000, Ordering::Relaxed);
        self.follow().await;
        self.reads("p1").await;
        self.follow().await;
        assert_eq!(self.reviews(&officer).await.len(), 2, "explained");
        self.reads("p3").await;
        self.follow().await;
        assert_eq!(self.reviews(&officer).await.len(), 3, "not this one");
    }

    /// No rule asks for labels of what they have read, and how far all was judged is not written with each page.
    async fn what_services_read_takes_the_records_alone(&mut self) {
        let (one, three) = (self.judged(1).await, self.judged(3).await);
        let store = self.house.engine.store();
        let before = store.statements();
        let page = RecordQuestion {
            after: Some(1),
            limit: RECORDS_AT_ONCE,
            ..RecordQuestion::default()
        };
        store.records(&page).await.unwrap();
        let of_a_page = store.statements() - before;
        assert_eq!(three - one, 2 * of_a_page);
    }

    /// Statements in which so many pages of a service's reads are judged.
    async fn judged(&mut self, pages: usize) -> u64 {
        self.follow().await;
        let service = loader();
        for _ in 0..pages * RECORDS_AT_ONCE {
            let reply = self.house.ask(&service, Get, "Observation/of-p1", None);
            assert_eq!(reply.await.status, 200);
        }
        self.drain().await;
        // Whatever is looked at now and then is due.
        NOW.fetch_add(21_000_000, Ordering::Relaxed);
        let engine = &self.house.engine;
        let before = engine.store().statements();
        while engine.watch_misuse(&mut self.watch).await.unwrap() {}
        engine.store().statements() - before
    }
}

pub fn caller(id: &str, role: &str, purposes: &str) -> Caller {
    Caller::new(Identity {
        subject: id.into(),
        client_id: "desk".into(),
        fhir_user: Some(format!("Practitioner/{id}")),
        roles: role.split(' ').map(str::to_owned).collect(),
        scopes: Scopes::parse("user/*.cruds").unwrap(),
        purposes: Purposes::parse(purposes).unwrap(),
        ..Identity::default()
    })
}
