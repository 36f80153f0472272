//! The layers come to what the mask shows, for random patients, rows and callers.

use super::*;
use crate::visibility::{Judged, Known, class_of, row};
use std::sync::Arc;
use ward_consent::labels::{Clearance, Labels};
use ward_consent::{Coding, Confidentiality, Consent, Ref, Specialiser};
use ward_fhir::tree::Limits;
use ward_fhir::{Document, json};
use ward_testkit::{Random, consents};

const NOW_US: i64 = 1_796_000_000_000_000;
const CASES: usize = 5_000;

/// Who is of which organization; everybody is there but one.
struct World;

impl Lookup for World {
    fn subsumes(&self, _: &Coding, _: &Coding) -> Option<bool> {
        None
    }
    fn is_there(&self, reference: &str) -> bool {
        reference != "Practitioner/x"
    }
    fn refers(&self, _: &str, _: &str) -> Option<bool> {
        None
    }
    fn belongs(&self, member: &str, organization: &str) -> Option<bool> {
        let pairs = [
            ("Practitioner/t", "Organization/h1"),
            ("Practitioner/o", "Organization/h2"),
            ("Organization/h2-cardiology", "Organization/h2"),
        ];
        Some(pairs.contains(&(member, organization)))
    }
}

fn document(value: &serde_json::Value) -> Document {
    json::read(value.to_string().as_bytes(), None, &Limits::default()).unwrap()
}

fn site(r: &mut Random) -> ConsentSettings {
    let site = ConsentSettings {
        organization: consents::HERE.into(),
        ..ConsentSettings::default()
    };
    let rules = Rules {
        default: if r.once_in(4) {
            Default::Deny
        } else {
            Default::PermitTpo
        },
        custodian_exemption: !r.once_in(4),
        break_glass: [
            ward_consent::Reach::Defaults,
            ward_consent::Reach::OptOut,
            ward_consent::Reach::Everything,
        ][r.below(3)],
        ..site.rules.clone()
    };
    ConsentSettings { rules, ..site }
}

fn acting(r: &mut Random, patient: &str, labels: &[Coding]) -> ActingFor {
    let asker = consents::asker(r, patient);
    let kinship = match asker.user.split('/').next() {
        Some("Patient") => Kinship::Own,
        Some("RelatedPerson") => Kinship::Proxy,
        _ => Kinship::Other,
    };
    let mut actors: std::collections::BTreeSet<Ref> = [asker.user.as_str().into()].into();
    match asker.user.as_str() {
        "Practitioner/t" => drop(actors.insert("Organization/h1".into())),
        "Practitioner/o" => actors.extend([
            "Organization/h2".into(),
            "Organization/h2-cardiology".into(),
        ]),
        _ => drop(r.coin().then(|| actors.insert("Organization/h1".into()))),
    }
    let level = [
        Confidentiality::Normal,
        Confidentiality::Restricted,
        Confidentiality::VeryRestricted,
    ][r.below(3)];
    ActingFor {
        caller: Caller {
            actors,
            purposes: asker.purpose.into_iter().map(Into::into).collect(),
            action: Action::Access,
            is_privacy: r.once_in(12),
        },
        kinship,
        clearance: Arc::new(Clearance {
            level,
            labels: labels.iter().filter(|_| !r.once_in(3)).cloned().collect(),
        }),
    }
}

#[test]
fn at3b_r24_the_layers_come_to_what_the_mask_shows() {
    let mut r = Random::seeded();
    let mut outcomes = std::collections::BTreeMap::new();
    for case in 0..CASES {
        let site = site(&mut r);
        let house = super::super::house::House {
            base: "http://127.0.0.1:8080/fhir",
            organization: &site.organization,
            rules: &site.rules,
            labels: &site.labels,
        };
        let texts: Vec<_> = (0..r.below(4))
            .map(|n| consents::consent(&mut r, "p", &format!("c{n}")))
            .collect();
        let read = |text| ward_consent::read(document(text).root(), &site.rules, None);
        let consents: Vec<Consent> = texts.iter().map(read).collect();
        let resources = consents::patient(&mut r, "p");
        let resource = match r.once_in(10) && !texts.is_empty() {
            true => &texts[0],
            false => &resources[r.below(resources.len())],
        };
        let node = document(resource);
        let labels = RowClass::of(&Labels::stored(node.root()), &site.labels);
        let reference = format!(
            "{}/{}",
            resource["resourceType"].as_str().unwrap(),
            resource["id"].as_str().unwrap()
        );
        let is_shared = r.once_in(8);
        let policy = Policy {
            subjects: vec!["Patient/p".into()],
            consents,
            ..Policy::none()
        };
        let known = Known::default();
        let judged = Judged {
            node: node.root(),
            reference: reference.as_str().into(),
            labels: &labels,
            patients: &[],
        };
        let mut judge = Specialiser::new(
            &policy.consents,
            &policy.subjects,
            NOW_US,
            &site.rules,
            &World,
        );
        let class = class_of(&judged, house, &known, (!is_shared).then_some(&mut judge));
        let named: Vec<Coding> = site.labels.definitions().map(|d| d.label.clone()).collect();
        let who = acting(&mut r, "p", &named);
        let glass_until_us = r.once_in(5).then_some(NOW_US + 1);
        let asking = Asking {
            who: &who,
            site: &site,
            action: if r.once_in(5) {
                Action::Correct
            } else {
                Action::Access
            },
            glass_until_us,
            now_us: NOW_US,
        };
        let told = asking.explain(&Subject {
            row: &row(node.root(), &reference, &labels, house, &known),
            labels: &labels,
            class: Some(&class),
            policy: (!is_shared).then_some(&policy),
            lookup: &World,
        });
        let shows = Judge::new(&who, &site, asking.action, (glass_until_us, NOW_US)).shows(&class);
        assert_eq!(
            told.effect == Effect::Permit,
            shows,
            "{case}: {texts:#?} {resource:#} {who:?} {told:#?}"
        );
        let by = told
            .layers
            .iter()
            .rev()
            .find(|layer| layer.name == told.by)
            .unwrap();
        assert!(
            by.effect.is_none_or(|effect| effect == told.effect),
            "{case}: {told:#?}"
        );
        *outcomes.entry((told.by, shows)).or_insert(0) += 1;
    }
    for expected in [CONSENT, LABEL, DEFAULT, CLEARANCE] {
        assert!(
            outcomes.contains_key(&(expected, false)),
            "{expected}: {outcomes:?}"
        );
    }
    assert!(
        outcomes.contains_key(&(CONSENT, true)) && outcomes.contains_key(&(DEFAULT, true)),
        "{outcomes:?}"
    );
}
