use super::*;
use ward_consent::labels::{Label, RowClass};
use ward_consent::{Class, Confidentiality, Residual};
use ward_seal::MasterKey;
use ward_storage::StoreSettings;

async fn store() -> (Store, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let settings = StoreSettings::sqlite(folder.path().join("ward.db"));
    let store = Store::open(settings, MasterKey::from_bytes([42; 32])).await;
    (store.unwrap(), folder)
}

fn class(label: &str) -> VisibilityClass {
    VisibilityClass {
        is_shared: false,
        residual: Residual::silent(),
        class: Class::default(),
        labels: RowClass {
            level: Confidentiality::Restricted,
            labels: [Label::act(label)].into(),
        },
    }
}

fn bytes(label: &str) -> Bytes {
    class(label).to_bytes().unwrap()
}

fn classes() -> Classes {
    Classes::new(class("unworked"))
}

#[tokio::test]
async fn what_is_interned_here_is_known_at_once() {
    let (store, _folder) = store().await;
    let classes = classes();
    let asked = [Some(bytes("b")), None, Some(bytes("a")), Some(bytes("b"))];
    let ids = classes.intern(&store, &asked).await.unwrap();
    assert_eq!(ids[1], NOBODY);
    assert_eq!(ids[0], ids[3]);
    assert_eq!(classes.len(), 3);
    let known = classes.from(0);
    assert_eq!(known[0].as_deref(), Some(&class("unworked")));
    let of = |id: i32| known[id as usize].as_deref();
    assert_eq!(of(ids[0]), Some(&class("b")));
    assert_eq!(of(ids[2]), Some(&class("a")));
    let before = store.statements();
    assert_eq!(classes.intern(&store, &asked).await, Ok(ids));
    assert_eq!(store.statements(), before);
}

#[tokio::test]
async fn what_others_intern_is_known_once_it_is_read() {
    let (store, _folder) = store().await;
    let classes = classes();
    classes.refresh(&store).await.unwrap();
    assert_eq!(classes.len(), 1);
    let theirs = [bytes("a"), bytes("b")];
    let ids = store.intern_classes(&theirs).await.unwrap();
    assert_eq!(ids, [1, 2]);
    assert_eq!(classes.len(), 1);
    classes.refresh(&store).await.unwrap();
    assert_eq!(classes.len(), 3);
    // One of ours behind one of theirs that was not read.
    store.intern_classes(&[bytes("c")]).await.unwrap();
    let ours = classes.intern(&store, &[Some(bytes("d"))]).await;
    assert_eq!(ours, Ok(vec![4]));
    let known = classes.from(3);
    let known: Vec<_> = known.iter().map(|class| class.as_deref()).collect();
    assert_eq!(known, [Some(&class("c")), Some(&class("d"))]);
}

#[tokio::test]
async fn bytes_that_cannot_be_read_are_no_class() {
    let (store, _folder) = store().await;
    let classes = classes();
    let garbled = Bytes::from_static(&[9, 9]);
    store.intern_classes(&[garbled, bytes("a")]).await.unwrap();
    classes.refresh(&store).await.unwrap();
    let known = classes.from(1);
    assert_eq!(known[0], None);
    assert_eq!(known[1].as_deref(), Some(&class("a")));
}

#[tokio::test]
async fn what_was_read_holds_for_five_seconds_where_others_write() {
    let (store, _folder) = store().await;
    let mut classes = classes();
    assert!(!classes.are_current(true) && !classes.are_current(false));
    classes.refresh(&store).await.unwrap();
    assert!(classes.are_current(true) && classes.are_current(false));
    classes.age(CLASSES_KEPT);
    assert!(!classes.are_current(true) && classes.are_current(false));
    classes.refresh(&store).await.unwrap();
    assert!(classes.are_current(true));
}
