//! The evidence of an access review as an auditor checks it: with the key of the log, without the server; and what a server that is killed
//! leaves of its decisions.

use super::keys;
use crate::apps::{self, Place};
use crate::audit::left;
use crate::people;
use std::process::Output;
use std::time::Instant;
use ward_testkit::{Server, Start, backends};

#[test]
fn c14_evidence_is_checked_without_the_server_and_decisions_outlive_it() {
    for backend in backends() {
        let server = Server::start(Start::empty(backend));
        let place = Place::of(&server);
        let mut admin = apps::signed_in(&server, &place, "admin");
        people::invited(&place, &mut admin, "newcomer", &[("role", "physician")]);
        let page = admin.get(&format!("{}/auth/access-reviews", place.origin));
        let deadline = crate::consent::day(10);
        let open = [
            ("decision", "open"),
            ("name", "Autumn"),
            ("deadline", deadline.as_str()),
            ("kind", "role"),
            ("reviewers", "admin\nnewcomer"),
        ];
        let review = admin.submit(&page, &open);
        let item = review.html().split_once("id=\"item-").expect("an item").1;
        let item = item.split_once('"').unwrap().0.to_owned();
        let reason = ("reason", "left in October");
        let decide = |decision| [("decision", decision), ("item", item.as_str()), reason];
        let kept = admin.submit(&review, &decide("keep"));
        assert!(kept.html().contains("1 item is kept."), "{kept:?}");
        let decided = admin.submit(&review, &decide("revoke"));
        assert!(decided.html().contains("1 item is revoked."), "{decided:?}");
        // The log has its key within a second of its first record.
        let begun = Instant::now();
        let evidence = loop {
            let taken = admin.follow(&review, "Evidence, signed (JSON)");
            if taken.status == 200 {
                break taken.html().to_owned();
            }
            assert!(begun.elapsed() < super::SIGNED_WITHIN, "{taken:?}");
        };
        let key = keys(&server).pop().expect("a key");
        let said = verified(&server, &evidence, &key);
        assert!(said.status.success(), "{said:?}");
        let told = super::text(&said);
        assert!(
            told.contains("Autumn") && told.contains("revoke      1"),
            "{told}"
        );
        assert!(told.contains("Changed   1\n"), "{told}");
        for (from, to) in [
            ("left in October", "left in Octobre"),
            ("\"revoke\"", "\"keep\""),
        ] {
            let changed = evidence.replace(from, to);
            assert_ne!(changed, evidence);
            assert_eq!(verified(&server, &changed, &key).status.code(), Some(3));
        }
        let (start, home) = server.kill();
        let (_, home) = Server::start_in(start, home).stop();
        let records = left::read(&home);
        let revoked = |record: &&ward_audit::Record| {
            record.interaction == "access-reviews" && record.detail.subtype == "revoke"
        };
        assert_eq!(records.iter().filter(revoked).count(), 1);
    }
}

fn verified(server: &Server, evidence: &str, key: &str) -> Output {
    let file = server.home.folder.path().join("evidence.json");
    std::fs::write(&file, evidence).unwrap();
    let mut command = std::process::Command::new(ward_testkit::ward_binary());
    command.args(["audit", "verify-evidence", file.to_str().unwrap()]);
    command.args(["--key", key]).output().unwrap()
}
