use crate::answers::*;
use crate::asks::*;
use crate::house::*;
use crate::systems;
use serde_json::Value;
use ward_smart::discovery::security_element;
use ward_smart::fetch::Outgoing;
use ward_smart::signing_keys::{KEPT_S, KEY_PERIOD_S, PUBLISHED_AHEAD_S};
use ward_smart::state::{LaunchContext, LaunchValues};
use ward_smart::{Answer, AuthorizationServer, Cache, Claims, Endpoint, Secrets, Settings};

async fn document(house: &House, endpoint: Endpoint) -> Value {
    // Whatever is presented with it is ignored (S2).
    let ask = Ask::get("").authorization("Bearer nonsense");
    ok(house.ask(endpoint, &ask).await)
}

fn texts(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_str().unwrap())
        .collect()
}

pub async fn s1_to_s9_the_configuration_says_what_is_served(house: House) {
    let config = document(&house, Endpoint::SmartConfiguration).await;
    assert_eq!(
        config["authorization_endpoint"],
        format!("{ISSUER}/auth/authorize")
    );
    assert_eq!(config["token_endpoint"], format!("{ISSUER}/auth/token"));
    assert_eq!(texts(&config["code_challenge_methods_supported"]), ["S256"]);
    let grants = texts(&config["grant_types_supported"]);
    assert!(grants.contains(&"authorization_code") && grants.contains(&"client_credentials"));
    assert!(!grants.contains(&"password") && !grants.contains(&"implicit"));
    assert!(texts(&config["token_endpoint_auth_methods_supported"]).contains(&"private_key_jwt"));
    assert_eq!(
        texts(&config["token_endpoint_auth_signing_alg_values_supported"]),
        ["RS384", "ES384", "PS256", "ES256", "EdDSA"]
    );
    let methods = texts(&config["token_endpoint_auth_methods_supported"]);
    assert!(methods.contains(&"tls_client_auth"));
    assert_eq!(config["tls_client_certificate_bound_access_tokens"], true);
    // Nobody can show a certificate to a server that asks for none.
    let silent = AuthorizationServer::open(
        house.engine.clone(),
        Settings::for_base(BASE),
        Secrets {
            forms: [1; 32],
            nonces: [2; 32],
        },
        Outgoing::all(house.shelf.clone()),
        NOW_S,
    )
    .await
    .unwrap();
    let told = ok(Ask::get("").of(&silent, Endpoint::SmartConfiguration).await);
    assert!(!texts(&told["token_endpoint_auth_methods_supported"]).contains(&"tls_client_auth"));
    assert_eq!(told["tls_client_certificate_bound_access_tokens"], false);
    assert!(texts(&config["capabilities"]).contains(&"sso-openid-connect"));
    assert_eq!(config["issuer"], ISSUER);
    for name in [
        "jwks_uri",
        "introspection_endpoint",
        "revocation_endpoint",
        "management_endpoint",
        "registration_endpoint",
        "user_access_brand_bundle",
        "pushed_authorization_request_endpoint",
    ] {
        let url = config[name].as_str().unwrap();
        let path = url
            .strip_prefix(ISSUER)
            .unwrap_or_else(|| panic!("{name}: {url}"));
        assert!(Endpoint::at(path).is_some(), "{name} is served");
    }
    // S16
    let answer = house.ask(Endpoint::SmartConfiguration, &Ask::get("")).await;
    let Answer::Json {
        cache: Cache::Public { max_age_s },
        ..
    } = answer
    else {
        panic!("{answer:?}")
    };
    assert!(max_age_s <= 3600);
    // S13
    let element = security_element(&Settings::for_base(BASE));
    assert_eq!(element["service"][0]["coding"][0]["code"], "SMART-on-FHIR");
    let uris = &element["extension"][0]["extension"];
    assert_eq!(uris[0]["valueUri"], config["authorization_endpoint"]);
    assert_eq!(uris[1]["valueUri"], config["token_endpoint"]);
}

