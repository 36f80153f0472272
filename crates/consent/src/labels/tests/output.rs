use super::*;

const SEES: View = View { sees_labels: true };
const BLIND: View = View { sees_labels: false };

fn class(json: &str) -> RowClass {
    RowClass::of(&created(json), starter())
}

fn seen(document: &Document, view: View) -> String {
    with_notices(document, view, &Disclosed::default())
}

fn with_notices(document: &Document, view: View, disclosed: &Disclosed) -> String {
    let shown = shown(document.root(), view, disclosed, starter());
    shown.map_or_else(|| json(document), |d| json(&d))
}

/// As it leaves to another organization that a consent permits it to.
fn told_elsewhere(document: &Document, view: View) -> String {
    let mut disclosed = Disclosed::default();
    let class = RowClass::of(&Labels::stored(document.root()), starter());
    if notice(&class, starter()).is_some() {
        disclosed.add(document.root(), Some("Consent/1".to_owned()));
    }
    with_notices(document, view, &disclosed)
}

#[test]
fn r16_a_bundle_carries_the_high_water_mark_and_no_refrain() {
    let meta = security(&[(ACT_CODE, "NODSCLCD"), (ACT_CODE, "PSY")]);
    let classes = [
        class(&observation("", LOINC, GLUCOSE)),
        class(&observation("", LOINC, VIRAL_LOAD)),
        class(&observation(&meta, LOINC, GLUCOSE)),
    ];
    assert_eq!(told(&high_water(&classes, SEES, starter())), "R HIV PSY");
    assert_eq!(told(&high_water(&classes, BLIND, starter())), "R");
    assert!(high_water(&classes[..1], SEES, starter()).is_empty());
    assert!(high_water([], SEES, starter()).is_empty());
}

#[test]
fn r16_without_see_labels_nothing_tells_the_subject() {
    let reason = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
    let meta = security(&[(reason, "HTEST"), ("urn:x", "y"), (ACT_CODE, "42CFRPart2")]);
    let body = stored(&observation(&meta, LOINC, VIRAL_LOAD));
    let blind = seen(&body, BLIND);
    for told in ["HIV", "urn:x", "42CFRPart2", "labelling", "extension"] {
        assert!(!blind.contains(told), "{told}: {blind}");
    }
    assert!(
        blind.contains("HTEST") && blind.contains(r#""code":"R""#),
        "{blind}"
    );
    assert_eq!(seen(&body, SEES), json(&body));
    // The rest is as it was.
    let rest = |text: &str| text.split(r#""status""#).nth(1).map(str::to_owned);
    assert_eq!(rest(&blind), rest(&json(&body)));
}

#[test]
fn r16_resources_inside_lose_their_labels_too_and_no_meta_is_left_empty() {
    let inner = r#"{"resourceType":"Condition","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]},"subject":{"reference":"Patient/p"}}"#;
    let bundle = document(&format!(
        r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"fullUrl":"urn:uuid:0","resource":{inner}}}]}}"#
    ));
    let blind = seen(&bundle, BLIND);
    assert!(!blind.contains("HIV") && !blind.contains("meta"), "{blind}");
    assert!(blind.contains(r#""subject":{"reference":"Patient/p"}"#));
    let plain = document(&observation("", LOINC, GLUCOSE));
    assert!(shown(plain.root(), BLIND, &Disclosed::default(), starter()).is_none());
}

#[test]
fn t63_a_disclosure_of_part_2_records_carries_its_notice() {
    let c1 = stored(&condition("F10.20"));
    let text = told_elsewhere(&c1, BLIND);
    assert!(
        text.contains("NORDSCLCD") && !text.contains("SUD"),
        "{text}"
    );
    assert!(text.contains("42 CFR part 2 prohibits"), "{text}");
    assert!(text.contains(r#""valueString":"Consent/1""#), "{text}");
    let tagged = observation(
        r#","meta":{"tag":[{"code":"t"}],"profile":["http://a.example"]}"#,
        LOINC,
        "5640-8",
    );
    let text = told_elsewhere(&stored(&tagged), BLIND);
    assert!(text.contains("NORDSCLCD"), "{text}");
    assert!(text.find("NORDSCLCD") < text.find(r#""tag""#), "{text}");
    assert_eq!(text.matches("NORDSCLCD").count(), 1, "{text}");
    let o2 = stored(&observation("", LOINC, VIRAL_LOAD));
    assert!(!told_elsewhere(&o2, BLIND).contains("NORDSCLCD"));
}

/// One that a client stated is stripped with the other labels: ours takes its place.
#[test]
fn t63_a_stated_notice_does_not_stand_in_the_way_of_ours() {
    let meta = security(&[(ACT_CODE, "NORDSCLCD")]);
    let c1 = stored(&observation(&meta, LOINC, "5640-8"));
    for sees_labels in [false, true] {
        let text = told_elsewhere(&c1, View { sees_labels });
        assert_eq!(text.matches("NORDSCLCD").count(), 1, "{text}");
    }
    assert!(!seen(&c1, BLIND).contains("NORDSCLCD"));
}

/// Whoever writes back what they were disclosed states no label by it.
#[test]
fn l2_a_notice_that_comes_back_states_nothing() {
    let c1 = document(&told_elsewhere(&stored(&condition("F10.20")), BLIND));
    // Looked through once more, as part of a batch, it keeps the notice.
    assert_eq!(seen(&c1, BLIND), json(&c1));
    let stated = Labels::stated(c1.root()).unwrap();
    assert_eq!(told(&stated), "R");
}

/// `$meta` answers with one, and an extension may have one, that of a primitive and of a label too.
#[test]
fn r16_a_meta_that_is_a_value_loses_its_labels_too() {
    let security = format!(
        r#""security":[{{"system":"{CONFIDENTIALITY}","code":"R"}},{{"system":"{ACT_CODE}","code":"HIV"}}]"#
    );
    let extension = format!(r#"{{"extension":[{{"url":"urn:e","valueMeta":{{{security}}}}}]}}"#);
    let bodies = [
        format!(
            r#"{{"resourceType":"Parameters","parameter":[{{"name":"return","valueMeta":{{{security}}}}}]}}"#
        ),
        format!(
            r#"{{"resourceType":"Parameters","parameter":[{{"name":"a","part":[{{"name":"b","valueMeta":{{{security}}}}}]}}]}}"#
        ),
        format!(r#"{{"resourceType":"Patient","active":true,"_active":{extension}}}"#),
        format!(r#"{{"resourceType":"Patient","name":[{extension}]}}"#),
        format!(
            r#"{{"resourceType":"Patient","meta":{{"security":[{{"system":"{CONFIDENTIALITY}","code":"R","_code":{extension}}}]}}}}"#
        ),
    ];
    for body in bodies {
        let hiv = format!(r#",{{"system":"{ACT_CODE}","code":"HIV"}}"#);
        assert_eq!(seen(&document(&body), BLIND), body.replace(&hiv, ""));
        assert_eq!(seen(&document(&body), SEES), body);
        // Without the level nothing is left of the value, nor of what must have it.
        let level = format!(r#"{{"system":"{CONFIDENTIALITY}","code":"R"}},"#);
        let bare = seen(&document(&body.replace(&level, "")), BLIND);
        for empty in ["valueMeta", "urn:e", "return", "{}", "[]", "null"] {
            assert!(!bare.contains(empty), "{bare}");
        }
        assert!(!body.contains("active") || bare.contains(r#""active":true"#));
    }
}
