//! X59: what can be guessed at, and what answers tell whoever guesses.

use super::hospital::Hospital;
use crate::apps::{self, Place, VERIFIER, redeem, refresh, text};
use crate::upstream::browser::{Browser, Page};
use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use ward_seal::{TotpSecret, random, totp};

/// 128 bits in base64url; what is handed out has twice as many.
const UNGUESSABLE_CHARACTERS: usize = 22;
const GUESSES: usize = 40;

/// Codes and tokens: all guesses are answered alike, those at what was real once included, and the owner is served meanwhile.
#[test]
fn x59_guessed_codes_and_tokens_open_nothing_and_tell_nothing() {
    Hospital::on_each(|hospital| {
        let Hospital { place, app, .. } = hospital;
        let mut user = hospital.user();
        let used = apps::code(place, &mut user, app);
        let granted = redeem(place, app, &used).expect(200).json();
        let token = text(&granted, "refresh_token");
        let waiting = apps::code(place, &mut user, app);
        let cookie = user.cookie(&place.origin).unwrap();
        let cookie = cookie.split_once('=').unwrap().1;
        let secrets = [used.as_str(), &waiting, &token, cookie];
        for secret in secrets {
            assert!(
                secret.len() >= UNGUESSABLE_CHARACTERS,
                "{} characters",
                secret.len()
            );
        }
        assert_eq!(BTreeSet::from(secrets).len(), secrets.len());
        let mut codes = BTreeSet::from([redeem(place, app, &used).expect(400).text()]);
        let mut tokens = BTreeSet::from([refresh(place, app, &used).expect(400).text()]);
        // What it was for is over by then.
        tokens.insert(refresh(place, app, &token).expect(400).text());
        let mut opened = BTreeSet::new();
        for guess in guesses(&waiting) {
            codes.insert(redeem(place, app, &guess).expect(400).text());
            tokens.insert(refresh(place, app, &guess).expect(400).text());
            opened.insert(outcome(&place.get(&guess, "Patient").expect(401).text()));
        }
        for answers in [codes, tokens, opened] {
            assert_eq!(answers.len(), 1, "{answers:?}");
        }
        redeem(place, app, &waiting).expect(200);
    });
}

/// Random ones, and some near a real one.
fn guesses(real: &str) -> Vec<String> {
    let near = (0..4).map(|n| {
        let mut near: Vec<char> = real.chars().collect();
        near[n] = if near[n] == 'A' { 'B' } else { 'A' };
        near.into_iter().collect::<String>()
    });
    let shapes = ["000000", "a", "null"].map(str::to_owned);
    let random = (0..GUESSES).map(|_| random::token());
    near.chain(shapes).chain(random).collect()
}

/// The text of an OperationOutcome.
fn outcome(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["resourceType"], "OperationOutcome");
    body["issue"].to_string()
}

/// An app that there is and one that there is not, with and without a secret: one answer.
#[test]
fn x59_nobody_learns_which_clients_there_are() {
    Hospital::on_each(|hospital| {
        let Hospital { place, app, .. } = hospital;
        let metadata = serde_json::json!({ "client_name": "Portal", "kind": "confidential",
            "redirect_uris": [apps::CALLBACK], "scope": "openid", "token_endpoint_auth_method": "client_secret_basic" });
        let confidential = apps::registered(place, &mut hospital.admin(), metadata);
        let confidential = text(&confidential, "client_id");
        let with = |client: &str, secret: &str| {
            let mut fields = apps::redeeming(client, "guessed").to_vec();
            fields.push(("client_secret", secret));
            let answer = place.post("/auth/token", &fields);
            (answer.status, answer.text())
        };
        let unknown = with("nobody", "guessed");
        assert_eq!(unknown.0, 401, "{}", unknown.1);
        for client in [&confidential, app, "demo-lab"] {
            assert_eq!(with(client, "guessed"), unknown, "{client}");
        }
        let asked = |path: &str, token: &str| {
            let fields = [("client_id", app.as_str()), ("token", token)];
            let answer = place.post(path, &fields).expect(200);
            answer.text()
        };
        // Whoever asks about a token that is none, or another's, is told as much as about one that is over.
        for path in ["/auth/introspect", "/auth/revoke"] {
            let others = hospital.server.token("loader");
            assert_eq!(
                asked(path, &others),
                asked(path, &random::token()),
                "{path}"
            );
        }
    });
}

