//! Random patients, rows and callers from a small world, so that they meet. For tests.

use crate::facts::{Caller, Kinship, Lookup, Relation, Row};
use crate::fixture::*;
use crate::period::Span;
use crate::provision::{Consent, Effect};
use crate::rules::{Default, Reach, Rules};
use crate::sensitivity::Confidentiality;
use crate::{Action, Coding, Ref};

/// xorshift64*
pub(crate) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() >> 33) as usize % n.max(1)
    }
    /// One time in `n`.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
    pub fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
    /// At least one, at most `most`.
    fn some<T: Copy>(&mut self, all: &[T], most: usize) -> Vec<T> {
        (0..=self.below(most)).map(|_| self.pick(all)).collect()
    }
}

const PURPOSES: [&str; 8] = [
    "TREAT", "ETREAT", "BTG", "HPAYMT", "HOPERAT", "HLEGAL", "HRESCH", "CLINTRCH",
];
const ACTORS: [&str; 10] = [
    "Practitioner/drT",
    "Practitioner/drX",
    "Practitioner/left",
    "PractitionerRole/drX-H1",
    "Organization/H1",
    "Organization/H2",
    "Organization/H2-cardiology",
    "Organization/closed",
    "Group/board",
    "RelatedPerson/mother",
];
const LABELS: [&str; 15] = [
    "L",
    "N",
    "R",
    "V",
    "HIV",
    "MH",
    "PSY",
    "PSYTHPN",
    "SUD",
    "ETH",
    "ETHUD",
    "SPI",
    "SEX",
    "PRS",
    "ward:SUD-COUNSELING-NOTE",
];
const DATES: [&str; 6] = [
    "2018-12-31",
    "2019",
    "2019-05",
    "2020-02-03",
    "2025-12-31",
    "",
];
const CODES: [&str; 4] = ["hiv", "labs", "20447-9", "2345-7"];
const ROWS: [&str; 5] = [
    "Observation/O1",
    "Observation/O2",
    "Condition/C1",
    "Encounter/E1",
    "Consent/c1",
];

fn criteria(r: &mut Random) -> Vec<String> {
    let mut all = Vec::new();
    for _ in 0..r.below(4) {
        let one = match r.below(10) {
            0..=2 => {
                let role = r.pick(&["IRCP", "IRCP", "PRCP", "AUT", "CST"]);
                let names = r.some(&ACTORS, 3);
                if r.one_in(20) {
                    r#""actor":[{"role":{"text":"x"},"reference":{"display":"somebody"}}]"#.into()
                } else {
                    actors(role, &names)
                }
            }
            3 => purpose(&r.some(&PURPOSES, 3)),
            4 => action(&r.some(&["access", "disclose", "collect", "use", "correct"], 3)),
            5 => label(&r.some(&LABELS, 2)),
            6 => code(&r.some(&CODES, 2)),
            7 => data(
                r.pick(&["instance", "related", "dependents", "authoredby"]),
                r.pick(&[ROWS[0], ROWS[2], ROWS[3], ACTORS[0], ACTORS[1]]),
            ),
            8 if r.one_in(2) => class(&r.some(&["Observation", "Condition"], 2)),
            8 => period(
                r.pick(&["2024", "2025-12-31"]),
                r.pick(&["2025-12-31", "2026-01-01", "2027"]),
            ),
            _ => data_period("2019-01-01", r.pick(&["2019-12-31", "2020-03-01"])),
        };
        let name = one.split(':').next().unwrap_or_default().to_owned();
        if !all.iter().any(|other: &String| other.starts_with(&name)) {
            all.push(one);
        }
    }
    all
}

fn nested(r: &mut Random, level: usize) -> Vec<String> {
    let most = [4, 3, 2, 0][level.min(3)];
    let count = r.below(most + 1);
    (0..count)
        .map(|_| {
            let kind = r.pick(&["permit", "deny"]);
            let criteria = criteria(r);
            provision(kind, &criteria, &nested(r, level + 1))
        })
        .collect()
}