/// S9: whatever is listed, somebody who asks for it is granted it.
pub async fn s9_each_listed_scope_is_granted_to_somebody(house: House) {
    house.app(|_| ()).await;
    house.patient("p1", "Lovelace").await;
    let (doctor, patient) = (house.clinician().await, house.patient_account("p1").await);
    let key = systems::lab(&house).await;
    systems::widened(&house, "system/*.cruds").await;
    let config = document(&house, Endpoint::SmartConfiguration).await;
    let listed = texts(&config["scopes_supported"]);
    assert!(listed.len() > 10, "{listed:?}");
    for (n, scope) in listed.into_iter().enumerate() {
        let token = match scope.split_once('/') {
            Some(("system", _)) => {
                let ask = systems::by(&key, &systems::assertion_claims(&n.to_string()));
                ok(house.ask(Endpoint::Token, &ask.with("scope", scope)).await)
            }
            Some(("patient", _)) => {
                let request = asked(&format!("launch/patient {scope}"));
                house.tokens(&request, &patient).await
            }
            None if scope == "launch" => {
                let launch = LaunchContext {
                    id: "from the EHR".into(),
                    values: LaunchValues {
                        from_ehr: true,
                        patient: Some("p1".into()),
                        ..LaunchValues::default()
                    },
                    expires_s: NOW_S + 300,
                    ..LaunchContext::default()
                };
                house.keep(&launch).await;
                let request = asked("launch patient/*.rs").with("launch", &launch.id);
                house.tokens(&request, &doctor).await
            }
            _ if scope == "launch/patient" => {
                house
                    .tokens(&asked("launch/patient patient/*.rs"), &patient)
                    .await
            }
            _ => {
                let request = asked(&format!("openid user/Patient.rs {scope}"));
                house.tokens(&request, &doctor).await
            }
        };
        let granted = token["scope"].as_str().unwrap();
        assert!(
            granted.split(' ').any(|one| one == scope),
            "{scope}: {granted}"
        );
    }
}

pub async fn s14_both_documents_agree(house: House) {
    let smart = document(&house, Endpoint::SmartConfiguration).await;
    let openid = document(&house, Endpoint::OpenIdConfiguration).await;
    for name in [
        "issuer",
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "introspection_endpoint",
        "revocation_endpoint",
        "scopes_supported",
        "grant_types_supported",
    ] {
        assert_eq!(smart[name], openid[name], "{name}");
        assert!(!openid[name].is_null(), "{name}");
    }
    assert!(texts(&openid["id_token_signing_alg_values_supported"]).contains(&"RS256"));
}

pub async fn s15_keys_are_public_and_distinct(house: House) {
    let set = document(&house, Endpoint::Jwks).await;
    let keys = set["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    let mut kids: Vec<_> = keys
        .iter()
        .map(|key| key["kid"].as_str().unwrap())
        .collect();
    kids.dedup();
    assert_eq!(kids.len(), 2);
    for key in keys {
        assert_eq!(key["use"], "sig");
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(private).is_none(), "{private}");
        }
        let bare = key.get("n").is_some() && key.get("e").is_some()
            || ["crv", "x", "y"]
                .iter()
                .all(|name| key.get(*name).is_some());
        assert!(bare, "{key}");
    }
}

/// X63: nobody's token fails while keys are exchanged, whichever node minted it and whichever is asked.
pub async fn s15_nodes_agree_on_keys_and_rotation_loses_no_token(house: House) {
    let Some(other) = house.another().await else {
        return;
    };
    let claims = Claims {
        subject: "s".into(),
        client_id: "s".into(),
        scope: "system/*.rs".into(),
        lifetime_s: 3600,
        ..Claims::default()
    };
    let mut now_s = NOW_S;
    let mut kids = std::collections::BTreeSet::new();
    let step_s = 1800;
    while now_s < NOW_S + KEY_PERIOD_S + PUBLISHED_AHEAD_S + 2 * KEPT_S {
        for (minting, checking) in [(&house.server, &other), (&other, &house.server)] {
            minting.tend(now_s).await.unwrap();
            for node in [minting, checking] {
                node.watch(now_s + 1).await.unwrap();
            }
            let token = minting.tokens().mint(&claims, now_s).unwrap().token;
            kids.insert(token.split('.').next().unwrap().to_owned());
            assert!(checking.tokens().verify(&token, now_s + 1).is_ok());
            checking.watch(now_s + 3599).await.unwrap();
            assert!(
                checking.tokens().verify(&token, now_s + 3599).is_ok(),
                "to its end"
            );
        }
        now_s += if kids.len() == 1 && now_s < NOW_S + KEY_PERIOD_S - 2 * PUBLISHED_AHEAD_S {
            24 * 3600
        } else {
            step_s
        };
    }
    assert_eq!(kids.len(), 2, "one exchange");
}

