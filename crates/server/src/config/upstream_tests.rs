use crate::config::{Config, load};
use std::os::unix::fs::PermissionsExt;

const ON: [(&str, &str); 4] = [
    ("upstream.issuer", "https://id.example"),
    ("upstream.name", "City Hospital"),
    ("upstream.client_id", "ward"),
    ("upstream.secret_file", "secret"),
];

fn with(changes: &[(&'static str, &str)]) -> Result<Config, String> {
    let kept = ON
        .iter()
        .filter(|(name, _)| changes.iter().all(|(n, _)| n != name));
    let flags = kept
        .chain(changes)
        .map(|(name, value)| (*name, (*value).to_owned()));
    load(None, &flags.collect()).map(|loaded| loaded.config)
}

fn problem(changes: &[(&'static str, &str)]) -> String {
    with(changes).err().unwrap_or_default()
}

#[test]
fn without_an_issuer_there_is_no_provider() {
    let config = load(None, &Vec::new()).expect("the defaults").config;
    assert!(config.upstream.settings().expect("none").is_none());
    assert_eq!(problem(&[]), "");
    let lost = load(None, &vec![("upstream.name", "City".to_owned())]);
    let lost = lost.err().unwrap_or_default();
    assert!(
        lost.contains("upstream.name is set without upstream.issuer"),
        "{lost}"
    );
    let shut = load(None, &vec![("upstream.local_password", "false".to_owned())]);
    let shut = shut.err().unwrap_or_default();
    assert!(
        shut.contains("upstream.local_password is set without"),
        "{shut}"
    );
}

#[test]
fn options_that_do_not_fit_are_named() {
    for (changes, part) in [
        (
            &[("upstream.issuer", "http://id.example")][..],
            "upstream.issuer must be the https:// URL",
        ),
        (
            &[("upstream.issuer", "https://id.example/?x=1")],
            "upstream.issuer must be",
        ),
        (
            &[("upstream.issuer", "http://127.0.0.1:9")],
            "egress.loopback_http",
        ),
        (&[("upstream.name", " ")], "upstream.name is needed"),
        (
            &[("upstream.client_id", "")],
            "upstream.client_id is needed",
        ),
        (
            &[("upstream.secret_file", "")],
            "upstream.secret_file or upstream.secret_environment",
        ),
        (&[("upstream.secret_environment", "X")], "one of the two"),
        (
            &[("upstream.parameters", "{ state = \"x\" }")],
            "holds state",
        ),
        (&[("upstream.roles_claim", "groups")], "belong together"),
        (
            &[
                ("upstream.roles_claim", "groups"),
                ("upstream.roles", "{ a = \"king\" }"),
            ],
            "gives the role king, which there is not",
        ),
        (&[("upstream.two_factor_amr", "[\"\"]")], "no empty values"),
        (
            &[("upstream.unknown_people", "perhaps")],
            "must be refuse or create",
        ),
    ] {
        let problem = problem(changes);
        assert!(problem.contains(part), "{changes:?}: {problem}");
    }
}

/// To whom the client's secret is sent in clear, if to anybody.
#[test]
fn x66_by_http_only_this_machine_is_a_provider() {
    let named = |issuer: &str| {
        problem(&[
            ("upstream.issuer", issuer),
            ("egress.loopback_http", "true"),
        ])
    };
    for here in [
        "http://127.0.0.1:9",
        "http://[::1]:9/realms/a",
        "http://localhost:9",
    ] {
        assert_eq!(named(here), "", "{here}");
    }
    for look_alike in [
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example/realms/a",
        "http://localhostile.example",
        "http://127.0.0.10x",
        "http://id.example",
    ] {
        assert!(
            named(look_alike).contains("upstream.issuer must be"),
            "{look_alike}"
        );
    }
}

#[test]
fn a_secret_is_one_private_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("secret");
    let path_text = path.display().to_string();
    let secret = || {
        let config = with(&[("upstream.secret_file", &path_text)]).expect("valid");
        config.upstream.secret()
    };
    let refused = secret().expect_err("no file");
    assert!(
        refused.contains("upstream.secret_file: cannot read"),
        "{refused}"
    );
    std::fs::write(&path, "s3cret\n").expect("writable");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).expect("a mode");
    let refused = secret().expect_err("open to others");
    assert!(refused.contains("chmod 600"), "{refused}");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("a mode");
    assert_eq!(secret().expect("the secret"), "s3cret");
    for bad in ["", "two\nlines"] {
        std::fs::write(&path, bad).expect("writable");
        let refused = secret().expect_err("no secret");
        assert!(refused.contains("one line of text"), "{refused}");
    }
    // X62
    for default in ["secret", "ChangeMe", "client_secret\n", "password"] {
        std::fs::write(&path, default).expect("writable");
        let refused = secret().expect_err("no secret");
        assert!(refused.contains("everybody tries first"), "{refused}");
    }
    let named = [
        ("upstream.secret_file", ""),
        ("upstream.secret_environment", "WARD_NO_SUCH_SECRET"),
    ];
    let refused = with(&named)
        .expect("valid")
        .upstream
        .secret()
        .expect_err("none");
    assert!(
        refused.contains("no variable WARD_NO_SUCH_SECRET"),
        "{refused}"
    );
}

#[test]
fn the_whole_is_what_the_authorization_server_gets() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("secret");
    std::fs::write(&path, "s").expect("writable");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("a mode");
    let config = with(&[
        ("upstream.secret_file", &path.display().to_string()),
        ("upstream.roles_claim", "groups"),
        ("upstream.roles", "{ doctors = \"physician\" }"),
        ("upstream.unknown_people", "create"),
    ]);
    let settings = config.expect("valid").upstream.settings();
    let settings = settings.expect("a secret").expect("a provider");
    assert_eq!(settings.roles["doctors"], "physician");
    assert_eq!(settings.claims.fhir_user, None);
    assert_eq!(settings.two_factors.amr, ["mfa"]);
    assert!(settings.local_password);
}
