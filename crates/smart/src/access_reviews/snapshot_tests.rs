//! The items of a review are what is in force, no more and no less: counted anew by what each thing was made as, over random sets.

use super::snapshot::{Found, items};
use crate::state::{
    AccessReview, Account, Client, ClientState, Grant, GrantKind, OpenedGlass, ReviewItem,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const CASES: u64 = 2_000;
const SINCE_S: i64 = 1_000;
const ROLES: [&str; 3] = ["physician", "nurse", "system-administrator"];

/// A random sequence of its seed. <https://prng.di.unimi.it/splitmix64.c>
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

/// What a review must hold: kind, what it is of, and the role; how often.
type Counted = BTreeMap<(GrantKind, String, Option<String>), usize>;

/// Makes things and counts at once which of them are in force for whom.
struct Maker {
    random: Random,
    patients: bool,
    kinds: Vec<GrantKind>,
    expected: Counted,
}

impl Maker {
    fn count(&mut self, kind: GrantKind, of: &str, role: Option<&str>, is_in_force: bool) {
        if is_in_force && self.kinds.contains(&kind) {
            let key = (kind, of.to_owned(), role.map(str::to_owned));
            *self.expected.entry(key).or_default() += 1;
        }
    }

    /// Who somebody is, and whether they count in this review.
    fn person(&mut self, n: u64) -> (Option<String>, Option<String>, bool) {
        let record = format!("p{n}");
        match self.random.below(4) {
            0 => (
                Some(format!("Patient/{record}")),
                Some(record),
                self.patients,
            ),
            1 => (Some(format!("RelatedPerson/{record}")), None, self.patients),
            2 => (Some(format!("Practitioner/{record}")), None, true),
            _ => (None, None, true),
        }
    }

    fn account(&mut self, n: u64) -> Account {
        let (fhir_user, patient, counts) = self.person(n);
        let closed = self.random.below(4) == 0;
        let username = format!("user{n}");
        self.count(GrantKind::Account, &username, None, counts && !closed);
        let mut roles = Vec::new();
        for role in ROLES {
            if self.random.coin() {
                roles.push(role.to_owned());
                self.count(GrantKind::Role, &username, Some(role), counts && !closed);
            }
        }
        Account {
            username,
            subject: format!("subject{n}"),
            fhir_user,
            patient,
            roles,
            closed,
            ..Account::default()
        }
    }

    fn practitioner_role(&mut self, n: u64) -> Value {
        let id = format!("role{n}");
        let mut role = json!({ "resourceType": "PractitionerRole", "id": id,
            "practitioner": { "reference": format!("Practitioner/p{n}") } });
        let active = match self.random.below(3) {
            0 => None,
            1 => Some(true),
            _ => Some(false),
        };
        if let Some(active) = active {
            role["active"] = json!(active);
        }
        self.count(
            GrantKind::PractitionerRole,
            &id,
            None,
            active != Some(false),
        );
        role
    }

    fn client(&mut self, n: u64) -> Client {
        let (state, is_in_force) = match self.random.below(3) {
            0 => (ClientState::Pending, false),
            1 => (ClientState::Suspended, false),
            _ => (ClientState::Active, true),
        };
        let client_id = format!("client{n}");
        self.count(GrantKind::Client, &client_id, None, is_in_force);
        Client {
            client_id,
            state,
            ..Client::default()
        }
    }

    fn grant(&mut self, n: u64) -> Grant {
        let (fhir_user, _, counts) = self.person(n);
        let refreshable = self.random.coin();
        let id = format!("grant{n}");
        self.count(GrantKind::Grant, &id, None, counts && refreshable);
        Grant {
            id,
            account: format!("user{n}"),
            subject: format!("subject{n}"),
            fhir_user,
            refreshable,
            // About a patient, which says nothing of whose it is.
            patient: self.random.coin().then(|| "p1".to_owned()),
            ..Grant::default()
        }
    }

    fn opened(&mut self, n: u64) -> OpenedGlass {
        let before = self.random.below(3);
        let task = format!("task{n}");
        self.count(GrantKind::BreakGlass, &task, None, before < 2);
        OpenedGlass {
            task,
            subject: format!("subject{n}"),
            declared_s: SINCE_S + 1 - i64::try_from(before).unwrap_or(0),
            ..OpenedGlass::default()
        }
    }
}

fn case(seed: u64) -> (Counted, Vec<ReviewItem>) {
    let mut random = Random(seed);
    let patients = random.coin();
    let kinds: Vec<GrantKind> = GrantKind::ALL
        .into_iter()
        .filter(|_| random.below(4) > 0)
        .collect();
    let mut counts = [0; 5];
    counts.fill_with(|| random.below(12));
    let mut maker = Maker {
        random,
        patients,
        kinds: kinds.clone(),
        expected: Counted::new(),
    };
    let found = Found {
        accounts: (0..counts[0]).map(|n| maker.account(n)).collect(),
        rota: (0..counts[1]).map(|n| maker.practitioner_role(n)).collect(),
        clients: (0..counts[2]).map(|n| maker.client(n)).collect(),
        grants: (0..counts[3]).map(|n| maker.grant(n)).collect(),
        opened: (0..counts[4]).map(|n| maker.opened(n)).collect(),
        ..Found::default()
    };
    let review = AccessReview {
        kinds,
        patients,
        since_s: SINCE_S,
        ..AccessReview::default()
    };
    (maker.expected, items(&review, &found))
}

#[test]
fn c14_the_items_are_those_of_a_recount() {
    let (mut all, mut of_kinds) = (0, [0; GrantKind::ALL.len()]);
    for seed in 0..CASES {
        let (expected, items) = case(seed);
        let mut counted = Counted::new();
        for item in &items {
            let key = (item.kind, item.of.clone(), item.role.clone());
            *counted.entry(key).or_default() += 1;
            of_kinds[item.kind as usize] += 1;
        }
        assert_eq!(counted, expected, "seed {seed}");
        all += items.len();
    }
    assert!(
        all > 20_000 && of_kinds.iter().all(|n| *n > 1_000),
        "{of_kinds:?}"
    );
}

#[test]
fn c14_whose_access_it_is_stands_with_it() {
    for seed in 0..CASES / 10 {
        for item in case(seed).1 {
            let number: String = item.of.chars().filter(char::is_ascii_digit).collect();
            let own = format!("subject{number}");
            let practitioner = format!("Practitioner/p{number}");
            let expected = match item.kind {
                GrantKind::Account | GrantKind::Role | GrantKind::Grant => Some(own),
                GrantKind::BreakGlass => Some(own),
                GrantKind::PractitionerRole => Some(practitioner),
                GrantKind::Client => None,
            };
            let is_there = expected.is_none_or(|name| item.owners.contains(&name));
            assert!(is_there, "seed {seed}: {item:?}");
        }
    }
}
