use crate::class::Class;
use crate::context::{Context, Outcome, Varies};
use crate::fixture::*;
use crate::interpret::{Question, interpret};
use crate::provision::Effect;
use crate::random::*;
use crate::residual::Residual;
use crate::specialise::Specialiser;
use crate::{Coding, Level, Lookup, Ref, Row, Rules};

const SEED: u64 = 20_261_130;
const PATIENTS: usize = 4_000;
const ROWS: usize = 3;
const CALLERS: usize = 3;

fn subjects() -> Vec<Ref> {
    vec!["Patient/p".into()]
}

#[derive(Default, Debug)]
struct Seen {
    cases: usize,
    allowed: usize,
    denied: usize,
    asked: usize,
    asked_in_general: usize,
    residuals: std::collections::BTreeSet<Vec<u8>>,
}

#[test]
fn residuals_say_what_the_interpreter_says() {
    println!("seed {SEED}");
    let r = &mut Random::new(SEED);
    let mut seen = Seen::default();
    for _ in 0..PATIENTS {
        let (rules, house) = (some_rules(r), a_house(r));
        let consents = a_patient(r, &rules);
        let subjects = subjects();
        let mut specialiser = Specialiser::new(&consents, &subjects, now(), &rules, &house);
        for _ in 0..ROWS {
            let row = a_row(r);
            let residual = specialiser.residual(&row);
            let bytes = residual.to_bytes();
            assert_eq!(Residual::from_bytes(&bytes).as_ref(), Some(&*residual));
            seen.residuals.insert(bytes);
            for _ in 0..CALLERS {
                let (caller, relation) = (a_caller(r), a_relation(r));
                let question = Question {
                    consents: &consents,
                    subjects: &subjects,
                    row: &row,
                    caller: &caller,
                    relation: &relation,
                    now_us: now(),
                    rules: &rules,
                    lookup: &house,
                };
                agree(&residual, &question, &mut seen);
            }
        }
    }
    println!(
        "{} cases: {} allowed, {} denied, {} asked, {} asked in general; {} residuals",
        seen.cases,
        seen.allowed,
        seen.denied,
        seen.asked,
        seen.asked_in_general,
        seen.residuals.len()
    );
    assert!(seen.cases >= 20_000 && seen.allowed > 2_000 && seen.denied > 2_000);
    assert!(seen.asked == 0 && seen.asked_in_general * 2 < seen.cases);
}

fn agree(residual: &Residual, question: &Question<'_>, seen: &mut Seen) {
    let verdict = interpret(question).verdict;
    let expected = match verdict.effect {
        Effect::Permit => Outcome::Allow(verdict.obligations),
        Effect::Deny => Outcome::Deny,
    };
    let class = Class::of(question.row, question.rules);
    assert_eq!(Class::from_bytes(&class.to_bytes()).as_ref(), Some(&class));
    let context = |varies| Context {
        caller: question.caller,
        relation: question.relation,
        varies,
        rules: question.rules,
        now_us: question.now_us,
    };
    seen.cases += 1;
    match residual.decide(&class, &context(Varies::default())) {
        Outcome::Ask => {
            seen.asked += 1;
            assert!(residual.is_private());
        }
        found => assert_eq!(
            found, expected,
            "{:?} {:?} {:?}",
            question.consents, question.row, question.caller
        ),
    }
    let any = Varies {
        treats: true,
        break_glass: true,
        people: true,
    };
    match residual.decide(&class, &context(any)) {
        Outcome::Ask => seen.asked_in_general += 1,
        found => assert_eq!(found, expected, "whatever varies"),
    }
    match verdict.effect {
        Effect::Permit => seen.allowed += 1,
        Effect::Deny => seen.denied += 1,
    }
}

