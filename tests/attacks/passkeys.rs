//! X60: what opens nothing though it was signed by a passkey, or beside one.

use super::authenticator::{Authenticator, Says, USER_PRESENT, USER_VERIFIED};
use super::hospital::Hospital;
use crate::apps::{Place, text};
use crate::upstream::browser::{Browser, Page};
use ward_testkit::backends;

/// Counter of the authenticators when their passkeys are made.
const COUNTER: u32 = 5;

type Spoil = fn(&mut Says);

/// Said or signed for somebody else, or without the person.
const SPOILT: [(&str, Spoil); 12] = [
    ("another origin", |s| {
        s.origin = "https://evil.example".into()
    }),
    ("another port", |s| s.origin = "http://localhost:1".into()),
    ("another scheme", |s| {
        s.origin = s.origin.replace("http:", "https:")
    }),
    ("a longer origin", |s| s.origin.push_str(".evil.example")),
    ("an origin below", |s| {
        s.origin = s.origin.replace("localhost", "evil.localhost")
    }),
    ("another relying party", |s| s.party = "evil.example".into()),
    ("a longer relying party", |s| {
        s.party.push_str(".evil.example")
    }),
    ("a suffix of the relying party", |s| s.party = "host".into()),
    ("nobody was verified", |s| s.flags = USER_PRESENT),
    ("nobody was there", |s| s.flags = USER_VERIFIED),
    ("neither", |s| s.flags = 0),
    ("a challenge of one's own", |s| {
        s.challenge = "AAAAAAAAAAAAAAAAAAAAAA".into()
    }),
];

fn on_each(conversation: impl Fn(&Hospital)) {
    for backend in backends() {
        println!("on {backend:?}");
        conversation(&Hospital::by_name(backend));
    }
}

fn sign_in_page(place: &Place, browser: &mut Browser) -> Page {
    browser.get(&format!("{}/auth/sign-in", place.origin))
}

/// A browser at the sign-in page, with what its passkey would say.
fn asked(place: &Place, counter: u32) -> (Browser, Page, Says) {
    let mut browser = Browser::new();
    let page = sign_in_page(place, &mut browser);
    let says = said(place, &page, counter);
    (browser, page, says)
}

fn said(place: &Place, page: &Page, counter: u32) -> Says {
    let challenge = page.attribute("data-challenge").unwrap();
    Says::at(&place.origin, &challenge, counter)
}

fn is_signed_in(place: &Place, browser: &mut Browser) -> bool {
    let page = browser.get(&format!("{}/auth/sessions", place.origin));
    page.path() == "/auth/sessions"
}

#[track_caller]
fn refused(why: &str, place: &Place, mut browser: Browser, page: &Page, shown: &str) {
    let answer = browser.submit(page, &[("passkey", shown)]);
    assert_eq!(answer.status, 400, "{why}: {answer:?}");
    assert!(!is_signed_in(place, &mut browser), "{why}");
}

#[track_caller]
fn opens(place: &Place, passkey: &Authenticator, counter: u32) {
    let (mut browser, page, says) = asked(place, counter);
    let end = browser.submit(&page, &[("passkey", &passkey.shown(&says))]);
    assert_eq!((end.status, end.path()), (200, "/auth/apps"), "{end:?}");
}

/// A person's new passkey; `spoil` what is said when it is made. The page that follows.
fn make(place: &Place, user: &mut Browser, passkey: &Authenticator, spoil: Spoil) -> Page {
    let page = user.get(&format!("{}/auth/enrol", place.origin));
    let mut says = said(place, &page, COUNTER);
    spoil(&mut says);
    let fields = [
        ("passkey", passkey.made(&says)),
        ("label", "A key".to_owned()),
    ];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    user.submit(&page, &fields)
}

#[track_caller]
fn enrolled(place: &Place, user: &mut Browser) -> Authenticator {
    let passkey = Authenticator::new();
    let page = make(place, user, &passkey, |_| ());
    assert!(
        page.html().contains("The passkey has been added."),
        "{page:?}"
    );
    passkey
}

