use crate::answers::*;
use crate::asks::*;
use crate::browser::{Browser, enrolled};
use crate::house::*;
use ward_smart::state::{Authorization, LaunchContext, LaunchValues};
use ward_smart::{Answer, Endpoint, Page};

pub async fn s17_get_and_post_lead_to_a_code(house: House) {
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    for method in ["GET", "POST"] {
        let ask = Ask {
            method,
            ..asked("openid user/Patient.rs").ask().cookie(&cookie)
        };
        let begun = house.ask(Endpoint::Authorize, &ask).await;
        let page = house.follow(begun, &cookie, NOW_S).await;
        let answer = house.approve_page(page, &cookie, NOW_S, |_| true).await;
        let parameters = returned(&answer);
        assert_eq!(parameters["state"], "the state");
        // S25
        assert_eq!(parameters["iss"], ISSUER);
        // S26: 256 bits
        assert!(parameters["code"].len() >= 43);
    }
}

/// A browser sends a form of another site without the cookie, and the cookie with where that leads.
pub async fn s17_a_form_from_another_site_finds_who_is_signed_in(house: House) {
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    let post = Ask {
        method: "POST",
        ..asked("openid user/Patient.rs").ask()
    };
    let begun = house.ask(Endpoint::Authorize, &post).await;
    let Answer::Redirect { to, .. } = &begun else {
        panic!("no redirect: {begun:?}")
    };
    assert!(to.starts_with("/auth/authorize?tx="), "{to}");
    let page = house.follow(begun, &cookie, NOW_S).await;
    let answer = house.approve_page(page, &cookie, NOW_S, |_| true).await;
    assert!(returned(&answer).contains_key("code"));
    // Whoever is not signed in comes to the sign-in page.
    let begun = house.ask(Endpoint::Authorize, &post).await;
    let page = house.follow(begun, "", NOW_S).await;
    assert!(matches!(shown(page), Page::SignIn(_)));
    // What is wrong is told at once.
    let spoilt = post.without("state");
    let answer = house.ask(Endpoint::Authorize, &spoilt).await;
    assert_eq!(returned(&answer)["error"], "invalid_request");
}

/// An app may ask for a passkey of somebody who has none: they add one, or go back to the app.
pub async fn s37_without_a_passkey_there_is_a_way_on(house: House) {
    house.app(|_| ()).await;
    let (secret, _) = enrolled(&house, "curie").await;
    let mut browser = Browser::new(&house);
    browser.sign_in("curie", &secret, None).await;
    let request = asked("openid").with("acr_values", "phr").at(browser.now_s);
    let begun = browser.ask(Endpoint::Authorize, request.ask()).await;
    let page = house.follow(begun, &browser.cookie, browser.now_s).await;
    let Page::SecondFactor(page) = shown(page) else {
        panic!("no second factor")
    };
    assert!(!page.takes_code && page.passkey_challenge.is_none());
    let only = page.only_passkey.unwrap();
    assert_eq!(only.app.as_deref(), Some("My Health"));
    // Where one is added, it is known what it is for.
    let add = only.add.unwrap();
    let Page::Factors(factors) = shown(browser.get(&add).await) else {
        panic!("no factors at {add}")
    };
    assert_eq!(factors.form.action, add);
    let back = browser.send(&page.form, &[("decision", "back")]).await;
    assert_eq!(error(&back), "unmet_authentication_requirements");
}

pub async fn s18_the_audience_is_this_server_to_the_letter(house: House) {
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    for wrong in [
        "https://other.example/fhir",
        "https://ward.example/fhir/",
        "http://ward.example/fhir",
        "https://ward.example",
        "https://ward.example/FHIR",
    ] {
        let answer = house
            .authorize(&asked("openid").with("aud", wrong), &cookie)
            .await;
        assert_eq!(error(&answer), "invalid_request", "{wrong}");
    }
    let answer = house
        .authorize(&asked("openid").without("aud"), &cookie)
        .await;
    assert_eq!(error(&answer), "invalid_request");
}

