use super::*;
use ward_search::entries::TermKey;

fn package() -> (Arc<Registry>, Extractor) {
    let registry = Arc::new(Registry::new(r4()));
    let extractor = Extractor::new(registry.clone(), TermKey([7; 16]), None);
    (registry, extractor)
}

fn wanted(code: &str, ty: &str, expression: &str) -> Arc<Custom> {
    Arc::new(Custom {
        number: LOOKED_UP_FROM,
        url: format!("http://example.org/{code}").into(),
        code: code.into(),
        ty: SearchType::Token,
        bases: vec![r4().resource_type(ty).unwrap()],
        expression: expression.into(),
        targets: Vec::new(),
    })
}

fn types(names: &[&str]) -> Vec<TypeId> {
    let ids = names.iter().map(|name| r4().resource_type(name).unwrap());
    let mut ids: Vec<TypeId> = ids.collect();
    ids.sort_unstable();
    ids
}

struct House {
    package: Arc<Registry>,
    base: Extractor,
    now: Generations,
    mark: i64,
}

impl House {
    fn new() -> House {
        let (package, base) = package();
        let [_, (newest, _)] = EMPTY_STORES;
        let now = Generations::read(&of_state(newest), &base, &package).unwrap();
        House {
            package,
            base,
            now,
            mark: 0,
        }
    }

    /// Through the text that is stored. Whether there was anything to raise.
    fn raise(&mut self, wanted: &[Arc<Custom>]) -> bool {
        self.mark += 1;
        self.raise_with(wanted, &[])
    }

    /// The same with the words of types, and no change of the parameters.
    fn raise_with(&mut self, wanted: &[Arc<Custom>], words: &[&str]) -> bool {
        let words = types(words);
        let wanted = (wanted, words.as_slice());
        let next = self
            .now
            .raised(wanted, self.mark, &self.base, &self.package);
        next.inspect(|next| self.store(next)).is_some()
    }

    fn reach(&mut self, ty: &str) {
        let ty = r4().resource_type(ty).unwrap();
        let target = self.now.stale().iter().find(|s| s.0 == ty).unwrap().1;
        let next = self.now.reached(ty, target);
        self.store(&next);
    }

    fn store(&mut self, next: &Generations) {
        let indexing = Indexing {
            revision: self.now.revision + 1,
            generation: next.current().generation,
            state: next.state(),
        };
        self.now = Generations::read(&indexing, &self.base, &self.package).unwrap();
        assert_eq!(self.now.state(), next.state());
    }

    fn number(&self, code: &str) -> Option<u16> {
        let custom = self.now.current().custom().iter();
        custom.filter(|c| &*c.code == code).map(|c| c.number).next()
    }

    fn is_behind(&self, ty: &str) -> bool {
        let ty = r4().resource_type(ty).unwrap();
        self.now.behind().iter().any(|(behind, _)| *behind == ty)
    }

    fn stale(&self) -> Vec<(&'static str, u32)> {
        let stale = self.now.stale().into_iter();
        stale.map(|(ty, since)| (r4().ty(ty).name, since)).collect()
    }
}

fn of_state(state: &'static [u8]) -> Indexing {
    Indexing {
        state: Bytes::from_static(state),
        ..Indexing::default()
    }
}

