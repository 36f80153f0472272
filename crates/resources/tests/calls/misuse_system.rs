//! What is told to privacy officers beside accesses to single records: exports (A23), gaps of the log (A25), roles (A26), labels (A27), and
//! changes under a hold (A29).

use crate::house::{call, text};
use crate::misuse::{Hospital, NOW, caller};
use serde_json::{Value, json as value};
use std::sync::atomic::Ordering;
use ward_access::Caller;
use ward_audit::{Alert, Decision, Detail, Outcome, Record};
use ward_resources::route::Method::{Get, Post, Put};
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
    hospital.an_export_is_told().await;
    hospital.a_gap_is_told_once().await;
    hospital.roles_that_people_give_are_told().await;
    hospital.who_tries_to_lower_a_label_is_told().await;
    hospital.a_change_under_a_hold_is_told().await;
}

impl Hospital {
    /// Reviews of a rule that are open, as `who` and `patient`.
    async fn told(&self, rule: &str) -> Vec<(String, String)> {
        let officer = caller("officer", "privacy-officer", "HCOMPL");
        let reviews = self.reviews(&officer).await.into_iter();
        let display = |task: &Value| {
            let display = &task["code"]["coding"][0]["display"];
            display.as_str().unwrap_or_default().to_owned()
        };
        let of_rule = reviews.filter(|task| display(task).split(' ').next() == Some(rule));
        of_rule
            .map(|task| {
                let input = |code: &str| {
                    let inputs = task["input"].as_array().into_iter().flatten();
                    let mut inputs = inputs.filter(|one| one["type"]["coding"][0]["code"] == code);
                    let reference = inputs.next().map(|one| &one["valueReference"]["reference"]);
                    reference
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .to_owned()
                };
                (input("who"), input("patient"))
            })
            .collect()
    }

    async fn an_export_is_told(&mut self) {
        let doctor = caller("doctor", "physician", "TREAT");
        // One record alone is none.
        self.asks(&doctor, "Patient/p2/$everything").await;
        self.follow().await;
        assert_eq!(self.told("A23").await, []);
        self.asks(&doctor, "Patient/$everything?_type=Observation")
            .await;
        self.follow().await;
        let told = self.told("A23").await;
        assert_eq!(told, [("Practitioner/doctor".to_owned(), String::new())]);
        // Who is in a list has not been looked up.
        assert_eq!(self.told("A2").await, []);
    }

    async fn asks(&self, caller: &Caller, url: &str) {
        let mut call = call(Get, url, None);
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        call.asked_by(path, &[query]);
        let reply = self.house.engine.answer(caller, &call).await;
        assert_eq!(reply.status, 200, "{}", text(&reply));
    }

    async fn a_gap_is_told_once(&mut self) {
        for _ in 0..2 {
            let mut record = plain("audit-alarm");
            record.query = "3 audit records are missing before entry 9".into();
            record.decision = Decision::alert(Alert::AUDIT_GAP);
            self.house.engine.log().append(&record).await.unwrap();
            self.follow().await;
        }
        // What is told is recorded with its number as well: that tells nothing again.
        self.follow().await;
        assert_eq!(self.told("A25").await, [(String::new(), String::new())]);
    }

    async fn roles_that_people_give_are_told(&mut self) {
        let role = |whose: &str, code: &str| {
            let system = "http://terminology.hl7.org/CodeSystem/practitioner-role";
            value!({ "resourceType": "PractitionerRole", "practitioner": { "reference": whose },
                "code": [{ "coding": [{ "system": system, "code": code }] }] })
        };
        let admin = caller("admin", "system-administrator", "HSYSADMIN");
        let gives = async |hospital: &Hospital, body: Value| {
            let ask = hospital
                .house
                .ask(&admin, Post, "PractitionerRole", Some(&body));
            let reply = ask.await;
            assert_eq!(reply.status, 201, "{}", text(&reply));
        };
        // To others; and what stands for no role is none.
        gives(self, role("Practitioner/doctor", "doctor")).await;
        gives(self, role("Practitioner/admin", "teacher")).await;
        self.follow().await;
        assert_eq!(self.told("A26").await, []);
        gives(self, role("Practitioner/admin", "nurse")).await;
        self.follow().await;
        let own = ("Practitioner/admin".to_owned(), String::new());
        assert_eq!(self.told("A26").await, [own]);
        // An account with a role, for a resource that is one's own.
        let mut record = plain("accounts");
        record.user = "Practitioner/second".into();
        record.query =
            "decision=add&username=two%40ward&role=nurse&fhir_user=Practitioner%2Fsecond".into();
        record.detail.subtype = "add".into();
        self.house.engine.log().append(&record).await.unwrap();
        self.follow().await;
        let told = self.told("A26").await;
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!(told[1].0, "Practitioner/second");
    }