/// DESIGN, section 6: unknown never permits.
#[test]
fn what_is_not_known_never_permits_more() {
    let r = &mut Random::new(SEED + 1);
    let mut lower = 0;
    for _ in 0..3_000 {
        let rules = some_rules(r);
        let house = House {
            terminology_is_up: true,
            ..a_house(r)
        };
        let (consents, row) = (a_patient(r, &rules), a_row(r));
        let (caller, relation, subjects) = (a_caller(r), a_relation(r), subjects());
        let level = |row: &Row, lookup: &dyn Lookup| {
            let question = Question {
                consents: &consents,
                subjects: &subjects,
                row,
                caller: &caller,
                relation: &relation,
                now_us: now(),
                rules: &rules,
                lookup,
            };
            interpret(&question).level
        };
        let known = level(&row, &house);
        let undated = Row {
            date: None,
            ..row.clone()
        };
        let anonymous = Row {
            authors: None,
            ..row.clone()
        };
        for less in [
            level(&row, &Dark(&house)),
            level(&undated, &house),
            level(&anonymous, &house),
        ] {
            assert!(
                less <= known,
                "{less:?} {known:?} {consents:?} {row:?} {caller:?}"
            );
            lower += usize::from(less < known);
        }
    }
    assert!(lower > 100, "{lower}");
}

fn residual_of(consents: &[crate::Consent], row: &Row) -> Residual {
    let (rules, house) = (Rules::default(), house());
    let mut specialiser = Specialiser::new(consents, &subjects(), now(), &rules, &house);
    (*specialiser.residual(row)).clone()
}

#[test]
fn what_does_not_concern_a_row_leaves_nothing_of_itself() {
    let optin = residual_of(&[based(OPTIN, &[])], &o1());
    let hiv = based(
        OPTIN,
        &[deny(&[label(&["HIV"]), actor("Practitioner/drX")])],
    );
    assert_eq!(residual_of(std::slice::from_ref(&hiv), &o1()), optin);
    assert_ne!(residual_of(&[hiv], &o2()), optin);
    assert!(residual_of(&[], &o1()).is_silent());
    let expired = consent(&format!(
        r#"{OPTOUT},"provision":{{{}}}"#,
        period("2019", "2020")
    ));
    assert!(residual_of(&[expired], &o1()).is_silent());
}

/// However it is written: order, nesting and what is said twice leave no trace.
#[test]
fn equal_functions_are_equal_bytes() {
    let x = || deny(&[actor("Practitioner/drX")]);
    let t = || deny(&[actor("Practitioner/drT")]);
    let both = deny(&[actors("IRCP", &["Practitioner/drT", "Practitioner/drX"])]);
    let forms = [
        based(OPTIN, &[x(), t()]),
        based(OPTIN, &[t(), x(), t()]),
        based(OPTIN, &[both]),
        rooted("permit", &[], &[x(), t()]),
        based(
            OPTIN,
            &[x(), provision("permit", &[class(&["Observation"])], &[t()])],
        ),
    ];
    let bytes: Vec<_> = forms
        .into_iter()
        .map(|form| residual_of(&[form], &o1()).to_bytes())
        .collect();
    assert!(bytes.iter().all(|other| *other == bytes[0]));
    // 1 form, 2 atoms; who they are; the root; 2 nodes.
    assert_eq!(
        bytes[0].len(),
        1 + 2 + 2 * (3 + "Practitioner/drX".len()) + 4 + 4 + 2 * 10
    );
}

/// Many purposes and actions across many people: no small function, so none is kept.
#[test]
fn what_is_too_wide_is_left_to_the_interpreter() {
    let purposes = [
        "TREAT", "HPAYMT", "HRESCH", "HMARKT", "PUBHLTH", "PATRQT", "COC", "FRAUD", "TRAIN", "GOV",
        "DONAT", "CLMATTCH", "COVAUTH", "REMITADV", "BIORCH", "DSRCH",
    ];
    let people: Vec<String> = (0..16 * 16)
        .map(|n| {
            let purposes = [purposes[n % 16], purposes[n / 16]];
            deny(&[actor(&format!("Practitioner/p{n}")), purpose(&purposes)])
        })
        .collect();
    let wide = based(OPTIN, &people);
    let residual = residual_of(std::slice::from_ref(&wide), &o1());
    assert!(residual.is_private());
    assert_eq!(
        Residual::from_bytes(&residual.to_bytes()),
        Some(residual.clone())
    );
    let (caller, relation, rules) = (dr_t("TREAT"), treats(), Rules::default());
    let context = Context {
        caller: &caller,
        relation: &relation,
        varies: Varies::default(),
        rules: &rules,
        now_us: now(),
    };
    assert_eq!(
        residual.decide(&Class::of(&o1(), &Rules::default()), &context),
        Outcome::Ask
    );
    let crowd: Vec<String> = (0..3_000).map(|n| format!("Practitioner/p{n}")).collect();
    let crowd: Vec<&str> = crowd.iter().map(String::as_str).collect();
    let many = based(OPTIN, &[deny(&[actors("IRCP", &crowd)])]);
    assert!(residual_of(&[many], &o1()).is_private());
}