pub async fn s19_s20_pkce_is_s256_or_nothing(house: House) {
    house.confidential("secret").await;
    let cookie = house.clinician().await;
    for spoilt in [
        asked("openid").without("code_challenge"),
        asked("openid").without("code_challenge_method"),
        asked("openid").with("code_challenge_method", "plain"),
        asked("openid").with("code_challenge", "short"),
        asked("openid").with("code_challenge", ""),
    ] {
        let answer = house.authorize(&spoilt, &cookie).await;
        assert_eq!(error(&answer), "invalid_request");
    }
}

pub async fn s21_state_is_needed_and_comes_back(house: House) {
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    let answer = house
        .authorize(&asked("openid").without("state"), &cookie)
        .await;
    assert_eq!(error(&answer), "invalid_request");
    for state in ["a b&c=d#é%20+", &"x".repeat(4096)] {
        let answer = house
            .approve(&asked("openid").with("state", state), &cookie)
            .await;
        assert_eq!(returned(&answer)["state"], state);
    }
    let long = asked("openid").with("state", &"x".repeat(64 * 1024));
    let answer = house.authorize(&long, &cookie).await;
    assert_eq!(answer.status(), 400);
    let twice = asked("openid").twice("state", "another");
    assert_eq!(
        error(&house.authorize(&twice, &cookie).await),
        "invalid_request"
    );
}

pub async fn s22_s23_who_is_unknown_gets_a_page(house: House) {
    let cookie = house.clinician().await;
    let page = |answer: Answer| {
        assert_eq!(answer.status(), 400);
        assert!(matches!(shown(answer), Page::Message(message) if message.is_error));
    };
    page(house.authorize(&asked("openid"), &cookie).await);
    house.app(|_| ()).await;
    page(
        house
            .authorize(
                &asked("openid").with("redirect_uri", "https://app.example/cb/"),
                &cookie,
            )
            .await,
    );
    page(
        house
            .authorize(&asked("openid").without("redirect_uri"), &cookie)
            .await,
    );
    page(
        house
            .authorize(
                &asked("openid").twice("redirect_uri", "https://evil.example"),
                &cookie,
            )
            .await,
    );
    page(
        house
            .authorize(&asked("openid").twice("client_id", "other"), &cookie)
            .await,
    );
    for state in [
        ward_smart::state::ClientState::Suspended,
        ward_smart::state::ClientState::Pending,
    ] {
        house.app(|client| client.state = state).await;
        page(house.authorize(&asked("openid"), &cookie).await);
    }
}

pub async fn s24_s36_other_ways_are_not_taken(house: House) {
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    for kind in ["token", "id_token", "code token", "code id_token"] {
        let answer = house
            .authorize(&asked("openid").with("response_type", kind), &cookie)
            .await;
        assert_eq!(error(&answer), "unsupported_response_type", "{kind}");
    }
    let unsigned = "eyJhbGciOiJub25lIn0.e30.";
    let answer = house
        .authorize(&asked("openid").with("request", unsigned), &cookie)
        .await;
    assert_eq!(error(&answer), "invalid_request");
    // A page: what a stranger's document would say of state and redirect is not asked for.
    let foreign = asked("openid").with("request_uri", "http://169.254.169.254/latest");
    assert_eq!(house.authorize(&foreign, &cookie).await.status(), 400);
    assert!(
        house.shelf.asked.lock().unwrap().is_empty(),
        "nothing is fetched"
    );
    let fragment = asked("openid").with("response_mode", "fragment");
    assert_eq!(
        error(&house.authorize(&fragment, &cookie).await),
        "invalid_request"
    );
}

