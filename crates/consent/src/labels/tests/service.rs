use super::*;

const HIV: (&str, &str) = (ACT_CODE, "HIV");
const R: (&str, &str) = (CONFIDENTIALITY, "R");

/// What a PUT of `body` over `before` leaves.
fn put(before: &Document, body: &str) -> Document {
    let next = document(body);
    let client = Labels::stated(next.root()).expect("few labels");
    let stored = Labels::stored(before.root());
    let labels = label(
        next.root(),
        &Labels::none(),
        &client,
        Some(&stored),
        starter(),
    )
    .expect("few labels");
    with_security(next.root(), &labels, starter())
}

fn labels_of(document: &Document) -> String {
    told(&Labels::stored(document.root()))
}

#[test]
fn l5_unlabelled_is_normal_and_stays_as_it_was_sent() {
    let body = observation("", LOINC, GLUCOSE);
    let labels = created(&body);
    assert!(labels.is_empty());
    assert_eq!(labels.level(), Confidentiality::Normal);
    assert_eq!(json(&stored(&body)), body);
}

#[test]
fn labels_come_with_exactly_one_level_their_basis_and_their_origin() {
    let written = json(&stored(&condition("F11.20")));
    let levels = written.matches("v3-Confidentiality").count();
    assert_eq!(levels, 1, "{written}");
    assert!(written.contains("extension-sec-label-basis"), "{written}");
    assert!(written.contains("42CFRPart2"), "{written}");
    let read = Labels::stored(document(&written).root());
    assert!(read.iter().all(|held| held.origin == Origin::Rule));
    assert_eq!(told(&read), "R ETH OPIOIDUD SUD");
    assert_eq!(read.stated_level(), None);
}

#[test]
fn several_levels_of_a_client_become_the_highest() {
    let body = observation(&security(&[(CONFIDENTIALITY, "L"), R]), LOINC, GLUCOSE);
    let after = json(&stored(&body));
    assert_eq!(after.matches("v3-Confidentiality").count(), 1, "{after}");
    assert_eq!(labels_of(&document(&after)), "R");
    // Retired codes said "more than normal".
    let retired = observation(&security(&[(CONFIDENTIALITY, "S")]), LOINC, GLUCOSE);
    assert_eq!(told(&created(&retired)), "R");
}

