use super::*;

fn compiled(text: &str) -> Result<RuleSet, Vec<Mistake>> {
    let text = format!("ward-labels 1\n{text}");
    let sets = |url: &str| {
        let codes = vec![(LOINC.to_owned(), "1-8".to_owned())];
        (url == "http://a.example/vs").then_some(codes)
    };
    RuleSet::compile(&[&text], &sets)
}

fn mistakes(text: &str) -> Vec<(usize, String)> {
    let found = compiled(text).err().unwrap_or_default();
    found.into_iter().map(|m| (m.line, m.what)).collect()
}

fn given(rules: &RuleSet, json: &str) -> String {
    told(&derived(document(json).root(), rules))
}

#[test]
fn a_mistake_names_its_line() {
    assert!(mistakes("system loinc http://loinc.org\nlabel HIV R\n").is_empty());
    let text = "label HIV X\n  about lost with its head\nrule a HIV\n  code loinc 1\n  kode x\nlabel STD R\nlabel STD R\nbad\n  about x\n";
    let expected = [
        (2, "'X' is no level: U, L, M, N, R or V"),
        (6, "'kode' is no word of a rule"),
        (8, "'STD' stands in line 7 too"),
        (9, "'bad' is no word of a first column"),
    ];
    let expected = expected.map(|(line, what)| (line, what.to_owned()));
    assert_eq!(mistakes(text), expected);
}

#[test]
fn what_names_nothing_is_a_mistake() {
    let text = "label HIV R\n  also NONE\nrule a HIV\n  in Nothing\n  at Condition.cod\n  code loinc 1\nrule b STD\n  value-set http://a.example/none\nrule c HIV\n  reference Location\nrule d HIV\ncatalog Nothing\nlabel x:Y R\n";
    let found = mistakes(text);
    let lines: Vec<usize> = found.iter().map(|(line, _)| *line).collect();
    for line in [2, 4, 7, 8, 9, 11, 12, 13, 14] {
        assert!(lines.contains(&line), "{line}: {found:?}");
    }
}

#[test]
fn the_first_line_tells_the_form() {
    let none = |_: &str| None;
    let of = |text: &str| RuleSet::compile(&[text], &none).err().map(|m| m[0].line);
    assert_eq!(of("# words\n\nlabel HIV R\n"), Some(3));
    assert_eq!(of(""), Some(1));
    assert_eq!(of("ward-labels 2\n"), Some(1));
}

#[test]
fn a_later_text_replaces_and_takes_away() {
    let none = |_: &str| None;
    let later = "ward-labels 1\nwithout rule hiv-tests\nrule std-tests PSY\n  code loinc 2-6\nlabel HIV V\n";
    let rules = RuleSet::compile(&[STARTER, later], &none).expect("both texts are good");
    let hiv = observation("", LOINC, VIRAL_LOAD);
    assert_eq!(given(starter(), &hiv), "R HIV");
    assert_eq!(given(&rules, &hiv), "N");
    assert_eq!(given(&rules, &condition("B20")), "V HIV");
    assert_eq!(given(&rules, &observation("", LOINC, "2-6")), "R PSY");
    assert_eq!(given(&rules, &observation("", LOINC, "20507-0")), "N");
    let wrong = RuleSet::compile(&[STARTER, "ward-labels 1\nwithout rule nothing\n"], &none);
    let wrong = wrong.err().expect("there is no such rule");
    assert_eq!((wrong[0].text, wrong[0].line), (1, 2));
}

#[test]
fn a_rule_listens_to_codes_value_sets_canonicals_and_references() {
    let rules = compiled(
        "system loinc http://loinc.org urn:oid:2.16.840.1.113883.6.1\nlabel SUD R\nrule a SUD\n  code loinc 9* words\n  codes loinc 5-5 6-6\n  value-set http://a.example/vs\n  canonical http://a.example/profile\n  reference Location/ward-3\n",
    )
    .expect("no mistakes");
    for code in ["9-9", "99-1", "5-5", "6-6", "1-8"] {
        assert_eq!(
            given(&rules, &observation("", LOINC, code)),
            "R SUD",
            "{code}"
        );
    }
    let oid = observation("", "urn:oid:2.16.840.1.113883.6.1", "1-8");
    assert_eq!(given(&rules, &oid), "R SUD");
    assert_eq!(given(&rules, &observation("", LOINC, "1-9")), "N");
    assert_eq!(
        given(&rules, &observation("", "http://other.example", "1-8")),
        "N"
    );
    let profile = r#","meta":{"profile":["http://a.example/profile|1.0"]}"#;
    assert_eq!(given(&rules, &observation(profile, LOINC, "0-0")), "R SUD");
    for place in [
        "Location/ward-3",
        "https://ward.example/fhir/Location/ward-3",
        "Location/ward-3/_history/2",
    ] {
        let encounter = format!(
            r#"{{"resourceType":"Encounter","status":"finished","class":{{"code":"AMB"}},"location":[{{"location":{{"reference":"{place}"}}}}]}}"#
        );
        assert_eq!(given(&rules, &encounter), "R SUD", "{place}");
    }
}

#[test]
fn types_and_paths_narrow_a_rule() {
    let rules = compiled(
        "system loinc http://loinc.org\nlabel SUD R\nlabel PSY R\nrule a SUD\n  in Observation\n  code loinc 1-8\nrule b PSY\n  at Observation.component.code Condition.code\n  code loinc 1-8\n",
    )
    .expect("no mistakes");
    assert_eq!(given(&rules, &observation("", LOINC, "1-8")), "R SUD");
    let condition = r#"{"resourceType":"Condition","subject":{"reference":"Patient/p"},"code":{"coding":[{"system":"http://loinc.org","code":"1-8"}]}}"#;
    assert_eq!(given(&rules, condition), "R PSY");
    let component = r#"{"resourceType":"Observation","status":"final","code":{"text":"a"},"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"1-8"}]}}]}"#;
    assert_eq!(given(&rules, component), "R PSY SUD");
}