#[test]
fn rows_of_an_older_edition_are_brought_up_type_by_type() {
    let mut house = House::new();
    assert_eq!(house.now.behind(), []);
    assert!(!house.raise(&[]), "a new store has nothing to do");
    // A store without a state, and one with a state from before there were editions.
    let before: &[u8] = br#"{"mark":3,"next":16384,"parameters":[],"ready":{},
        "generations":[{"generation":4,"parameters":[]}]}"#;
    for (state, generation, mark) in [(&b""[..], 0, 0), (before, 4, 3)] {
        let read = Generations::read(&of_state(state), &house.base, &house.package);
        house.now = read.unwrap();
        assert!(house.now.behind().len() > 140);
        assert_eq!(
            house.now.current().extractor.edition(),
            Edition::First,
            "until it is raised everything is written as before"
        );
        assert_eq!(house.stale(), []);
        // Whatever is known of the parameters: the edition alone is enough.
        house.mark = mark - 1;
        assert!(house.raise(&[]) && !house.raise(&[]));
        assert_eq!(house.now.current().generation, generation + 1);
        assert_eq!(house.now.current().extractor.edition(), Edition::NEWEST);
        let old = house.now.of(generation).unwrap();
        assert_eq!(old.extractor.edition(), Edition::First);
        let stale = house.stale();
        assert!(stale.len() > 140 && stale.iter().all(|(_, since)| *since == generation + 1));
        for (ty, _) in stale {
            assert!(house.is_behind(ty));
            house.reach(ty);
            assert!(!house.is_behind(ty));
        }
        assert_eq!((house.now.behind(), house.stale()), (vec![], vec![]));
    }
}

/// A store that was empty when the second edition was the newest, and one that is brought up to the second in between.
#[test]
fn what_types_are_behind_is_told_with_their_edition() {
    let mut house = House::new();
    let [(second, _), _] = EMPTY_STORES;
    house.now = Generations::read(&of_state(second), &house.base, &house.package).unwrap();
    let of = |house: &House, ty: &str| {
        let ty = r4().resource_type(ty).unwrap();
        let behind = house.now.behind().into_iter();
        behind.filter(|(t, _)| *t == ty).map(|(_, e)| e).next()
    };
    assert_eq!(of(&house, "Patient"), Some(Edition::Second));
    assert!(house.raise(&[]));
    assert_eq!(of(&house, "Patient"), Some(Edition::Second));
    house.reach("Patient");
    assert_eq!(of(&house, "Patient"), None);
    let halfway: &[u8] = br#"{"mark":3,"next":16384,"parameters":[],"ready":{"Patient":1},
        "sets":[{"generation":0,"parameters":[],"edition":1},{"generation":1,"parameters":[],"edition":2}]}"#;
    house.now = Generations::read(&of_state(halfway), &house.base, &house.package).unwrap();
    house.mark = 3;
    assert!(house.raise(&[]));
    assert_eq!(of(&house, "Patient"), Some(Edition::Second));
    assert_eq!(of(&house, "Observation"), Some(Edition::First));
}

#[test]
fn a_parameter_is_answered_once_all_of_its_types_are_there() {
    let mut house = House::new();
    let a = wanted("a", "Patient", "Patient.gender");
    let b = wanted("b", "Observation", "Observation.status");
    assert!(!house.raise(&[]), "nothing to raise for");
    assert!(house.raise(std::slice::from_ref(&a)));
    assert_eq!(house.stale(), [("Patient", 1)]);
    assert!(house.now.indexed(&a).is_none());
    assert!(house.raise(&[a.clone(), b.clone()]));
    assert_eq!(house.stale(), [("Observation", 2), ("Patient", 1)]);
    house.reach("Patient");
    assert_eq!(house.now.indexed(&a).unwrap().number, CUSTOM_FROM);
    assert!(house.now.indexed(&b).is_none());
    // What rows of the first generation have is still known: they may be of any type but Patient.
    assert_eq!(house.now.of(1).unwrap().custom().len(), 1);
    house.reach("Observation");
    assert!(house.now.indexed(&b).is_some() && house.now.indexed(&a).is_some());
    assert_eq!(house.stale(), []);
    assert_eq!(
        house.now.of(0).unwrap().generation,
        2,
        "all are as the newest"
    );
    assert!(house.now.of(3).is_none(), "not known here");
}

