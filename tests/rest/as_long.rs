//! Whether two requests can be told apart by how long they take (S79, S99).

use crate::apps::Place;
use crate::rest::on_own;
use std::time::{Duration, Instant};

const TRIES: usize = 5;
const ASKED: usize = 200;

/// The medians of requests that take turns differ by less than a fifth. Tried again where the machine was busy: what is slower by
/// itself is so each time.
pub fn take_as_long(first: &dyn Fn(), second: &dyn Fn()) -> bool {
    (0..TRIES).any(|_| {
        let mut taken = [Vec::with_capacity(ASKED), Vec::with_capacity(ASKED)];
        for _ in 0..ASKED {
            for (ask, taken) in [first, second].into_iter().zip(&mut taken) {
                let begun = Instant::now();
                ask();
                taken.push(begun.elapsed());
            }
        }
        let [first, second] = taken.map(|mut all: Vec<Duration>| {
            all.sort_unstable();
            all[ASKED / 2].as_secs_f64()
        });
        (0.8..1.2).contains(&(second / first))
    })
}

/// Whoever may ask about their own tokens alone learns of another's nothing, neither by the answer nor by its time.
#[test]
fn s99_known_and_unknown_tokens_take_as_long() {
    let settings = [
        ("rates.client_per_minute", "0"),
        ("rates.unauthenticated_per_minute", "0"),
        ("rates.failures_per_minute", "0"),
    ];
    on_own(&settings, |server, _| {
        let place = Place::of(server);
        let own = format!("Bearer {}", server.token("lab"));
        let known = server.token("billing");
        let (signed, signature) = known.rsplit_once('.').unwrap();
        let forged = format!("{signed}.{}", "A".repeat(signature.len()));
        let other = "x".repeat(known.len());
        let ask = |token: &str| {
            let url = format!("{}/auth/introspect", place.origin);
            let request = place
                .http
                .request("POST", &url)
                .header("Authorization", &own);
            let form = format!("token={token}").into_bytes();
            let answer = request
                .body("application/x-www-form-urlencoded", form)
                .send();
            assert_eq!(answer.expect(200).text(), r#"{"active":false}"#);
        };
        for unknown in [&forged, &other] {
            assert!(
                take_as_long(&|| ask(unknown), &|| ask(&known)),
                "{}",
                unknown == &forged
            );
        }
    });
}