#[test]
fn l1_clients_add_labels_and_keep_theirs_word_for_word() {
    let coding = r#"{"system":"http://hospital.example/labels","version":"3","code":"x","display":"X","userSelected":true}"#;
    let meta = format!(r#","meta":{{"tag":[{{"code":"t"}}],"security":[{coding}]}}"#);
    let after = json(&stored(&observation(&meta, LOINC, VIRAL_LOAD)));
    assert!(after.contains(coding), "{after}");
    assert_eq!(labels_of(&document(&after)), "R x HIV");
    // XML has an order, and JSON keeps it: before the tags.
    assert!(after.find("security") < after.find(r#""tag""#), "{after}");
}

#[test]
fn l2_t56_a_put_without_labels_loses_none() {
    let before = stored(&observation("", LOINC, VIRAL_LOAD));
    let empty = observation(r#","meta":{"source":"urn:x"}"#, LOINC, GLUCOSE);
    let after = put(&before, &empty);
    assert_eq!(labels_of(&after), "R HIV");
    // The same when what clients stated is left out.
    let before = stored(&observation(&security(&[HIV]), LOINC, GLUCOSE));
    let after = put(&before, &observation("", LOINC, GLUCOSE));
    assert_eq!(labels_of(&after), "R HIV");
    assert_eq!(
        Labels::stored(after.root()).iter().next().map(|h| h.origin),
        Some(Origin::Client)
    );
}

#[test]
fn l1_a_put_that_lowers_the_level_lowers_nothing() {
    let before = stored(&observation(
        &security(&[(CONFIDENTIALITY, "V")]),
        LOINC,
        GLUCOSE,
    ));
    let after = put(
        &before,
        &observation(&security(&[(CONFIDENTIALITY, "L")]), LOINC, GLUCOSE),
    );
    assert_eq!(labels_of(&after), "V");
}

/// A client that reads, changes and writes back does not make the service's labels its own, marks or none.
#[test]
fn l2_a_body_that_comes_back_keeps_origins() {
    let before = stored(&observation("", LOINC, VIRAL_LOAD));
    let bare = observation(&security(&[R, HIV]), LOINC, VIRAL_LOAD);
    for body in [json(&before), bare] {
        let after = put(&before, &body);
        let labels = Labels::stored(after.root());
        assert!(
            labels.iter().all(|held| held.origin == Origin::Rule),
            "{labels:?}"
        );
        assert_eq!(labels.stated_level(), None);
    }
}

#[test]
fn l1_the_service_takes_back_only_what_it_said() {
    let meta = security(&[HIV]);
    let before = stored(&observation(&meta, LOINC, VIRAL_LOAD));
    let after = put(&before, &observation("", LOINC, GLUCOSE));
    assert_eq!(labels_of(&after), "R HIV");
    let relabel = |d: &Document| told(&relabelled(d.root(), &Labels::none(), starter()));
    // Stated by the client: stays.
    assert_eq!(relabel(&after), "R HIV");
    // Found by a rule: gone with the code.
    let before = stored(&observation("", LOINC, VIRAL_LOAD));
    let after = put(&before, &observation("", LOINC, GLUCOSE));
    assert_eq!(labels_of(&after), "R HIV");
    assert_eq!(relabel(&after), "N");
}

/// A level that a client stated outlives a higher one of a rule.
#[test]
fn l1_a_stated_level_outlives_the_rules() {
    let none = |_: &str| None;
    let strict = "ward-labels 1\nlabel HIV V\n";
    let strict = RuleSet::compile(&[STARTER, strict], &none).expect("no mistakes");
    let body = document(&observation(&security(&[R]), LOINC, VIRAL_LOAD));
    let client = Labels::stated(body.root()).expect("few labels");
    let labels = label(body.root(), &Labels::none(), &client, None, &strict).expect("few labels");
    let before = with_security(body.root(), &labels, &strict);
    assert_eq!(labels_of(&before), "V HIV");
    let without = RuleSet::empty();
    assert_eq!(
        told(&relabelled(before.root(), &Labels::none(), &without)),
        "R"
    );
}

/// What is stored without a level is normal, and only a create may say less.
#[test]
fn l1_l5_no_write_lowers_what_is_unlabelled() {
    let before = stored(&observation("", LOINC, GLUCOSE));
    for code in ["U", "L", "M"] {
        let asked = observation(&security(&[(CONFIDENTIALITY, code)]), LOINC, GLUCOSE);
        assert_eq!(json(&put(&before, &asked)), json(&before));
        let refused = refuse_removal(before.root(), document(&asked).root());
        let refused = refused.expect_err("the level is lower than normal");
        assert_eq!(refused.kind, ward_fhir::Kind::LabelRemoval);
        let place = refused.issues[0].expression.as_deref();
        assert_eq!(place, Some("Observation.meta.security[0]"));
        // Who may lower labels may.
        let asked = document(&asked);
        let client = Labels::stated(asked.root()).expect("few labels");
        let kept = kept(&Labels::stored(before.root()), &client);
        let none = Labels::none();
        let labels = label(asked.root(), &none, &client, Some(&kept), starter());
        assert_eq!(told(&labels.expect("few labels")), code);
    }
    // What it already is may be said, and is the client's word then.
    let normal = observation(&security(&[(CONFIDENTIALITY, "N")]), LOINC, GLUCOSE);
    let after = Labels::stored(put(&before, &normal).root());
    assert_eq!(after.stated_level(), Some(Confidentiality::Normal));
    assert!(refuse_removal(before.root(), document(&normal).root()).is_ok());
}

#[test]
fn t57_l4_removal_is_refused_with_its_place() {
    let before = stored(&observation("", LOINC, VIRAL_LOAD));
    let fewer = document(&observation(&security(&[R]), LOINC, VIRAL_LOAD));
    let refused = refuse_removal(before.root(), fewer.root()).expect_err("a label is missing");
    assert_eq!(refused.kind, ward_fhir::Kind::LabelRemoval);
    assert_eq!(
        refused.kind.row(),
        (403, "forbidden", "access.label-removal")
    );
    let place = refused.issues[0].expression.as_deref();
    assert_eq!(place, Some("Observation.meta.security[1]"));
    // A lower level, and none at all.
    let lower = document(&observation(
        &security(&[(CONFIDENTIALITY, "N"), HIV]),
        LOINC,
        VIRAL_LOAD,
    ));
    let refused = refuse_removal(before.root(), lower.root()).expect_err("the level is lower");
    assert_eq!(
        refused.issues[0].expression.as_deref(),
        Some("Observation.meta.security[0]")
    );
    let bare = document(&observation("", LOINC, VIRAL_LOAD));
    assert!(refuse_removal(before.root(), bare.root()).is_err());
    // The same, more, and higher are no removal.
    let (v, std) = ((CONFIDENTIALITY, "V"), (ACT_CODE, "STD"));
    for asked in [vec![R, HIV], vec![v, HIV, std]] {
        let asked = document(&observation(&security(&asked), LOINC, VIRAL_LOAD));
        assert!(refuse_removal(before.root(), asked.root()).is_ok());
    }
    // Nothing of what is stored is said.
    assert!(!refused.issues[0].diagnostics.contains("HIV"));
}

#[test]
fn l1_who_may_lower_takes_away_what_clients_stated_but_not_what_rules_say() {
    let meta = security(&[(CONFIDENTIALITY, "V"), (ACT_CODE, "STD")]);
    let before = stored(&observation(&meta, LOINC, VIRAL_LOAD));
    assert_eq!(labels_of(&before), "V HIV STD");
    let asked = document(&observation(
        &security(&[(CONFIDENTIALITY, "N")]),
        LOINC,
        VIRAL_LOAD,
    ));
    let client = Labels::stated(asked.root()).expect("few labels");
    let kept = kept(&Labels::stored(before.root()), &client);
    let after = label(
        asked.root(),
        &Labels::none(),
        &client,
        Some(&kept),
        starter(),
    )
    .expect("few labels");
    assert_eq!(told(&after), "R HIV");
    // Where no rule speaks the level is what was asked.
    let before = stored(&observation(&meta, LOINC, GLUCOSE));
    let asked = document(&observation(
        &security(&[(CONFIDENTIALITY, "N")]),
        LOINC,
        GLUCOSE,
    ));
    let client = Labels::stated(asked.root()).expect("few labels");
    let kept = super::super::kept(&Labels::stored(before.root()), &client);
    let after = label(
        asked.root(),
        &Labels::none(),
        &client,
        Some(&kept),
        starter(),
    )
    .expect("few labels");
    assert_eq!(told(&after), "N");
}

#[test]
fn t43_a_container_is_as_sensitive_as_what_it_contains() {
    let contained = |inner: &str| {
        format!(
            r##"{{"resourceType":"List","status":"current","mode":"working","contained":[{inner}],"entry":[{{"item":{{"reference":"#c"}}}}]}}"##
        )
    };
    let sensitive = r#"{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/p"},"code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"B20"}]}}"#;
    assert_eq!(told(&created(&contained(sensitive))), "R HIV");
    // A label that the contained resource states.
    let stating = r#"{"resourceType":"Condition","id":"c","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"V"},{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"TBOO"}]},"subject":{"reference":"Patient/p"}}"#;
    assert_eq!(told(&created(&contained(stating))), "V TBOO");
    let bundle = format!(
        r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{sensitive}}}]}}"#
    );
    assert_eq!(told(&created(&bundle)), "R HIV");
    let extension = r#"{"resourceType":"Patient","extension":[{"url":"http://a.example/x","valueCodeableConcept":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"B20"}]}}]}"#;
    assert_eq!(told(&created(extension)), "R HIV");
}