#[test]
fn x60_a_passkey_is_for_this_place_this_moment_and_a_person() {
    on_each(|hospital| {
        let place = &hospital.place;
        let mut user = hospital.user();
        for (why, spoil) in SPOILT {
            let page = make(place, &mut user, &Authenticator::new(), spoil);
            assert!(
                page.html().contains("No passkey was added"),
                "{why}: {page:?}"
            );
        }
        let passkey = enrolled(place, &mut user);
        opens(place, &passkey, COUNTER + 1);
        for (why, spoil) in SPOILT {
            let (browser, page, mut says) = asked(place, COUNTER + 2);
            spoil(&mut says);
            refused(why, place, browser, &page, &passkey.shown(&says));
        }
        let (browser, page, mut says) = asked(place, COUNTER + 2);
        says.kind = "webauthn.create";
        refused(
            "of another ceremony",
            place,
            browser,
            &page,
            &passkey.shown(&says),
        );
        // A copy of the authenticator counts on from an earlier number.
        for counter in [0, COUNTER, COUNTER + 1] {
            let (browser, page, says) = asked(place, counter);
            refused(
                "a counter that has not risen",
                place,
                browser,
                &page,
                &passkey.shown(&says),
            );
        }
        opens(place, &passkey, COUNTER + 2);
    });
}

#[test]
fn x60_a_challenge_is_used_once_and_by_its_browser() {
    on_each(|hospital| {
        let place = &hospital.place;
        let passkey = enrolled(place, &mut hospital.user());
        let (mut browser, page, says) = asked(place, COUNTER + 1);
        let before = browser.clone();
        let shown = passkey.shown(&says);
        let end = browser.submit(&page, &[("passkey", &shown)]);
        assert_eq!((end.status, end.path()), (200, "/auth/apps"), "{end:?}");
        refused("sent again", place, before.clone(), &page, &shown);
        let later = Says {
            counter: COUNTER + 2,
            ..says
        };
        refused("signed again", place, before, &page, &passkey.shown(&later));
        // What one browser was asked is answered in another, as by a page between them.
        let (_, _, says) = asked(place, COUNTER + 3);
        let (other, page, _) = asked(place, COUNTER + 3);
        refused(
            "another browser's",
            place,
            other,
            &page,
            &passkey.shown(&says),
        );
        opens(place, &passkey, COUNTER + 3);
    });
}

#[test]
fn x60_a_passkey_opens_its_own_account_only() {
    on_each(|hospital| {
        let place = &hospital.place;
        let (mut user, mut other) = (hospital.user(), hospital.person("auditor"));
        let (own, others) = (enrolled(place, &mut user), enrolled(place, &mut other));
        let page = other.get(&format!("{}/auth/enrol", place.origin));
        let handle = page.attribute("data-user-handle").unwrap();
        let (browser, page, mut says) = asked(place, COUNTER + 1);
        says.user_handle = Some(handle);
        refused(
            "with another's handle",
            place,
            browser,
            &page,
            &own.shown(&says),
        );
        let (browser, page, says) = asked(place, COUNTER + 1);
        let claiming = own.clone().named_as(&others);
        refused(
            "with another's name",
            place,
            browser,
            &page,
            &claiming.shown(&says),
        );
        // As the second factor after another person's password.
        let mut browser = Browser::new();
        let person = hospital.secrets("auditor");
        let page = sign_in_page(place, &mut browser);
        let (name, password) = (text(&person, "username"), text(&person, "password"));
        let page = browser.submit(&page, &[("username", &name), ("password", &password)]);
        assert_eq!(page.path(), "/auth/second-factor", "{page:?}");
        let says = said(place, &page, COUNTER + 1);
        refused(
            "after another's password",
            place,
            browser,
            &page,
            &own.shown(&says),
        );
        // A credential that is known is nobody else's, whoever makes it.
        let copy = Authenticator::new().named_as(&own);
        let page = make(place, &mut other, &copy, |_| ());
        assert!(!page.html().contains("has been added"), "{page:?}");
        let (browser, page, says) = asked(place, COUNTER + 1);
        refused(
            "made over another's",
            place,
            browser,
            &page,
            &copy.shown(&says),
        );
        opens(place, &own, COUNTER + 1);
        opens(place, &others, COUNTER + 1);
    });
}
