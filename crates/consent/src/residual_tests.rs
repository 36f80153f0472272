use super::*;
use crate::random::Random;

fn known() -> Vec<u8> {
    let mut diagram = Diagram::new();
    let atoms = [
        Atom::Action(Action::Access),
        Atom::Purpose("TREAT".into()),
        Atom::Actor("Organization/H2".into()),
    ];
    let (a, b, c) = (diagram.atom(0), diagram.atom(1), diagram.not_atom(2));
    use crate::diagram::Op;
    let any = diagram.apply(Op::Max, a, b).unwrap();
    let root = diagram.apply(Op::Min, any, c).unwrap();
    Residual::extract(&diagram, &atoms, root).to_bytes()
}

#[test]
fn bytes_are_what_they_were() {
    let hex: String = known().iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = concat!(
        "010300",
        "000600616363657373",
        "010500",
        "5452454154",
        "030f00",
        "4f7267616e697a6174696f6e2f4832",
        "07000000",
        "03000000",
        "02000400000000000000",
        "01000000000005000000",
        "00000600000005000000",
    );
    assert_eq!(hex, expected);
}

#[test]
fn bytes_that_are_none_are_refused() {
    let bytes = known();
    assert!(Residual::from_bytes(&bytes).is_some());
    for end in 0..bytes.len() {
        assert!(Residual::from_bytes(&bytes[..end]).is_none(), "{end}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(Residual::from_bytes(&longer).is_none());
    let r = &mut Random::new(3);
    for _ in 0..20_000 {
        let mut other = bytes.clone();
        for _ in 0..=r.below(3) {
            let at = r.below(other.len());
            other[at] = r.below(256) as u8;
        }
        if let Some(read) = Residual::from_bytes(&other) {
            assert_eq!(read.to_bytes(), other, "one form for each");
            // Terminates, whatever it says.
            read.levels(|_| None);
            read.levels(|_| Some(true));
        }
    }
}

/// One form for each function: what is not asked, not led to, twice or in another order is refused.
#[test]
fn bytes_that_are_another_form_are_refused() {
    let Form::Tree(known) = Residual::from_bytes(&known()).unwrap().0 else {
        panic!("a tree");
    };
    let reads = |tree: Tree| Residual::from_bytes(&Residual(Form::Tree(tree)).to_bytes());
    assert!(reads(known.clone()).is_some());
    let mut unasked = known.clone();
    unasked.atoms.push(Atom::Actor("Organization/H3".into()));
    assert!(reads(unasked).is_none());
    let mut unreached = known.clone();
    unreached.root = LEAVES;
    assert!(reads(unreached).is_none());
    // Of the node that two lead to, one each, and all in the order of the walk.
    let mut twice = known;
    let (first, mut last) = (twice.nodes[0], twice.nodes[2]);
    last.high = LEAVES + 2;
    twice.nodes.splice(2.., [first, last]);
    twice.root += 1;
    assert!(reads(twice).is_none());
}

#[test]
fn what_has_no_room_in_the_bytes_is_private() {
    let of = |length: usize| {
        let mut diagram = Diagram::new();
        let root = diagram.atom(0);
        let atoms = [Atom::Purpose("x".repeat(length).into())];
        let residual = Residual::extract(&diagram, &atoms, root);
        Residual::from_bytes(&residual.to_bytes()).unwrap()
    };
    assert!(!of(65_535).is_private() && of(65_536).is_private());
}

#[test]
fn what_is_not_known_leaves_several_levels() {
    let read = Residual::from_bytes(&known()).unwrap();
    let levels =
        |truth: fn(&Atom) -> Option<bool>| -> Vec<Level> { read.levels(truth).iter().collect() };
    assert_eq!(levels(|_| Some(true)), [Level::Refused]);
    assert_eq!(
        levels(|atom| Some(matches!(atom, Atom::Action(_)))),
        [Level::Named]
    );
    assert_eq!(levels(|_| None), [Level::Refused, Level::Named]);
    assert_eq!(
        levels(|atom| matches!(atom, Atom::Actor(_)).then_some(true)),
        [Level::Refused]
    );
}
