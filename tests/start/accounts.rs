//! `ward account`: the first administrator, before a server runs.

use super::{home, ward};
use std::process::Output;
use ward_testkit::{Backend, Client, Home, Server, Start, backends};

fn account(home: &Home, arguments: &[&str]) -> Output {
    ward("account", home).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn an_invitation_opens_at_the_server_and_a_disabled_account_does_not() {
    for backend in backends() {
        let home = home(backend);
        let add = [
            "add",
            "Okafor",
            "--name",
            "Imani Okafor",
            "--role",
            "system-administrator",
        ];
        let made = account(&home, &add);
        assert!(made.status.success(), "{}", text(&made.stderr));
        let said = text(&made.stdout);
        let (_, path) = said.lines().next().unwrap().split_once("/auth/").unwrap();
        let again = account(&home, &add);
        assert!(text(&again.stderr).contains("There is an account of this user name."));
        let (home, answer) = asked(home, backend, path);
        assert_eq!(answer, 200);
        assert!(account(&home, &["disable", "okafor"]).status.success());
        let (home, answer) = asked(home, backend, path);
        assert_eq!(answer, 400, "closed");
        assert!(account(&home, &["enable", "okafor"]).status.success());
        let reset = text(&account(&home, &["reset", "okafor"]).stdout);
        assert!(reset.contains("/auth/enrol?invitation="), "{reset}");
        let (home, answer) = asked(home, backend, path);
        assert_eq!(answer, 400, "the link of before has ended");
        let (_, path) = reset.lines().next().unwrap().split_once("/auth/").unwrap();
        assert_eq!(asked(home, backend, path).1, 200);
    }
}

/// Status of a page of a server that runs for it alone.
fn asked(home: Home, backend: Backend, path: &str) -> (Home, u16) {
    let server = Server::start_in(Start::empty(backend), home);
    let origin = server.base.strip_suffix("/fhir").unwrap().to_owned();
    let answer = Client::new(&format!("{origin}/auth"), None).get(path);
    (server.stop().1, answer.status)
}

#[test]
fn what_is_wrong_is_said() {
    let home = home(Backend::Sqlite);
    for (arguments, why) in [
        (
            &["add", "a", "--name", "A", "--role", "emperor"][..],
            "there is no role emperor",
        ),
        (&["add", "a b", "--name", "A"], "A user name has letters"),
        (
            &["add", "a", "--name", "A", "--resource", "Device/1"],
            "Practitioner/123",
        ),
        (
            &["disable", "nobody"],
            "There is no account of this user name.",
        ),
    ] {
        let refused = account(&home, arguments);
        assert_eq!(refused.status.code(), Some(1));
        assert!(
            text(&refused.stderr).contains(why),
            "{}",
            text(&refused.stderr)
        );
    }
}