    async fn who_tries_to_lower_a_label_is_told(&mut self) {
        let doctor = caller("doctor", "physician", "TREAT");
        let label = value!({ "system": ward_access::ACT_CODE, "code": "STD" });
        let level = value!({ "system": ward_access::CONFIDENTIALITY, "code": "R" });
        let mut marked = crate::placement::observation("Patient/p2");
        marked["meta"] = value!({ "security": [label] });
        let marked = self.house.create(&marked).await;
        let asked = |label: &Value| {
            value!({ "resourceType": "Parameters",
                "parameter": [{ "name": "meta", "valueMeta": { "security": [label] } }] })
        };
        let url = format!("{marked}/$meta-delete");
        let reply = self
            .house
            .ask(&doctor, Post, &url, Some(&asked(&level)))
            .await;
        assert_eq!(reply.status, 403, "{}", text(&reply));
        let record = self.house.records().pop().unwrap();
        assert_eq!(
            record.decision.alert,
            Some(Alert::LABEL_LOWERED),
            "{record:?}"
        );
        self.follow().await;
        let tried = ("Practitioner/doctor".to_owned(), "Patient/p2".to_owned());
        assert_eq!(self.told("A27").await, [tried]);
        // Whose it is to do so is told as well: the Record of the change says it.
        let officer = caller("officer", "physician privacy-officer", "TREAT HCOMPL");
        let reply = self
            .house
            .ask(&officer, Post, &url, Some(&asked(&label)))
            .await;
        assert_eq!(reply.status, 200, "{}", text(&reply));
        self.follow().await;
        let told = self.told("A27").await;
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!(told[1].0, "Practitioner/officer");
    }

    async fn a_change_under_a_hold_is_told(&mut self) {
        let doctor = caller("doctor", "physician", "TREAT");
        let flag = value!({ "resourceType": "Flag", "id": "hold", "status": "active",
            "code": { "coding": [{ "system": "urn:ward:flag", "code": "hold" }] },
            "subject": { "reference": "Patient/p2" }, "period": { "start": "2023-11-01" } });
        self.house.put(&flag).await;
        // What was read of patients holds for half a minute.
        NOW.fetch_add(60_000_000, Ordering::Relaxed);
        let mut entry = crate::placement::observation("Patient/p2");
        entry["id"] = "of-p2".into();
        entry["status"] = "amended".into();
        let reply = self
            .house
            .ask(&doctor, Put, "Observation/of-p2", Some(&entry))
            .await;
        assert_eq!(reply.status, 200, "{}", text(&reply));
        self.follow().await;
        let changed = ("Practitioner/doctor".to_owned(), "Patient/p2".to_owned());
        assert_eq!(self.told("A29").await, [changed]);
    }
}

/// As the server leaves one of itself.
fn plain(interaction: &str) -> Record {
    Record {
        at_us: NOW.load(Ordering::Relaxed),
        request_id: [7; 16],
        interaction: interaction.into(),
        client_id: "ward".into(),
        user: String::new(),
        purpose: String::new(),
        source: String::new(),
        outcome: Outcome::Success,
        status: 200,
        query: String::new(),
        entities: Vec::new(),
        decision: Decision::default(),
        detail: Detail::default(),
    }
}