#[test]
fn t43_l5_what_is_found_inside_does_not_lower() {
    let patient = |meta: &str, inner: &str| {
        let inner = security(&[(CONFIDENTIALITY, inner)]);
        format!(
            r#"{{"resourceType":"Patient"{meta},"contained":[{{"resourceType":"Organization","id":"o"{inner}}}]}}"#
        )
    };
    for inner in ["U", "L", "M"] {
        assert!(created(&patient("", inner)).is_empty(), "{inner}");
    }
    let low = security(&[(CONFIDENTIALITY, "L")]);
    assert_eq!(told(&created(&patient(&low, "U"))), "L");
    assert_eq!(told(&created(&patient(&low, "N"))), "N");
    assert_eq!(told(&created(&patient("", "V"))), "V");
    // Nor does the label of a rule that asks for less than normal.
    let text = "ward-labels 1\nsystem loinc http://loinc.org\nlabel HIV L\nrule a HIV\n  code loinc 20447-9 a\n";
    let rules = RuleSet::compile(&[text], &|_| None).expect("no mistakes");
    let body = document(&observation("", LOINC, VIRAL_LOAD));
    let none = Labels::none();
    let labels = label(body.root(), &none, &none, None, &rules).expect("few labels");
    assert_eq!(told(&labels), "N HIV");
}

#[test]
fn what_is_carried_is_the_services_word() {
    let encounter = created(&condition("F10.20"));
    let body = document(&observation("", LOINC, GLUCOSE));
    let none = Labels::none();
    let labels = label(body.root(), &encounter, &none, None, starter()).expect("few labels");
    assert_eq!(told(&labels), "R ETH ETHUD SUD");
    assert!(labels.iter().all(|held| held.origin == Origin::Carried));
    let stored = with_security(body.root(), &labels, starter());
    assert_eq!(Labels::stored(stored.root()), labels);
    // When the Encounter is no longer sensitive, neither is what it carried to.
    assert_eq!(told(&relabelled(stored.root(), &none, starter())), "N");
}

