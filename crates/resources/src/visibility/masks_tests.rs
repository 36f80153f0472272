use super::*;
use crate::visibility::class::VisibilityClass;
use std::collections::BTreeSet;
use ward_consent::labels::{Clearance, RowClass};
use ward_consent::{Caller, Class, Confidentiality, Kinship, Residual};
use ward_seal::MasterKey;
use ward_storage::{Store, StoreSettings};

const NOW_US: i64 = 1_767_225_600_000_000;

struct House {
    store: Store,
    classes: Classes,
    masks: Masks,
    site: ConsentSettings,
    labelling: Labelling,
    _folder: tempfile::TempDir,
}

async fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let settings = StoreSettings::sqlite(folder.path().join("ward.db"));
    let store = Store::open(settings, MasterKey::from_bytes([42; 32])).await;
    let site = ConsentSettings::default();
    House {
        labelling: Labelling::begun(&site.labels),
        store: store.unwrap(),
        classes: Classes::new(at(Confidentiality::Normal, 0)),
        masks: Masks::default(),
        site,
        _folder: folder,
    }
}

impl House {
    async fn intern(&self, level: Confidentiality, n: usize) -> i32 {
        let bytes = [at(level, n).to_bytes()];
        let ids = self.classes.intern(&self.store, &bytes).await;
        ids.unwrap()[0]
    }

    fn of(&self, who: &Arc<ActingFor>) -> Sees {
        self.masks.of(
            who,
            (None, NOW_US),
            (&self.classes, &self.labelling),
            &self.site,
        )
    }
}

/// One of many classes that are all kept from whoever is cleared for less.
fn at(level: Confidentiality, n: usize) -> VisibilityClass {
    VisibilityClass {
        is_shared: true,
        residual: Residual::silent(),
        class: Class {
            authors: vec![format!("Practitioner/{n}").into()],
            ..Class::default()
        },
        labels: RowClass {
            level,
            labels: BTreeSet::new(),
        },
    }
}

fn user(n: usize) -> Arc<ActingFor> {
    Arc::new(ActingFor {
        caller: Caller {
            actors: [format!("Practitioner/{n}").into()].into(),
            purposes: ["TREAT".into()].into(),
            action: Action::Access,
            is_privacy: false,
        },
        kinship: Kinship::Other,
        clearance: Arc::new(Clearance::normal()),
    })
}

#[tokio::test]
async fn a_longer_list_of_classes_makes_a_longer_mask() {
    let house = house().await;
    let who = user(1);
    let nothing = house.of(&who).mask;
    assert!((0..20).all(|id| !nothing.shows(id)));
    let mut expected = vec![true];
    for n in 1..40 {
        let level = match n % 3 {
            0 => Confidentiality::Restricted,
            _ => Confidentiality::Normal,
        };
        assert_eq!(house.intern(level, n).await, n as i32);
        expected.push(level == Confidentiality::Normal);
        let Sees { mask, changeable } = house.of(&who);
        let shown: Vec<bool> = (0..=n).map(|id| mask.shows(id as i32)).collect();
        assert_eq!(shown, expected);
        assert!((n + 1..n + 50).all(|id| !mask.shows(id as i32)));
        assert_eq!(mask, changeable);
    }
    // Made at once and made bit by bit.
    assert_eq!(house.of(&user(2)).mask, house.of(&who).mask);
}

/// R17: from whom nothing is hidden is not looked after.
#[tokio::test]
async fn a_mask_knows_where_it_hides_anything() {
    let house = house().await;
    house.classes.refresh(&house.store).await.unwrap();
    let who = user(1);
    let hides = || house.of(&who).mask.hides();
    assert_eq!(hides(), Hides::NOTHING);
    house.intern(Confidentiality::Normal, 1).await;
    assert_eq!(hides(), Hides::NOTHING);
    house.intern(Confidentiality::Restricted, 2).await;
    let shared = Hides {
        records: false,
        shared: true,
        reviews: false,
    };
    assert_eq!(hides(), shared);
    let private = VisibilityClass {
        is_shared: false,
        residual: Residual::from_bytes(&[0]).unwrap(),
        ..at(Confidentiality::Normal, 3)
    };
    let interned = house
        .classes
        .intern(&house.store, &[private.to_bytes()])
        .await;
    interned.unwrap();
    let both = Hides {
        records: true,
        ..shared
    };
    assert_eq!(hides(), both);
}

#[tokio::test]
async fn what_others_have_interned_is_hidden_until_it_is_read() {
    let house = house().await;
    house.classes.refresh(&house.store).await.unwrap();
    let bytes = at(Confidentiality::Normal, 1).to_bytes().unwrap();
    let garbled = bytes::Bytes::from_static(&[7]);
    let ids = house.store.intern_classes(&[bytes, garbled]).await.unwrap();
    let shown = || {
        let mask = house.of(&user(1)).mask;
        [0, ids[0], ids[1], ward_storage::NOBODY].map(|id| mask.shows(id))
    };
    assert_eq!(shown(), [true, false, false, false]);
    house.classes.refresh(&house.store).await.unwrap();
    assert_eq!(shown(), [true, true, false, false]);
}

#[tokio::test]
async fn so_many_masks_are_kept_and_those_in_use_longest() {
    let house = house().await;
    house.classes.refresh(&house.store).await.unwrap();
    let often = user(0);
    for n in 0..3 * MASKS_MAX {
        house.of(&user(n));
        house.of(&often);
        let kept = house.masks.kept();
        assert!(kept.young.len() + kept.old.len() <= MASKS_MAX);
    }
    let mut kept = house.masks.kept();
    let facts = Facts {
        who: often,
        glass_until_us: None,
        epoch: 0,
        labelling: house.labelling.edition,
    };
    assert!(kept.get(&facts).is_some());
    drop(kept);
    house.masks.expire();
    assert!(house.masks.kept().get(&facts).is_none());
    house.of(&facts.who);
    assert!(house.masks.kept().get(&facts).is_none(), "of rules before");
}

#[tokio::test]
async fn a_glass_that_is_no_longer_broken_is_none() {
    let house = house().await;
    house.classes.refresh(&house.store).await.unwrap();
    let who = user(1);
    let of = |until| {
        house.masks.of(
            &who,
            (until, NOW_US),
            (&house.classes, &house.labelling),
            &house.site,
        )
    };
    for until in [None, Some(NOW_US), Some(NOW_US - 1)] {
        of(until);
        assert_eq!(house.masks.kept().young.len(), 1);
    }
    of(Some(NOW_US + 1));
    assert_eq!(house.masks.kept().young.len(), 2);
}