#[test]
fn what_changes_is_another_parameter_and_what_stays_is_answered_meanwhile() {
    let mut house = House::new();
    let a = wanted("a", "Patient", "Patient.gender");
    let b = wanted("b", "Patient", "Patient.active");
    house.raise(&[a.clone(), b.clone()]);
    house.reach("Patient");
    let changed = wanted("b", "Patient", "Patient.language");
    assert!(house.raise(&[a.clone(), changed.clone()]));
    assert!(house.now.indexed(&a).is_some());
    assert!(house.now.indexed(&changed).is_none() && house.now.indexed(&b).is_none());
    assert_eq!(house.number("b"), Some(CUSTOM_FROM + 2));
    // Gone, and there again before the rows were: a number of its own, since some rows miss its entries.
    assert!(house.raise(std::slice::from_ref(&changed)));
    assert!(house.raise(&[a.clone(), changed.clone()]));
    assert_eq!(house.number("a"), Some(CUSTOM_FROM + 3));
    assert!(house.now.indexed(&a).is_none());
    house.reach("Patient");
    assert!(house.now.indexed(&a).is_some() && house.now.indexed(&changed).is_some());
    assert!(house.raise(&[]));
    assert_eq!(house.stale(), [("Patient", 5)]);
    house.reach("Patient");
    assert_eq!(house.stale(), []);
    assert!(house.raise(std::slice::from_ref(&a)));
    assert_eq!(house.number("a"), Some(CUSTOM_FROM + 4));
}

#[test]
fn an_older_state_raises_nothing_and_the_number_of_sets_is_bounded() {
    let mut house = House::new();
    let sets: Vec<Arc<Custom>> = (0..GENERATIONS_MAX + 5)
        .map(|at| wanted(&format!("c{at}"), "Patient", "Patient.gender"))
        .collect();
    let raised = sets
        .iter()
        .filter(|set| house.raise(std::slice::from_ref(*set)));
    assert_eq!(raised.count(), GENERATIONS_MAX - 1);
    house.reach("Patient");
    assert!(house.raise(&sets[..1]));
    house.mark -= 2;
    assert!(!house.raise(&sets[..2]), "of a state that is passed");
}

#[test]
fn words_are_answered_once_all_rows_have_them_and_are_taken_away() {
    let mut house = House::new();
    assert!(!house.raise_with(&[], &[]), "nothing to raise for");
    assert!(house.raise_with(&[], &["Patient", "Observation"]));
    assert!(!house.raise_with(&[], &["Observation", "Patient"]));
    assert_eq!(house.stale(), [("Observation", 1), ("Patient", 1)]);
    assert_eq!(house.now.words(), []);
    house.reach("Patient");
    assert_eq!(house.now.words(), types(&["Patient"]));
    // A parameter beside them changes nothing of what is there.
    let a = wanted("a", "Patient", "Patient.gender");
    house.mark += 1;
    assert!(house.raise_with(std::slice::from_ref(&a), &["Patient", "Observation"]));
    assert_eq!(house.stale(), [("Observation", 1), ("Patient", 2)]);
    assert_eq!(house.now.words(), types(&["Patient"]));
    assert!(house.now.indexed(&a).is_none());
    house.reach("Observation");
    assert_eq!(house.now.words(), types(&["Observation", "Patient"]));
    // Gone, and there again before the rows were: some rows miss them.
    assert!(house.raise_with(std::slice::from_ref(&a), &["Observation"]));
    assert!(house.raise_with(std::slice::from_ref(&a), &["Observation", "Patient"]));
    assert_eq!(house.now.words(), types(&["Observation"]));
    assert_eq!(house.stale(), [("Patient", 4)]);
    house.reach("Patient");
    assert_eq!(house.stale(), []);
    assert_eq!(house.now.words(), types(&["Observation", "Patient"]));
    assert!(house.raise_with(std::slice::from_ref(&a), &[]));
    assert_eq!(house.stale(), [("Observation", 5), ("Patient", 5)]);
    assert_eq!(house.now.words(), []);
    // Who knows of an older state of the parameters raises nothing, also not for words.
    house.mark -= 1;
    assert!(!house.raise_with(&[], &["Patient"]));
}