#[test]
fn a_catalogues_resource_is_seen_but_what_refers_to_it_is_not() {
    let ward = r#"{"resourceType":"Location","id":"l","type":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","code":"SURF"}]}]}"#;
    assert_eq!(told(&created(ward)), "N");
    let gives = derived(document(ward).root(), starter());
    assert_eq!(told(&gives), "R ETH SUD");
    let encounter =
        document(r#"{"resourceType":"Encounter","status":"finished","class":{"code":"IMP"}}"#);
    let none = Labels::none();
    let labels = label(encounter.root(), &gives, &none, None, starter()).expect("few labels");
    assert_eq!(told(&labels), "R ETH SUD");
}

#[test]
fn what_is_less_confidential_than_normal_stays_so() {
    let low = observation(&security(&[(CONFIDENTIALITY, "L")]), LOINC, GLUCOSE);
    assert_eq!(told(&created(&low)), "L");
    let document = document(&low);
    let client = Labels::stated(document.root()).expect("few labels");
    let normal = created(&observation(
        &security(&[(CONFIDENTIALITY, "N")]),
        LOINC,
        GLUCOSE,
    ));
    let labels = label(document.root(), &normal, &client, None, starter()).expect("few labels");
    assert_eq!(told(&labels), "L");
    // But not with a sensitive code.
    let sensitive = observation(&security(&[(CONFIDENTIALITY, "U")]), LOINC, VIRAL_LOAD);
    assert_eq!(told(&created(&sensitive)), "R HIV");
}

#[test]
fn too_many_and_too_long_labels_are_refused_with_their_place() {
    let code = |n: usize| format!("c{n}");
    let codes: Vec<String> = (0..=SECURITY_LABELS_MAX).map(code).collect();
    let pairs: Vec<(&str, &str)> = codes.iter().map(|c| ("urn:x", &**c)).collect();
    let many = document(&observation(&security(&pairs), LOINC, GLUCOSE));
    let refused = Labels::stated(many.root()).expect_err("65 labels");
    assert_eq!(refused.status(), 422);
    let place = refused.issues[0].expression.as_deref();
    assert_eq!(place, Some("Observation.meta.security[64]"));
    let long = "c".repeat(256);
    let long = document(&observation(&security(&[("urn:x", &long)]), LOINC, GLUCOSE));
    assert!(Labels::stated(long.root()).is_err());
}

/// What is stored counts: labels cannot be heaped up by many writes.
#[test]
fn l2_labels_of_clients_are_bounded_over_writes() {
    let with = |from: usize| {
        let codes: Vec<String> = (from..from + 40).map(|n| format!("c{n}")).collect();
        let pairs: Vec<(&str, &str)> = codes.iter().map(|c| ("urn:x", &**c)).collect();
        document(&observation(&security(&pairs), LOINC, GLUCOSE))
    };
    let none = Labels::none();
    let of = |document: &Document| Labels::stated(document.root()).expect("few labels");
    let (first, second) = (with(0), with(40));
    let stored = label(first.root(), &none, &of(&first), None, starter()).expect("40 labels");
    assert!(label(first.root(), &none, &of(&first), Some(&stored), starter()).is_ok());
    let refused = label(second.root(), &none, &of(&second), Some(&stored), starter());
    let refused = refused.expect_err("80 labels");
    assert_eq!(refused.status(), 422);
    assert_eq!(
        refused.issues[0].expression.as_deref(),
        Some("Observation.meta.security")
    );
}

/// Whatever a client sends, in any order, no write loses a label and no level falls, that of what has none neither.
#[test]
fn l1_l2_no_sequence_of_writes_by_clients_lowers() {
    let levels = ["U", "L", "M", "N", "R", "V"];
    let codes = ["HIV", "STD", "SUD", "PSY"];
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    for _ in 0..50 {
        let mut now = stored(&observation("", LOINC, GLUCOSE));
        for _ in 0..6 {
            let mut pairs = Vec::new();
            if next(2) == 0 {
                pairs.push((CONFIDENTIALITY, levels[next(6)]));
            }
            (0..next(3)).for_each(|_| pairs.push((ACT_CODE, codes[next(4)])));
            let code = [GLUCOSE, VIRAL_LOAD][next(2)];
            let after = put(&now, &observation(&security(&pairs), LOINC, code));
            let (old, new) = (Labels::stored(now.root()), Labels::stored(after.root()));
            assert!(new.level() >= old.level());
            assert!(old.iter().all(|held| new.contains(&held.label)));
            assert!(refuse_removal(now.root(), after.root()).is_ok());
            now = after;
        }
    }
}