/// Whether there is an account: status, page and work are the same.
#[test]
fn x59_nobody_learns_which_accounts_there_are() {
    const TRIES: usize = 4;
    Hospital::on_each(|hospital| {
        let place = &hospital.place;
        let known = ["clinician", "auditor", "admin"];
        let unknown = ["clinicians", "auditon", "nobody"];
        let (mut shown, mut ticks) = (BTreeSet::new(), [0, 0]);
        for _ in 0..TRIES {
            for (at, names) in [known, unknown].into_iter().enumerate() {
                for name in names {
                    let begun = processor_ticks(hospital.server.pid());
                    let page = password(place, &mut Browser::new(), name, "wrong");
                    ticks[at] += processor_ticks(hospital.server.pid()) - begun;
                    assert_eq!(page.status, 400, "{page:?}");
                    shown.insert(shape(&page, name));
                }
            }
        }
        assert_eq!(shown.len(), 1, "{shown:#?}");
        println!("  ticks of work for known and unknown names: {ticks:?}");
        // A hash for each: without it an answer would take a hundredth of the work.
        let [known, unknown] = ticks.map(|ticks| ticks as f64);
        assert!(
            known > 0.0 && (0.4..2.5).contains(&(unknown / known)),
            "{ticks:?}"
        );
    });
}

/// A page without what differs from one to the next.
fn shape(page: &Page, username: &str) -> String {
    let mut html = page.html().replace(&page.csrf(), "");
    html = html.replace(&format!("\"{username}\""), "");
    html
}

/// Processor time of a process, of all its threads, in the system's ticks.
fn processor_ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    fields[11..13]
        .iter()
        .map(|n| n.parse::<u64>().unwrap())
        .sum()
}

/// A code of six digits, or of ten characters: a few at once, then ever more slowly, and its owner is kept out for seconds at most.
#[test]
fn x59_second_factors_are_guessed_slowly() {
    Hospital::on_each(|hospital| {
        let place = &hospital.place;
        let person = hospital.secrets("clinician");
        let mut guesser = Browser::new();
        let page = password(place, &mut guesser, "clinician", &text(&person, "password"));
        assert_eq!(page.path(), "/auth/second-factor", "{page:?}");
        let secret = TotpSecret::from_base32(&text(&person, "totp_secret")).unwrap();
        let right = secret.code(step());
        // Codes and recovery codes are counted together. None of them is the right one.
        let guesses = ["000000", "999999", "7KQ2M-9XDPT", "0", "", "00000-00000"];
        let mut guesses = guesses.into_iter().filter(|guess| *guess != right).cycle();
        let mut taken = 0;
        let waits_s = loop {
            let page = guesser.submit(&page, &[("code", guesses.next().unwrap())]);
            match page.status {
                400 => taken += 1,
                _ => break demand_wait(&page),
            }
            assert!(taken < 12, "so many guesses in a row");
        };
        assert!(taken >= 5, "people mistype");
        // The right one is not looked at before its time, so that a guess is worth nothing.
        let refused = Instant::now();
        let early = guesser.submit(&page, &[("code", &right)]);
        assert!(
            early.status == 429 || refused.elapsed() >= Duration::from_secs(1),
            "{early:?}"
        );
        std::thread::sleep(Duration::from_secs(waits_s + 1));
        let page = guesser.submit(&page, &[("code", &secret.code(step()))]);
        assert!(
            page.status == 200 && page.path() == "/auth/apps",
            "{page:?}"
        );
    });
}

/// Seconds to wait, as the page says.
fn demand_wait(page: &Page) -> u64 {
    assert_eq!(page.status, 429, "{page:?}");
    let said = page.html().split("Try again in ").nth(1);
    let said = said.and_then(|rest| rest.split(' ').next());
    said.and_then(|n| n.parse().ok())
        .unwrap_or_else(|| panic!("{page:?}"))
}

/// Invitations to an account are links: a guessed one is as good as one that is over.
#[test]
fn x59_guessed_invitations_and_sign_ins_are_answered_alike() {
    Hospital::on_each(|hospital| {
        let place = &hospital.place;
        let mut shown = BTreeSet::new();
        for guess in guesses(&random::token()) {
            let url = format!("{}/auth/enrol?invitation={guess}", place.origin);
            let page = Browser::new().ask(&url, None, &[]);
            shown.insert((page.status, page.text()));
        }
        assert_eq!(shown.len(), 1, "{shown:?}");
        let mut tx = BTreeSet::new();
        for guess in guesses(VERIFIER) {
            let url = format!("{}/auth/authorize?tx={guess}", place.origin);
            let page = hospital.user().ask(&url, None, &[]);
            tx.insert((page.status, page.text()));
        }
        assert_eq!(tx.len(), 1, "{tx:?}");
        assert_eq!(tx.first().unwrap().0, 400);
    });
}

/// Sends the form of the sign-in page.
fn password(place: &Place, browser: &mut Browser, username: &str, password: &str) -> Page {
    let page = browser.get(&format!("{}/auth/sign-in", place.origin));
    browser.submit(&page, &[("username", username), ("password", password)])
}

fn step() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    totp::step(i64::try_from(since.as_secs()).unwrap())
}