pub(crate) fn a_consent(r: &mut Random, rules: &Rules) -> Consent {
    let mut members = vec![format!(
        r#""dateTime":"{}""#,
        r.pick(&[
            "2024",
            "2025-03",
            "2025-03-01",
            "2025-12-31T10:00:00Z",
            "2026-06-01"
        ])
    )];
    if r.one_in(4) {
        members.push(format!(
            r#""organization":[{{"reference":"Organization/{}"}}]"#,
            r.pick(&["H1", "H2"])
        ));
    }
    if r.one_in(3) {
        members.push(r#""verification":[{"verified":true}]"#.into());
    }
    if r.one_in(30) {
        members
            .push(r#""modifierExtension":[{"url":"http://a.example/x","valueCode":"x"}]"#.into());
    }
    if r.one_in(12) {
        members.push(format!(r#""status":"{}""#, r.pick(&["inactive", "draft"])));
    }
    let children = nested(r, 0);
    let mut root = Vec::new();
    match r.below(5) {
        0 | 1 => members.push(OPTIN.into()),
        2 => members.push(OPTOUT.into()),
        _ => root.push(format!(r#""type":"{}""#, r.pick(&["permit", "deny"]))),
    }
    if r.one_in(2) {
        root.extend(criteria(r));
    }
    if !children.is_empty() {
        root.push(format!(r#""provision":[{}]"#, children.join(",")));
    }
    if !root.is_empty() {
        members.push(format!(r#""provision":{{{}}}"#, root.join(",")));
    }
    consent_by(&members.join(","), rules)
}

pub(crate) fn a_patient(r: &mut Random, rules: &Rules) -> Vec<Consent> {
    (0..r.below(4)).map(|_| a_consent(r, rules)).collect()
}

pub(crate) fn some_rules(r: &mut Random) -> Rules {
    Rules {
        default: r.pick(&[Default::PermitTpo, Default::Deny]),
        verified_only: r.one_in(5),
        custodian_exemption: !r.one_in(4),
        break_glass: r.pick(&[Reach::Defaults, Reach::OptOut, Reach::Everything]),
        ..Rules::default()
    }
}

pub(crate) fn a_house(r: &mut Random) -> House {
    House {
        terminology_is_up: !r.one_in(4),
        gone: if r.one_in(3) {
            vec!["Practitioner/left", "Organization/closed"]
        } else {
            Vec::new()
        },
    }
}

pub(crate) fn a_row(r: &mut Random) -> Row {
    let codes = if r.one_in(3) {
        Vec::new()
    } else {
        r.some(&LABELS[4..], 2)
    };
    let row = Row {
        reference: r.pick(&ROWS).into(),
        codes: vec![Coding::new(
            "http://loinc.org",
            r.pick(&["20447-9", "2345-7", "x"]),
        )],
        authors: (!r.one_in(4)).then(|| vec![r.pick(&ACTORS[..4]).into()]),
        date: Span::parse(r.pick(&DATES)),
        refers_to: vec![r.pick(&[ROWS[0], ROWS[3], ROWS[2]]).into()],
        custodian: (!r.one_in(6)).then(|| r.pick(&["Organization/H1", "Organization/H2"]).into()),
        grantors: vec!["RelatedPerson/mother".into()],
        ..Row::default()
    };
    let level = r.pick(&["L", "N", "N", "R", "V"]);
    labelled(row, Confidentiality::parse(level).unwrap(), &codes)
}

pub(crate) fn a_caller(r: &mut Random) -> Caller {
    let base = match r.below(5) {
        0 => dr_t(""),
        1 => dr_x(""),
        2 => dr_o(""),
        3 => caller(&["RelatedPerson/mother"], ""),
        _ => caller(&["Device/backend", "Organization/H1"], ""),
    };
    let mut purposes: Vec<&str> = Vec::new();
    if !r.one_in(6) {
        purposes = r.some(&PURPOSES, 2);
    }
    let mut actors = base.actors;
    if r.one_in(4) {
        actors.insert(Ref::from(r.pick(&ACTORS)));
    }
    Caller {
        actors,
        purposes: purposes.into_iter().map(Into::into).collect(),
        action: r.pick(&[
            Action::Access,
            Action::Access,
            Action::Use,
            Action::Correct,
            Action::Collect,
        ]),
        is_privacy: r.one_in(12),
    }
}

pub(crate) fn a_relation(r: &mut Random) -> Relation {
    Relation {
        kind: match r.below(12) {
            0 => Kinship::Own,
            1 | 2 => Kinship::Proxy,
            _ => Kinship::Other,
        },
        treats: r.one_in(2),
        break_glass_until_us: match r.below(6) {
            0 => Some(now() + 1),
            1 => Some(now()),
            _ => None,
        },
        law: match r.below(30) {
            0 => Some(Effect::Deny),
            1 => Some(Effect::Permit),
            _ => None,
        },
    }
}

/// What a house says while its terminology is down.
pub(crate) struct Dark<'h>(pub &'h House);

impl Lookup for Dark<'_> {
    fn subsumes(&self, _: &Coding, _: &Coding) -> Option<bool> {
        None
    }
    fn is_there(&self, reference: &str) -> bool {
        self.0.is_there(reference)
    }
    fn refers(&self, _: &str, _: &str) -> Option<bool> {
        None
    }
    fn belongs(&self, member: &str, organization: &str) -> Option<bool> {
        self.0.belongs(member, organization)
    }
    fn is_label_within(&self, label: &Coding, wide: &Coding) -> bool {
        self.0.is_label_within(label, wide)
    }
}