pub async fn s28_s29_launch_and_its_scope_belong_together(house: House) {
    house.app(|_| ()).await;
    house.patient("p1", "Lovelace").await;
    let cookie = house.clinician().await;
    let launch = |id: &str, user: Option<&str>| LaunchContext {
        id: id.into(),
        user: user.map(str::to_owned),
        values: LaunchValues {
            from_ehr: true,
            patient: Some("p1".into()),
            ..LaunchValues::default()
        },
        expires_s: NOW_S + 300,
        ..LaunchContext::default()
    };
    let request = |id: &str| asked("launch openid patient/*.rs").with("launch", id);
    for spoilt in [
        asked("launch openid"),
        asked("openid").with("launch", "1"),
        request("unknown"),
    ] {
        assert_eq!(
            error(&house.authorize(&spoilt, &cookie).await),
            "invalid_request"
        );
    }
    house.keep(&launch("1", Some("Practitioner/doctor"))).await;
    let used = house.approve(&request("1"), &cookie).await;
    assert!(returned(&used).contains_key("code"));
    assert_eq!(
        error(&house.authorize(&request("1"), &cookie).await),
        "invalid_request",
        "used"
    );
    house.keep(&launch("2", None)).await;
    let late = request("2").at(NOW_S + 301);
    assert_eq!(
        error(&house.authorize(&late, &cookie).await),
        "invalid_request",
        "too old"
    );
    house.keep(&launch("3", Some("Practitioner/other"))).await;
    assert_eq!(
        error(&house.authorize(&request("3"), &cookie).await),
        "invalid_request",
        "another user"
    );
}

pub async fn s30_no_page_is_passed_over_and_forms_are_ours(house: House) {
    house.app(|_| ()).await;
    house.patient("p1", "Lovelace").await;
    let cookie = house.clinician().await;
    let begun = house
        .ask(
            Endpoint::Authorize,
            &asked("patient/*.rs").ask().cookie(&cookie),
        )
        .await;
    let Answer::Redirect { to, .. } = &begun else {
        panic!("{begun:?}")
    };
    let tx = to.split_once("tx=").unwrap().1.to_owned();
    // The patient is not chosen yet: approval is not open.
    let early = Ask::post(&[
        ("tx", &tx),
        ("decision", "approve"),
        ("scope", "patient/*.rs"),
    ]);
    let answer = house
        .ask(Endpoint::Approve, &early.clone().cookie(&cookie))
        .await;
    assert!(
        matches!(&answer, Answer::Redirect { to, .. } if to.starts_with("/auth/authorize?")),
        "{answer:?}"
    );
    let nobody = house.ask(Endpoint::Approve, &early).await;
    assert!(matches!(&nobody, Answer::Redirect { to, .. } if to.starts_with("/auth/authorize?")));
    let forged = Ask::post(&[("tx", &tx), ("patient", "p1")]).cookie(&cookie);
    assert_eq!(
        house.ask(Endpoint::ChoosePatient, &forged).await.status(),
        400
    );
    let forged = forged.with("csrf", "guess");
    assert_eq!(
        house.ask(Endpoint::ChoosePatient, &forged).await.status(),
        400
    );
    let held: Authorization = house.held(&tx, NOW_S).await.unwrap();
    assert_eq!(held.patient, None);
}

pub async fn s31_whoever_says_no_gives_nothing(house: House) {
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    let page = house.authorize(&asked("openid user/*.rs"), &cookie).await;
    let Page::Approve(page) = shown(page) else {
        panic!("no page of approval")
    };
    let deny = |decision| {
        Ask::post(&[
            ("csrf", &page.form.csrf),
            ("decision", decision),
            ("scope", "user/*.rs"),
        ])
        .query(&page.form.action)
        .cookie(&cookie)
    };
    let answer = house.ask(Endpoint::Approve, &deny("deny")).await;
    assert_eq!(error(&answer), "access_denied");
    assert_eq!(returned(&answer)["state"], "the state");
    let again = house.ask(Endpoint::Approve, &deny("approve")).await;
    assert_eq!(again.status(), 400, "it is over");
}

pub async fn s32_unknown_scopes_are_dropped(house: House) {
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    let some =
        asked("openid user/Patient.rs user/Patient.read-only patient/Foo.rs system/*.rs nonsense");
    let token = house.tokens(&some, &cookie).await;
    assert_eq!(token["scope"], "openid user/Patient.rs");
    for none in ["nonsense", "system/*.cruds", ""] {
        let answer = house.authorize(&asked(none), &cookie).await;
        assert_eq!(error(&answer), "invalid_scope", "{none}");
    }
    // S72
    let bad = asked("openid user/Observation.rs?_has:Group:member:_id=1");
    assert_eq!(
        error(&house.authorize(&bad, &cookie).await),
        "invalid_scope"
    );
}

