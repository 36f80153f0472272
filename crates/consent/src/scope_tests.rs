use super::scope;
use crate::fixture::*;

#[test]
fn r16_a_scope_says_to_whom_and_for_what_and_nothing_of_the_data() {
    let given = rooted(
        "permit",
        &[actor("Organization/h2"), purpose(&["TREAT", "HPAYMT"])],
        &[deny(&[label(&["PSY"])])],
    );
    let text = scope(&given, "Consent.provision");
    assert!(
        text.ends_with("permits it to Organization/h2 for HPAYMT, TREAT"),
        "{text}"
    );
    assert!(text.contains(&format!("Consent/{}", given.id)), "{text}");
}

#[test]
fn r16_an_exception_says_what_it_says_itself_and_what_binds_it() {
    let inner = permit(&[
        actor("Organization/h2"),
        purpose(&["TREAT"]),
        label(&["SUD"]),
    ]);
    let other = permit(&[actor("Organization/h3")]);
    let given = based(OPTOUT, &[other, inner]);
    let text = scope(&given, "Consent.provision.provision[1]");
    assert!(
        text.ends_with("permits it to Organization/h2 for TREAT"),
        "{text}"
    );
    // How long it holds is said with it.
    let timed = permit(&[period("2026-01-01", "2027-01-01")]);
    let text = scope(&based(OPTOUT, &[timed]), "Consent.provision.provision[0]");
    assert!(text.contains(" from 2026-01-01T"), "{text}");
    assert!(text.contains(" until 2027-01-02T"), "{text}");
}