/// The exchange is on record, and nothing is where nothing is due.
pub async fn s15_an_exchange_of_keys_is_recorded(house: House) {
    let rotations = || {
        let records = house.engine.log().records_from(1, 10_000).unwrap();
        let own = records.into_iter().map(|(_, record)| record);
        own.filter(|r| r.interaction == "keys" && r.detail.subtype == "rotate")
            .count()
    };
    house.server.tend(NOW_S + 3_600).await.unwrap();
    let begun = rotations();
    house.server.tend(NOW_S + 7_200).await.unwrap();
    assert_eq!(rotations(), begun, "nothing is due");
    house.server.tend(NOW_S + KEY_PERIOD_S).await.unwrap();
    assert_eq!(rotations(), begun + 1);
}

pub async fn s85_the_style_has_known_members_and_an_address_of_its_own(house: House) {
    let style = document(&house, Endpoint::Style).await;
    for name in style.as_object().unwrap().keys() {
        let known = name.starts_with("color_")
            || name.starts_with("dim_")
            || name.starts_with("font_family_");
        assert!(known, "{name}");
    }
    let brands = document(&house, Endpoint::Brands).await;
    let config = document(&house, Endpoint::SmartConfiguration).await;
    // S112
    let identifier = &brands["entry"][0]["resource"]["identifier"][0];
    assert_eq!(*identifier, config["user_access_brand_identifier"]);
}

/// What apps keep by its address is another once it looks otherwise; and the same as long as it does not.
pub async fn s85_another_look_has_another_address(mut house: House) {
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    let started = async |house: &House, change: fn(&mut Settings)| {
        let mut settings = Settings::for_base(BASE);
        change(&mut settings);
        let secrets = Secrets {
            forms: [1; 32],
            nonces: [2; 32],
        };
        let outgoing = Outgoing::all(house.shelf.clone());
        let engine = house.engine.clone();
        let server = AuthorizationServer::open(engine, settings, secrets, outgoing, NOW_S);
        server.await.unwrap()
    };
    let changes: [fn(&mut Settings); 5] = [
        |_| (),
        |_| (),
        |settings| settings.style.color_highlight = "#00695c".into(),
        |settings| settings.style.dim_font_size = "18px".into(),
        |settings| settings.style.font_family_body = "serif".into(),
    ];
    let mut seen = Vec::new();
    for change in changes {
        house.server = started(&house, change).await;
        let token = house
            .tokens(&asked("openid user/Patient.rs"), &cookie)
            .await;
        let url = token["smart_style_url"].as_str().unwrap().to_owned();
        let below = url.strip_prefix(ISSUER).unwrap();
        let (path, query) = below.split_once('?').unwrap();
        let answer = house
            .ask(Endpoint::at(path).unwrap(), &Ask::get(query))
            .await;
        seen.push((url, ok(answer).to_string()));
    }
    assert_eq!(seen[0], seen[1], "the same look");
    let urls: std::collections::BTreeSet<_> = seen.iter().map(|(url, _)| url).collect();
    let looks: std::collections::BTreeSet<_> = seen.iter().map(|(_, look)| look).collect();
    assert_eq!((urls.len(), looks.len()), (4, 4), "{seen:?}");
}

/// A start with other settings says so from its moment on; one with the same says what was said before (S112).
pub async fn s112_the_timestamp_is_when_something_else_was_last_said(house: House) {
    let started = async |name: &str, now_s: i64| {
        let mut settings = Settings::for_base(BASE);
        settings.organization.name = name.to_owned();
        let secrets = Secrets {
            forms: [1; 32],
            nonces: [2; 32],
        };
        let outgoing = Outgoing::all(house.shelf.clone());
        let engine = house.engine.clone();
        let server = AuthorizationServer::open(engine, settings, secrets, outgoing, now_s);
        let asked = Ask::get("").at(now_s);
        let bundle = ok(asked.of(&server.await.unwrap(), Endpoint::Brands).await);
        assert_eq!(bundle["meta"]["lastUpdated"], bundle["timestamp"]);
        bundle["timestamp"].as_str().unwrap().to_owned()
    };
    let first = document(&house, Endpoint::Brands).await;
    assert_eq!(first["timestamp"], "2023-11-14T22:13:20Z");
    assert_eq!(started("City", NOW_S + 60).await, "2023-11-14T22:14:20Z");
    assert_eq!(started("City", NOW_S + 600).await, "2023-11-14T22:14:20Z");
    assert_eq!(started("County", NOW_S + 601).await, "2023-11-14T22:23:21Z");
}