#[test]
fn capitals_do_not_matter() {
    assert_eq!(given(starter(), &condition("f10.20")), "R ETH ETHUD SUD");
}

/// Each category of the specification has a code that triggers it.
#[test]
fn the_starter_set_knows_its_categories() {
    let cases = [
        ("F10.20", "R ETH ETHUD SUD"),
        ("F11.20", "R ETH OPIOIDUD SUD"),
        ("F14.10", "R ETH SUD"),
        ("F17.210", "N"),
        ("B20", "R HIV"),
        ("A54.9", "R STD"),
        ("F32.9", "R PSY"),
        ("F80.1", "N"),
        ("Z30.09", "R SEX"),
        ("T74.21XA", "R SDV"),
        ("X99.1XXA", "R VIO"),
        ("Z15.01", "R GDIS"),
        ("D57.1", "R SCA"),
        ("E11.9", "N"),
    ];
    for (code, expected) in cases {
        assert_eq!(told(&created(&condition(code))), expected, "{code}");
    }
    let note = r#"{"resourceType":"DocumentReference","status":"current","type":{"coding":[{"system":"http://loinc.org","code":"34864-9"}]},"content":[{"attachment":{"url":"Binary/b"}}]}"#;
    assert_eq!(told(&created(note)), "V PSYTHPN");
    let courtesy = |code| {
        format!(
            r#"{{"resourceType":"Encounter","status":"finished","class":{{"code":"AMB"}},"hospitalization":{{"specialCourtesy":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-EncounterSpecialCourtesy","code":"{code}"}}]}}]}}}}"#
        )
    };
    assert_eq!(told(&created(&courtesy("VIP"))), "R CEL");
    assert_eq!(told(&created(&courtesy("STF"))), "R EMP");
    let medicine = r##"{"resourceType":"MedicationRequest","status":"active","intent":"order","subject":{"reference":"Patient/p"},"contained":[{"resourceType":"Medication","id":"m","ingredient":[{"itemCodeableConcept":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"7243"}]}}]}],"medicationReference":{"reference":"#m"}}"##;
    assert_eq!(told(&created(medicine)), "R ETH SUD");
}

/// Codes of HL7's own systems are checked against the definitions; the others cannot be here.
#[test]
fn codes_of_hl7_exist_in_r4() {
    let codes = ward_fhir::schema::codes::r4_codes();
    let mut checked = 0;
    for rule in starter().rules() {
        for listed in &rule.codes {
            if codes.has_system(&listed.system) && listed.system.contains("hl7.org/CodeSystem") {
                let found = codes.ancestors(&listed.system, &listed.code);
                assert!(found.is_ok(), "{}: {listed:?}", rule.name);
                checked += 1;
            }
        }
    }
    for definition in starter()
        .definitions()
        .filter(|d| *d.label.system == *ACT_CODE)
    {
        let above = codes.ancestors(ACT_CODE, &definition.label.code);
        let above = above.expect("a code of v3-ActCode");
        assert!(
            above.contains(&"_InformationSensitivityPolicy"),
            "{definition:?}"
        );
        if let Some(law) = &definition.basis {
            let above = codes.ancestors(ACT_CODE, law).expect("a law of v3-ActCode");
            assert!(above.contains(&"_ActPrivacyLaw"), "{law}");
        }
    }
    assert!(checked > 10, "{checked}");
}

#[test]
fn kinds_are_told_apart() {
    let kind = |system: &str, code: &str| starter().kind(&Label::new(system, code));
    let reason = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
    assert_eq!(kind(CONFIDENTIALITY, "R"), Kind::Confidentiality);
    assert_eq!(kind(ACT_CODE, "HIV"), Kind::Sensitivity);
    assert_eq!(kind(ACT_CODE, "TBOO"), Kind::Sensitivity);
    assert_eq!(kind(ACT_CODE, "NORDSCLCD"), Kind::Handling);
    assert_eq!(kind(reason, "HTEST"), Kind::Handling);
    // What nobody knows is hidden from whoever is not cleared for it.
    assert_eq!(kind(ACT_CODE, "NOSUCHCODE"), Kind::Sensitivity);
    assert_eq!(
        kind("http://hospital.example/labels", "x"),
        Kind::Sensitivity
    );
    assert_eq!(kind(WARD_LABEL, "SUD-COUNSELING-NOTE"), Kind::Sensitivity);
}

#[test]
fn wider_labels_cover_narrower_ones() {
    let covers = |wide, label| starter().covers(&Label::act(wide), &Label::act(label));
    assert!(covers("SUD", "ETHUD") && covers("SUD", "OPIOIDUD") && covers("SUD", "ETH"));
    assert!(covers("SPI", "ETHUD") && covers("MH", "PSY") && covers("HIV", "HIV"));
    assert!(!covers("ETHUD", "SUD") && !covers("HIV", "STD") && !covers("MH", "PSYTHPN"));
}

#[test]
fn whoever_asks_why_is_told_the_rule_and_the_place() {
    let document = document(&condition("F11.20"));
    let causes = causes(document.root(), starter());
    assert_eq!(causes.len(), 1);
    assert_eq!(&*causes[0].rule, "opioid-diagnoses");
    assert_eq!(causes[0].expression, "Condition.code.coding[0]");
}