#[test]
fn a_context_asks_where_what_varies_matters() {
    let decide_for = |purpose, consents: &[crate::Consent], varies| {
        let (caller, rules) = (dr_t(purpose), Rules::default());
        let relation = crate::Relation::default();
        let context = Context {
            caller: &caller,
            relation: &relation,
            varies,
            rules: &rules,
            now_us: now(),
        };
        residual_of(consents, &o1()).decide(&Class::of(&o1(), &Rules::default()), &context)
    };
    let decide = |consents: &[crate::Consent], varies| decide_for("TREAT", consents, varies);
    let allow = Outcome::Allow(Default::default());
    let no = Varies::default();
    let team = Varies { treats: true, ..no };
    let glass = Varies {
        break_glass: true,
        ..no
    };
    let people = Varies { people: true, ..no };
    assert_eq!(decide(&[based(OPTOUT, &[])], no), Outcome::Deny);
    assert_eq!(decide(&[based(OPTOUT, &[])], team), Outcome::Ask);
    assert_eq!(decide(&[rooted("deny", &[], &[])], team), Outcome::Deny);
    assert_eq!(decide(&[based(OPTIN, &[])], team), allow);
    assert_eq!(
        decide_for("ETREAT", &[based(OPTIN, &[])], glass),
        Outcome::Ask,
        "another obligation"
    );
    assert_eq!(
        decide(&[based(OPTIN, &[])], glass),
        allow,
        "no emergency is claimed"
    );
    assert_eq!(decide(&[rooted("deny", &[], &[])], glass), Outcome::Deny);
    let not_x = based(OPTIN, &[deny(&[actor("Practitioner/drX")])]);
    assert_eq!(decide(std::slice::from_ref(&not_x), no), allow);
    assert_eq!(decide(&[not_x], people), Outcome::Ask);
    let not_h2 = based(OPTIN, &[deny(&[actor("Organization/H2")])]);
    assert_eq!(decide(&[not_h2], people), allow);
}

/// Answers must not depend on which rows were asked about before.
#[test]
fn a_specialiser_keeps_rows_apart() {
    let r = &mut Random::new(SEED + 2);
    for _ in 0..300 {
        let (rules, house) = (some_rules(r), a_house(r));
        let consents = a_patient(r, &rules);
        let subjects = subjects();
        let mut shared = Specialiser::new(&consents, &subjects, now(), &rules, &house);
        for _ in 0..6 {
            let row = a_row(r);
            let mut own = Specialiser::new(&consents, &subjects, now(), &rules, &house);
            assert_eq!(shared.residual(&row), own.residual(&row));
        }
    }
}

#[test]
fn a_broken_consent_leaves_a_refusal() {
    let broken = based(OPTIN, &[deny(&[r#""code":[{"text":"free"}]"#.into()])]);
    assert_eq!(
        residual_of(&[broken], &o1()),
        Residual::leaf(Level::Refused)
    );
    let unknown = Row {
        codes: vec![Coding::new("http://loinc.org", "x")],
        ..o1()
    };
    let by_code = based(OPTIN, &[deny(&[code(&["hiv"])])]);
    assert_eq!(
        residual_of(&[by_code], &unknown),
        Residual::leaf(Level::Permitted)
    );
}