/// A role that this server does not know is left out: the context of its type is given without it (S86).
pub async fn s86_a_role_that_is_not_understood_is_left_out(house: House) {
    house.app(|_| ()).await;
    house.patient("p1", "Lovelace").await;
    let cookie = house.patient_account("p1").await;
    let role = "role=http://example.org/roles|relative";
    let scope = format!("launch/patient?{role} launch/location?{role} patient/*.rs");
    let page = house.authorize(&asked(&scope), &cookie).await;
    let answer = house.approve_page(page, &cookie, NOW_S, |_| true).await;
    let token = ok(house.ask(Endpoint::Token, &redeem(&code(&answer))).await);
    assert_eq!(token["scope"], "launch/patient patient/*.rs");
    assert_eq!(token["patient"], "p1");
    assert!(!token.to_string().contains("relative"), "{token}");
}

pub async fn s33_the_page_says_what_is_asked(house: House) {
    house.app(|client| client.verified = true).await;
    house.patient("p1", "Lovelace").await;
    let cookie = house.patient_account("p1").await;
    let request = asked("openid launch/patient patient/Observation.rs offline_access");
    let Page::Approve(page) = shown(house.authorize(&request, &cookie).await) else {
        panic!("no page of approval")
    };
    assert_eq!(page.app.name, "My Health");
    assert!(page.app.verified);
    assert_eq!(page.app.host, "app.example");
    assert_eq!(page.patient.as_deref(), Some("Ada Lovelace"));
    let away: Vec<_> = page.asked.iter().filter(|asked| asked.away).collect();
    assert!(matches!(&away[..], [one] if one.scope == "offline_access" && !one.fixed));
    let words: Vec<_> = page.asked.iter().map(|a| a.words.as_str()).collect();
    assert!(
        words[2].starts_with("See your laboratory results"),
        "{words:?}"
    );
    // The person may drop offline access and keep the rest.
    let kept = |scope: &str| scope != "offline_access";
    let page = house.authorize(&request, &cookie).await;
    let answer = house
        .approve_page(page, &cookie, NOW_S, |s| kept(s) && !s.contains('?'))
        .await;
    let token = ok(house.ask(Endpoint::Token, &redeem(&code(&answer))).await);
    assert_eq!(
        token["scope"],
        "openid launch/patient patient/Observation.rs"
    );
    assert!(token.get("refresh_token").is_none());
}

pub async fn s35_pushed_requests_are_used_once(house: House) {
    house.app(|client| client.require_par = true).await;
    let cookie = house.clinician().await;
    let front = house.authorize(&asked("openid"), &cookie).await;
    assert_eq!(error(&front), "invalid_request");
    let push = |asked: &Asked| Ask {
        method: "POST",
        ..asked.ask()
    };
    let spoilt = push(&asked("openid").with("aud", "https://other.example"));
    assert_eq!(
        refused(
            house
                .ask(Endpoint::PushedAuthorizationRequest, &spoilt)
                .await
        )
        .1,
        "invalid_request"
    );
    let pushed = house
        .ask(
            Endpoint::PushedAuthorizationRequest,
            &push(&asked("openid")),
        )
        .await;
    assert_eq!(pushed.status(), 201);
    let pushed = json_of(pushed);
    assert!(pushed["expires_in"].as_i64().unwrap() <= 90);
    let uri = pushed["request_uri"].as_str().unwrap().to_owned();
    let by_uri = |client: &str, now_s| Asked {
        pairs: vec![
            ("client_id".into(), client.into()),
            ("request_uri".into(), uri.clone()),
        ],
        now_s,
    };
    house.app(|client| client.client_id = "other".into()).await;
    assert_eq!(
        house
            .authorize(&by_uri("other", NOW_S), &cookie)
            .await
            .status(),
        400,
        "another client"
    );
    assert_eq!(
        house
            .authorize(&by_uri("app", NOW_S + 91), &cookie)
            .await
            .status(),
        400,
        "too late"
    );
    let answer = house.approve(&by_uri("app", NOW_S), &cookie).await;
    assert_eq!(returned(&answer)["state"], "the state");
    assert_eq!(
        house
            .authorize(&by_uri("app", NOW_S), &cookie)
            .await
            .status(),
        400,
        "used"
    );
}

