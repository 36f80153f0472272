use super::*;
use crate::visibility::family::Family;
use crate::visibility::fixture::*;

fn rids(family: &Family) -> Vec<Rid> {
    family.patients.keys().copied().collect()
}

#[tokio::test]
async fn a_patient_without_consents_costs_no_statement() {
    let place = Place::open(crate::visibility::THIS_ORGANIZATION).await;
    place.put("Practitioner/x", "").await;
    place.put("Patient/p", "").await;
    place
        .put("Observation/o", &observed("p", "Practitioner/x"))
        .await;
    let p = place.rid("Patient/p").await;
    let document = place.document("Observation/o").await;
    let labels = RowClass::unlabelled();
    let judged = |patients| Judged {
        node: document.root(),
        reference: "Observation/o".into(),
        labels: &labels,
        patients,
    };
    let home = [p];
    let before = place.engine.store.statements();
    let classes = place
        .engine
        .classes(&[judged(&home), judged(&[])])
        .await
        .unwrap();
    assert_eq!(place.engine.store.statements(), before);
    let [own, shared] = [classes[0].clone().unwrap(), classes[1].clone().unwrap()];
    assert!(own.residual.is_silent() && !own.is_shared);
    assert!(shared.residual.is_silent() && shared.is_shared);
    assert_eq!(place.engine.policy(p).version, 0);
}

#[tokio::test]
async fn a_policy_is_read_once_for_each_version() {
    let place = Place::open(crate::visibility::THIS_ORGANIZATION).await;
    place.put("Practitioner/x", "").await;
    place.put("Patient/p", "").await;
    place
        .put("Observation/o", &observed("p", "Practitioner/x"))
        .await;
    place.put("Consent/c", &deny("p", RECIPIENT)).await;
    let p = place.rid("Patient/p").await;
    let version = place.engine.store.policies(&[p]).await.unwrap()[0];
    place.raise(&[p]).await;
    place.engine.read_policies(&[p, 0, p]).await.unwrap();
    assert_eq!(place.engine.policy(p).version, version + 1);
    let before = place.engine.store.statements();
    place.engine.read_policies(&[p]).await.unwrap();
    assert_eq!(place.engine.store.statements(), before + 1);
    let class = place.class("Observation/o", &[p]).await.unwrap();
    assert!(!class.residual.is_silent() && !class.residual.is_private());
    let shared = place.class("Practitioner/x", &[]).await.unwrap();
    assert!(shared.residual.is_silent());
    // As a further one the patient's record hides a row, whoever it is at home with.
    place.put("Patient/q", "").await;
    let q = place.rid("Patient/q").await;
    assert_eq!(place.class("Observation/o", &[q, p]).await, None);
    assert!(place.class("Observation/o", &[q]).await.is_some());
}

#[tokio::test]
async fn a_consent_holds_for_every_record_that_was_merged() {
    let place = Place::open(crate::visibility::THIS_ORGANIZATION).await;
    place.put("Practitioner/x", "").await;
    place.put("Patient/old", "").await;
    let link = |other: &str, ty: &str| {
        format!(r#","link":[{{"other":{{"reference":"Patient/{other}"}},"type":"{ty}"}}]"#)
    };
    place.put("Patient/new", &link("old", "replaces")).await;
    place.put("Patient/seen", &link("new", "seealso")).await;
    place.put("Consent/c", &deny("old", RECIPIENT)).await;
    let (old, new) = (
        place.rid("Patient/old").await,
        place.rid("Patient/new").await,
    );
    let seen = place.rid("Patient/seen").await;
    let both = place.engine.family(&[old], &Pending::new()).await.unwrap();
    assert_eq!(
        rids(&both),
        if old < new {
            vec![old, new]
        } else {
            vec![new, old]
        }
    );
    assert_eq!(
        both,
        place.engine.family(&[new], &Pending::new()).await.unwrap()
    );
    assert_eq!(
        place
            .engine
            .family(&[seen], &Pending::new())
            .await
            .unwrap()
            .patients
            .into_keys()
            .collect::<Vec<_>>(),
        [seen]
    );
    let pending = Pending::from([(seen, vec!["Patient/new".into()])]);
    let told = place.engine.family(&[seen], &pending).await;
    assert_eq!(told.unwrap().patients.len(), 3);
    place.raise(&[old, new]).await;
    place.engine.read_policies(&[old, new]).await.unwrap();
    for (patient, url) in [(old, "Patient/old"), (new, "Patient/new")] {
        assert_eq!(place.engine.policy(patient).consents.len(), 1);
        let class = place.class(url, &[patient]).await.unwrap();
        assert!(!class.residual.is_silent(), "{url}");
    }
}

#[tokio::test]
async fn who_stands_behind_a_role_is_looked_up() {
    let place = Place::open("Organization/h1").await;
    place.put("Organization/h1", r#","name":"hospital""#).await;
    let part = r#","name":"ward","partOf":{"reference":"Organization/h1"}"#;
    place.put("Organization/h1a", part).await;
    place.put("Organization/h2", r#","name":"other""#).await;
    place.put("Practitioner/x", "").await;
    place.put("Practitioner/y", "").await;
    let role = |person: &str| {
        format!(
            r#","practitioner":{{"reference":"Practitioner/{person}"}},"organization":{{"reference":"Organization/h1a"}}"#
        )
    };
    place.put("PractitionerRole/x", &role("x")).await;
    place.put("PractitionerRole/y", &role("y")).await;
    place.put("Patient/p", "").await;
    let by_x = r#""data":[{"meaning":"authoredby","reference":{"reference":"Practitioner/x"}}]"#;
    place.put("Consent/c", &deny("p", by_x)).await;
    place
        .put("Observation/x", &observed("p", "PractitionerRole/x"))
        .await;
    place
        .put("Observation/y", &observed("p", "PractitionerRole/y"))
        .await;
    let visit = |keeper: &str| {
        format!(
            r#","status":"finished","class":{{"code":"AMB"}},"subject":{{"reference":"Patient/p"}},"serviceProvider":{{"reference":"{keeper}"}}"#
        )
    };
    place.put("Encounter/a", &visit("Organization/h1a")).await;
    place.put("Encounter/b", &visit("Organization/h2")).await;
    let p = place.rid("Patient/p").await;
    place.raise(&[p]).await;
    place.engine.read_policies(&[p]).await.unwrap();
    assert!(place.engine.policy(p).asks_authors());
    let x = place.class("Observation/x", &[p]).await.unwrap();
    let y = place.class("Observation/y", &[p]).await.unwrap();
    assert_ne!(x.residual, y.residual);
    for (url, kept) in [
        ("Encounter/a", "Organization/h1"),
        ("Encounter/b", "Organization/h2"),
    ] {
        let class = place.class(url, &[p]).await.unwrap();
        assert_eq!(class.class.custodian.as_deref(), Some(kept));
    }
}
