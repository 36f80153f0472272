use super::*;
use crate::fixture::*;
use crate::random::*;
use crate::specialise::Specialiser;
use crate::{Rules, next_change, next_change_of};

fn subjects() -> Vec<Ref> {
    vec!["Patient/p".into()]
}

fn change(before: &[Consent], after: &[Consent]) -> Touch {
    let at = |consents| Moment {
        consents,
        now_us: now(),
    };
    touched(at(before), at(after), &subjects(), &house())
}

#[test]
fn an_exception_touches_the_rows_it_is_about() {
    let optin = based(OPTIN, &[]);
    let hiv = based(
        OPTIN,
        &[deny(&[
            label(&["HIV"]),
            data_period("2019-01-01", "2019-12-31"),
        ])],
    );
    let touch = change(std::slice::from_ref(&optin), std::slice::from_ref(&hiv));
    let Touch::Rows(rows) = &touch else {
        panic!("{touch:?}");
    };
    assert_eq!(rows.len(), 1);
    assert!(
        matches!(rows[0][..], [Filter::Labels { .. }, Filter::Dated(_)]),
        "{rows:?}"
    );
    assert!(!touch.covers(&o1(), &house()) && !touch.covers(&o2(), &house()));
    let undated = Row { date: None, ..o2() };
    assert!(touch.covers(&undated, &house()));
    assert_eq!(
        change(std::slice::from_ref(&hiv), std::slice::from_ref(&hiv)),
        Touch::nothing()
    );
    let mental = based(OPTIN, &[deny(&[label(&["MH"])])]);
    let psychiatric = labelled(o1(), Confidentiality::Restricted, &["PSY"]);
    let touch = change(std::slice::from_ref(&optin), &[mental]);
    assert!(touch.covers(&psychiatric, &house()) && !touch.covers(&o2(), &house()));
    assert_eq!(change(&[], &[optin]), Touch::Everything);
    let typed = rooted("deny", &[class(&["Condition"])], &[]);
    assert_eq!(
        change(&[], &[typed]),
        Touch::Rows(vec![vec![Filter::Contents(vec![Content::Type(
            "Condition".into()
        )])]])
    );
}

/// A row that is not told keeps its residual.
#[test]
fn no_row_that_changes_is_left_out() {
    let seed = 77;
    println!("seed {seed}");
    let r = &mut Random::new(seed);
    let (mut kept, mut changed) = (0, 0);
    for _ in 0..4_000 {
        let (rules, house) = (some_rules(r), a_house(r));
        let before = a_patient(r, &rules);
        let mut after = before.clone();
        match r.below(4) {
            0 => after.push(a_consent(r, &rules)),
            1 if !after.is_empty() => {
                let at = r.below(after.len());
                after.remove(at);
            }
            2 if !after.is_empty() => {
                let (at, other) = (r.below(after.len()), a_consent(r, &rules));
                after[at].root.children = other.root.children;
            }
            _ => {}
        }
        let later = now() + if r.one_in(2) { 0 } else { 400 * 86_400_000_000 };
        let at = |consents, now_us| Moment { consents, now_us };
        let touch = touched(at(&before, now()), at(&after, later), &subjects(), &house);
        let subjects = subjects();
        for _ in 0..6 {
            let row = a_row(r);
            let residual = |consents: &[Consent], now_us| {
                Specialiser::new(consents, &subjects, now_us, &rules, &house).residual(&row)
            };
            let is_changed = residual(&before, now()) != residual(&after, later);
            let is_told = touch.covers(&row, &house);
            assert!(
                is_told || !is_changed,
                "{before:?}\n{after:?}\n{row:?}\n{touch:?}"
            );
            kept += usize::from(!is_told);
            changed += usize::from(is_changed);
        }
    }
    assert!(kept > 1_000 && changed > 1_000, "{kept} {changed}");
}

#[test]
fn a_period_says_when_it_is_due() {
    let day = 86_400_000_000;
    let t = |text: &str| crate::Span::parse(text).unwrap().low;
    let nested = deny(&[period("2026-03-01", "2026-03-31"), label(&["HIV"])]);
    let consents = [based(OPTIN, &[nested])];
    let subjects = subjects();
    assert_eq!(
        next_change(&consents, &subjects, now()),
        Some(t("2026-03-01"))
    );
    assert_eq!(
        next_change(&consents, &subjects, t("2026-03-01")),
        Some(t("2026-04-01"))
    );
    assert_eq!(next_change(&consents, &subjects, t("2026-04-01")), None);
    assert_eq!(
        next_change(&consents, &["Patient/other".into()], now()),
        None
    );
    let (rules, house) = (Rules::default(), house());
    let of = |row: &Row, at| next_change_of(row, &consents, &subjects, at, (&rules, &house));
    assert_eq!(of(&o2(), now()), Some(t("2026-03-01")));
    assert_eq!(of(&o2(), t("2026-03-01") + day), Some(t("2026-04-01")));
    assert_eq!(of(&o1(), now()), None);
}

/// Between two of the instants that are told nothing changes.
#[test]
fn nothing_changes_before_it_is_due() {
    let r = &mut Random::new(78);
    let day = 86_400_000_000;
    for _ in 0..500 {
        let (rules, house) = (some_rules(r), a_house(r));
        let (consents, row, subjects) = (a_patient(r, &rules), a_row(r), subjects());
        let mut at = now() - 900 * day;
        let residual =
            |us| Specialiser::new(&consents, &subjects, us, &rules, &house).residual(&row);
        while let Some(next) = next_change(&consents, &subjects, at) {
            let between = at + (next - at) / 2;
            assert_eq!(residual(at), residual(between));
            assert_eq!(residual(at), residual(next - 1));
            let of_row = next_change_of(&row, &consents, &subjects, at, (&rules, &house));
            assert_eq!(of_row == Some(next), residual(at) != residual(next));
            at = next;
        }
    }
}
