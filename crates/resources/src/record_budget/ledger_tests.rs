use super::*;

/// What the store has of one client's hour.
#[derive(Default)]
struct Shared {
    head: Head,
    seen: Vec<i64>,
}

struct Node {
    name: String,
    ledger: Ledger,
}

impl Node {
    fn new(name: usize) -> Node {
        Node {
            name: format!("node {name}"),
            ledger: Ledger::new(0),
        }
    }

    fn settle(&self, shared: &mut Shared, wanted: Option<&Wanted<'_>>) -> Step {
        let known = self.ledger.freeze();
        self.ledger.learn(&shared.seen[known..]);
        let plan = self.ledger.plan(&shared.head, &self.name, wanted);
        shared.head = plan.head.clone();
        shared.seen.extend(&plan.added);
        assert_eq!(shared.head.seen, shared.seen.len());
        self.ledger.settled(plan, &self.name, wanted)
    }

    fn take(&self, shared: &mut Shared, patients: &[i64], most: usize, now_s: i64) -> Step {
        let patients: HashSet<i64> = patients.iter().copied().collect();
        let wanted = Wanted {
            patients: &patients,
            most,
            now_s,
        };
        match self.ledger.take(&wanted) {
            Step::Settle => self.settle(shared, Some(&wanted)),
            step => step,
        }
    }
}

#[test]
fn at17c_patients_are_counted_once_an_hour() {
    let (node, mut shared) = (Node::new(0), Shared::default());
    let mut take = |patients: &[i64], now_s| node.take(&mut shared, patients, 3, now_s);
    assert_eq!(take(&[1, 2], 0), Step::Taken);
    assert_eq!(take(&[1, 2], 1), Step::Taken);
    // All or nothing: neither of the two was seen.
    assert_eq!(take(&[3, 4], 10), Step::Spent);
    assert_eq!(take(&[3], 10), Step::Taken);
    assert_eq!(take(&[4], 11), Step::Spent);
    assert_eq!(take(&[1, 2, 3], 11), Step::Taken);
    assert_eq!(take(&[], 11), Step::Taken);
}

#[test]
fn at17c_a_budget_that_was_changed_holds_at_once() {
    let (node, mut shared) = (Node::new(0), Shared::default());
    let all: Vec<i64> = (0..100).collect();
    assert_eq!(node.take(&mut shared, &all[..10], 100, 0), Step::Taken);
    assert_eq!(node.take(&mut shared, &all[10..11], 10, 0), Step::Spent);
    assert_eq!(
        node.take(&mut shared, &all[..10], 5, 0),
        Step::Taken,
        "seen is seen"
    );
    assert_eq!(node.take(&mut shared, &all[10..20], 20, 0), Step::Taken);
    assert_eq!(shared.head.seen + 10, 20);
}

#[test]
fn at17c_what_others_hold_is_there_again_when_they_settle() {
    let (one, other, mut shared) = (Node::new(1), Node::new(2), Shared::default());
    assert_eq!(one.take(&mut shared, &[1], 16, 0), Step::Taken);
    assert_eq!(shared.head.reserved["node 1"], 2);
    let rest: Vec<i64> = (2..17).collect();
    assert_eq!(other.take(&mut shared, &rest, 16, 0), Step::Reserved);
    // Who asks again in the same second is not looked up again.
    assert_eq!(one.settle(&mut shared, None), Step::Taken);
    assert!(!one.ledger.is_open() && shared.head.reserved.is_empty());
    assert_eq!(other.take(&mut shared, &rest, 16, 0), Step::Reserved);
    assert_eq!(other.take(&mut shared, &rest, 16, 1), Step::Taken);
    assert_eq!(one.take(&mut shared, &[99], 16, 1), Step::Reserved);
    other.settle(&mut shared, None);
    assert_eq!(one.take(&mut shared, &[99], 16, 2), Step::Spent);
}

/// Settling that was begun and not ended may have reached the store, or not.
#[test]
fn at17c_a_settling_that_was_broken_off_opens_nothing() {
    for reached in [true, false] {
        let (node, mut shared) = (Node::new(0), Shared::default());
        assert_eq!(node.take(&mut shared, &[1], 80, 0), Step::Taken);
        let known = node.ledger.freeze();
        node.ledger.learn(&shared.seen[known..]);
        if reached {
            let plan = node.ledger.plan(&shared.head, &node.name, None);
            shared.head = plan.head.clone();
            shared.seen.extend(&plan.added);
        }
        let patients = HashSet::from([2]);
        let wanted = Wanted {
            patients: &patients,
            most: 80,
            now_s: 0,
        };
        assert_eq!(
            node.ledger.take(&wanted),
            Step::Settle,
            "nothing is reserved for sure"
        );
        assert!(node.ledger.is_open());
        assert_eq!(node.settle(&mut shared, Some(&wanted)), Step::Taken);
        assert_eq!((shared.head.seen, shared.seen.as_slice()), (1, &[1][..]));
    }
}

/// Several processes, of which some are killed, in any order: never too many, and in the end exactly as many as may be.
#[test]
fn at17c_processes_never_show_more_together() {
    const PATIENTS: u64 = 60;
    let mut state: u64 = 17;
    let mut random = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for round in 0..300 {
        let most = 1 + random(40) as usize;
        let mut shared = Shared::default();
        let mut nodes: Vec<Node> = (0..3).map(Node::new).collect();
        let mut shown = HashSet::new();
        let mut killed = 0;
        for at_s in 0..200 {
            let at = random(3) as usize;
            match random(40) {
                0 if killed < 2 => {
                    killed += 1;
                    nodes[at] = Node::new(3 + killed);
                }
                1..8 => assert_eq!(nodes[at].settle(&mut shared, None), Step::Taken),
                _ => {
                    let patients: Vec<i64> = (0..1 + random(3))
                        .map(|_| random(PATIENTS) as i64)
                        .collect();
                    if nodes[at].take(&mut shared, &patients, most, at_s) == Step::Taken {
                        shown.extend(patients);
                    }
                }
            }
            assert!(
                shown.len() <= most,
                "round {round}: {} of {most}",
                shown.len()
            );
        }
        for node in &nodes {
            node.settle(&mut shared, None);
        }
        let lost: usize = shared.head.reserved.values().sum();
        for patient in 0..PATIENTS as i64 {
            if nodes[0].take(&mut shared, &[patient], most, 1_000 + patient) == Step::Taken {
                shown.insert(patient);
            }
        }
        assert!(
            shown.len() <= most && shown.len() + lost >= most,
            "round {round}"
        );
        if killed == 0 {
            assert_eq!(shown.len(), most, "round {round}");
        }
    }
}
