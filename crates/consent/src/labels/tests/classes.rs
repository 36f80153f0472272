use super::*;

fn class(json: &str) -> RowClass {
    RowClass::of(&created(json), starter())
}

#[test]
fn bytes_are_stable_and_come_back() {
    let unlabelled = class(&observation("", LOINC, GLUCOSE));
    assert_eq!(unlabelled, RowClass::unlabelled());
    assert_eq!(unlabelled.to_bytes(), b"\x01N");
    let opioid = class(&condition("F11.20"));
    // Written down: rows of earlier versions hold these bytes.
    assert_eq!(
        opioid.to_bytes(),
        b"\x01R\x01\x03ETH\x01\x03SUD\x01\x08OPIOIDUD"
    );
    let meta = security(&[("http://hospital.example/labels", "x"), (WARD_LABEL, "y")]);
    let local = class(&observation(&meta, LOINC, GLUCOSE));
    for class in [unlabelled, opioid, local] {
        assert_eq!(RowClass::from_bytes(&class.to_bytes()), Ok(class));
    }
}

#[test]
fn what_is_no_class_is_refused() {
    let good = class(&condition("F11.20")).to_bytes();
    let mut other = good.clone();
    other[2] = 9;
    let mut twice = good.clone();
    twice.extend(b"\x01\x03ETH");
    let bad: [&[u8]; 9] = [
        b"",
        b"\x02N",
        b"\x01X",
        b"\x01R\x01",
        b"\x01R\x01\x00",
        b"\x01R\x01\x02\xff\xff",
        &good[..good.len() - 1],
        &other,
        &twice,
    ];
    for bytes in bad {
        assert_eq!(RowClass::from_bytes(bytes), Err(BadClass), "{bytes:?}");
    }
}

#[test]
fn purposes_and_integrity_are_no_part_of_it() {
    let reason = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
    let meta = security(&[(reason, "HTEST"), (ACT_CODE, "NORDSCLCD")]);
    let class = class(&observation(&meta, LOINC, GLUCOSE));
    assert_eq!(class.to_bytes(), b"\x01N\x01\x09NORDSCLCD");
}

#[test]
fn the_stricter_of_two_has_all_of_both() {
    let both = class(&condition("F11.20")).union(&class(&condition("B20")));
    let codes: Vec<&str> = both.labels.iter().map(|label| &*label.code).collect();
    assert_eq!(codes, ["ETH", "HIV", "OPIOIDUD", "SUD"]);
    let meta = security(&[(CONFIDENTIALITY, "V")]);
    let very = class(&observation(&meta, LOINC, GLUCOSE));
    assert_eq!(very.union(&both).level, Confidentiality::VeryRestricted);
}
