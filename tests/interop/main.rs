//! fhir-sdk, a FHIR client for Rust, drives the running server. It knows R4B, which reads our R4 where they agree.
//! <https://docs.rs/fhir-sdk>
#![allow(clippy::unwrap_used)]

use fhir_sdk::client::{
    Client, ReferenceSearch, RequestSettings, ResourceWrite, SearchParameters, TokenSearch,
};
use fhir_sdk::r4b::codes::{AdministrativeGender, EncounterStatus};
use fhir_sdk::r4b::resources::{Bundle, Encounter, Patient, ResourceType};
use fhir_sdk::r4b::types::{Coding, HumanName, Reference};
use fhir_sdk::version::FhirR4B;
use fhir_sdk::{Date, TryStreamExt, header};
use std::str::FromStr;
use ward_testkit::{Server, Start, backends, install_provider};

/// A conversation with an empty server, on each store.
fn visit(conversation: impl AsyncFn(Client<FhirR4B>)) {
    install_provider();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for backend in backends() {
        let server = Server::start(Start::empty(backend));
        let authorization = format!("Bearer {}", server.token("loader"))
            .parse()
            .unwrap();
        let settings = RequestSettings::default().header(header::AUTHORIZATION, authorization);
        let base = format!("{}/", server.base).parse().unwrap();
        let client = Client::builder()
            .base_url(base)
            .request_settings(settings)
            .build()
            .unwrap();
        runtime.block_on(conversation(client));
    }
}

fn patient(family: &str) -> Patient {
    let name = HumanName::builder()
        .family(family.to_owned())
        .build()
        .unwrap();
    Patient::builder()
        .active(false)
        .gender(AdministrativeGender::Female)
        .name(vec![Some(name)])
        .build()
        .unwrap()
}

#[test]
fn create_read_update_history_delete() {
    visit(async |client| {
        let mut patient = patient("Sdk");
        let id = patient.create(&client).await.unwrap();
        let read = client.read::<Patient>(&id).await.unwrap().unwrap();
        assert_eq!(read.name, patient.name);
        patient.active = Some(true);
        patient.update(false, &client).await.unwrap();
        patient.active = None;
        // With If-Match on the version that the client knows.
        patient.update(true, &client).await.unwrap();
        let version = patient
            .meta
            .as_ref()
            .and_then(|m| m.version_id.clone())
            .unwrap();
        assert_eq!(version, "3");
        let first = client
            .read_version::<Patient>(&id, "1")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(first.active, Some(false));
        let history = client
            .history::<Patient>(Some(&id))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(history.entry.len(), 3);
        patient.delete(&client).await.unwrap();
        assert_eq!(client.read::<Patient>(&id).await.unwrap(), None);
    });
}

#[test]
fn patch() {
    visit(async |client| {
        let mut patient = patient("Patched");
        let id = patient.create(&client).await.unwrap();
        let date = Date::from_str("2021-02-01").unwrap();
        let patch = client
            .patch_via_json(ResourceType::Patient, &id)
            .add("/birthDate", &date)
            .unwrap()
            .remove("/active");
        patch.send().await.unwrap();
        client
            .patch_via_fhir(ResourceType::Patient, &id)
            .delete("Patient.gender")
            .send()
            .await
            .unwrap();
        let read = client.read::<Patient>(&id).await.unwrap().unwrap();
        assert_eq!(
            (read.birth_date.clone(), read.active, read.gender),
            (Some(date), None, None)
        );
    });
}

#[test]
fn search_follows_the_pages() {
    visit(async |client| {
        for n in 0..5 {
            patient(&format!("Page{n}")).create(&client).await.unwrap();
        }
        let female = TokenSearch::Standard {
            name: "gender",
            system: None,
            code: Some("female"),
            not: false,
        };
        let found = client
            .search::<Patient>(SearchParameters::empty().and(female).and_raw("_count", 2))
            .await
            .unwrap();
        let all: Vec<Patient> = found.all_matches().try_collect().await.unwrap();
        assert_eq!(all.len(), 5);
    });
}

fn encounter(subject: String) -> Encounter {
    let class = Coding::builder().code("AMB".to_owned()).build().unwrap();
    let subject = Reference::builder().reference(subject).build().unwrap();
    Encounter::builder()
        .status(EncounterStatus::Planned)
        .class(class)
        .subject(subject)
        .build()
        .unwrap()
}

fn chain(family: &str) -> ReferenceSearch<'_, FhirR4B> {
    ReferenceSearch::Chaining {
        name: "subject",
        resource_type: Some(ResourceType::Patient),
        target_name: "family",
        value: family,
    }
}

#[test]
fn search_by_chains_with_includes_and_totals() {
    visit(async |client| {
        for family in ["Chained", "Other"] {
            let id = patient(family).create(&client).await.unwrap();
            for _ in 0..3 {
                let mut made = encounter(format!("Patient/{id}"));
                made.create(&client).await.unwrap();
            }
        }
        let asked = SearchParameters::empty()
            .and(chain("Chained"))
            .and_raw("_count", 2)
            .and_raw("_total", "accurate")
            .and_raw("_include", "Encounter:subject");
        let first = client.search::<Encounter>(asked).await.unwrap();
        assert_eq!(first.total(), Some(3));
        assert_eq!(first.matches().count(), 2);
        let patients = first
            .entries()
            .filter(|r| Patient::try_from((*r).clone()).is_ok());
        assert_eq!(patients.count(), 1);
        let all: Vec<Encounter> = first.all_matches().try_collect().await.unwrap();
        assert_eq!(all.len(), 3);
        let none = SearchParameters::empty().and(chain("Nobody"));
        let none = client.search::<Encounter>(none).await.unwrap();
        assert_eq!(none.matches().count(), 0);

        let has = SearchParameters::empty()
            .and_raw("_has:Encounter:subject:status", "planned")
            .and_raw("_count", 1);
        let found = client.search::<Patient>(has).await.unwrap();
        let both: Vec<Patient> = found.all_matches().try_collect().await.unwrap();
        assert_eq!(both.len(), 2);
    });
}

#[test]
fn transaction() {
    visit(async |client| {
        let mut gone = patient("Gone");
        let gone_id = gone.create(&client).await.unwrap();
        let mut changed = patient("Changed");
        changed.create(&client).await.unwrap();

        let mut transaction = client.transaction();
        transaction.delete(ResourceType::Patient, &gone_id);
        transaction.update(changed, true).unwrap();
        let subject = transaction.create(patient("Admitted"));
        transaction.create(encounter(subject));
        let answer: Bundle = transaction.send().await.unwrap();

        let statuses: Vec<String> = answer
            .entry
            .iter()
            .flatten()
            .map(|e| e.response.as_ref().unwrap().status[..3].to_owned())
            .collect();
        assert_eq!(statuses, ["204", "200", "201", "201"]);
        let found = client
            .search::<Encounter>(SearchParameters::empty())
            .await
            .unwrap();
        let encounters: Vec<Encounter> = found.all_matches().try_collect().await.unwrap();
        let admitted = client
            .read_referenced(encounters[0].subject.as_ref().unwrap())
            .await
            .unwrap();
        assert_eq!(
            Patient::try_from(admitted).unwrap().name,
            patient("Admitted").name
        );
        assert_eq!(client.read::<Patient>(&gone_id).await.unwrap(), None);
    });
}