pub async fn s37_silence_needs_a_session_and_an_agreement(house: House) {
    house.app(|_| ()).await;
    let silent = asked("openid user/Patient.rs").with("prompt", "none");
    assert_eq!(error(&house.authorize(&silent, "").await), "login_required");
    let cookie = house.clinician().await;
    assert_eq!(
        error(&house.authorize(&silent, &cookie).await),
        "interaction_required"
    );
    house.tokens(&asked("openid user/*.rs"), &cookie).await;
    assert!(returned(&house.authorize(&silent, &cookie).await).contains_key("code"));
    let more = asked("openid user/Patient.cruds").with("prompt", "none");
    assert_eq!(
        error(&house.authorize(&more, &cookie).await),
        "interaction_required"
    );
    let password = house
        .signed_in(|session| {
            session.account = "weak".into();
            session.acr = "pwd".into();
        })
        .await;
    assert_eq!(
        error(&house.authorize(&silent, &password).await),
        "login_required"
    );
    let odd = asked("openid").with("prompt", "none login");
    assert_eq!(
        error(&house.authorize(&odd, &cookie).await),
        "invalid_request"
    );
}

pub async fn s37_a_fresh_sign_in_can_be_asked_for(house: House) {
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    let goes_to = |answer: Answer| match answer {
        Answer::Redirect { to, .. } => to.split('?').next().unwrap().to_owned(),
        other => panic!("{other:?}"),
    };
    let later = NOW_S + 100;
    for (name, value, page) in [
        ("max_age", "0", "/auth/sign-in"),
        ("max_age", "99", "/auth/sign-in"),
        ("max_age", "100", "/auth/approve"),
        ("prompt", "login", "/auth/sign-in"),
        ("acr_values", "phr", "/auth/second-factor"),
        ("acr_values", "phr mfa", "/auth/approve"),
        ("acr_values", "unknown", "/auth/approve"),
    ] {
        let request = asked("openid").with(name, value).at(later);
        let answer = house
            .ask(Endpoint::Authorize, &request.ask().cookie(&cookie))
            .await;
        assert_eq!(goes_to(answer), page, "{name}={value}");
    }
    // A sign-in that was made since will do, without the request being sent again.
    let begun = house
        .ask(
            Endpoint::Authorize,
            &asked("openid")
                .with("prompt", "login")
                .at(later)
                .ask()
                .cookie(&cookie),
        )
        .await;
    let Answer::Redirect { to, .. } = begun else {
        panic!("no redirect")
    };
    let fresh = house
        .signed_in(|session| {
            session.account = "doctor".into();
            session.auth_time_s = later;
        })
        .await;
    let resumed = Ask::get(to.split_once('?').unwrap().1)
        .cookie(&fresh)
        .at(later);
    assert_eq!(
        goes_to(house.ask(Endpoint::Authorize, &resumed).await),
        "/auth/approve"
    );
}

pub async fn s38_authorizations_side_by_side_do_not_mix(house: House) {
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    let mut pages = Vec::new();
    for n in 0..5 {
        let request = asked("openid user/Patient.rs").with("state", &format!("state {n}"));
        pages.push(house.authorize(&request, &cookie).await);
    }
    let mut codes = std::collections::BTreeSet::new();
    for (n, page) in pages.into_iter().enumerate().rev() {
        let answer = house.approve_page(page, &cookie, NOW_S, |_| true).await;
        assert_eq!(returned(&answer)["state"], format!("state {n}"));
        codes.insert(code(&answer));
    }
    assert_eq!(codes.len(), 5);
}
