//! What everybody reads who has no token: whose server this is, where it is, and what it can be asked.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/brands.html> (S112, S118)

use super::server;
use serde_json::Value;
use ward_testkit::{Answer, Server, backends};

fn configuration(ward: &Server) -> Value {
    let anonymous = ward.anonymous();
    let answer = anonymous.get(".well-known/smart-configuration");
    answer.expect(200).json()
}

/// As a script of any page asks.
fn asked(ward: &Server, method: &str, url: &str, headers: &[(&str, &str)]) -> Answer {
    let request = ward.anonymous().request(method, url);
    let request = request.header("Origin", "https://anybody.example");
    let request = headers.iter().fold(request, |r, (n, v)| r.header(n, v));
    request.send()
}

fn resources<'a>(bundle: &'a Value, ty: &str) -> Vec<&'a Value> {
    let entries = bundle["entry"].as_array().unwrap().iter();
    let of_type = entries.filter(|entry| entry["resource"]["resourceType"] == ty);
    of_type.collect()
}

/// Every URL in a document, with the path to it.
fn urls<'a>(value: &'a Value, path: &str, found: &mut Vec<(String, &'a str)>) {
    match value {
        Value::String(text) if text.contains("://") => found.push((path.to_owned(), text)),
        Value::Array(items) => items.iter().for_each(|item| urls(item, path, found)),
        Value::Object(members) => {
            for (name, member) in members {
                urls(member, &format!("{path}.{name}"), found);
            }
        }
        _ => {}
    }
}

/// S6, S13, S14 as a client meets them: each address in the documents is of this server, something is there, and the statement
/// names the same.
#[test]
fn s6_s13_each_address_that_is_told_is_served() {
    for backend in backends() {
        let ward = server(backend);
        let configuration = configuration(ward);
        let issuer = configuration["issuer"].as_str().unwrap();
        assert_eq!(issuer, ward.base.strip_suffix("/fhir").unwrap());
        let openid = format!("{issuer}/.well-known/openid-configuration");
        let openid = ward.anonymous().get(&openid).expect(200).json();
        let mut told = Vec::new();
        urls(&configuration, "smart", &mut told);
        urls(&openid, "openid", &mut told);
        assert!(told.len() > 20, "{told:?}");
        for (name, url) in told {
            assert!(
                url == issuer || url.starts_with(&format!("{issuer}/")),
                "{name}: {url}"
            );
            // A name, and no place.
            if name.ends_with("_identifier") || name.contains("user_access_brand_identifier") {
                continue;
            }
            let statuses =
                ["GET", "POST"].map(|method| ward.anonymous().request(method, url).send().status);
            assert!(
                statuses
                    .iter()
                    .any(|status| *status != 404 && *status != 405),
                "{name}: {url}: {statuses:?}"
            );
        }
        let statement = ward.anonymous().get("metadata").expect(200).json();
        let security = &statement["rest"][0]["security"];
        assert_eq!(security["service"][0]["coding"][0]["code"], "SMART-on-FHIR");
        let uris = security["extension"][0]["extension"].as_array().unwrap();
        for uri in uris {
            let name = match uri["url"].as_str().unwrap() {
                "authorize" => "authorization_endpoint",
                "token" => "token_endpoint",
                "register" => "registration_endpoint",
                "manage" => "management_endpoint",
                "introspect" => "introspection_endpoint",
                "revoke" => "revocation_endpoint",
                other => panic!("{other}"),
            };
            assert_eq!(uri["valueUri"], configuration[name], "{name}");
        }
        assert!(uris.len() >= 2);
    }
}

#[test]
fn s112_whose_server_it_is_is_told_to_everybody() {
    for backend in backends() {
        let ward = server(backend);
        let configuration = configuration(ward);
        let url = configuration["user_access_brand_bundle"].as_str().unwrap();
        let answer = asked(ward, "GET", url, &[]).expect(200);
        let tag = answer.header("ETag").unwrap().to_owned();
        assert!(tag.starts_with("W/\""), "{tag}");
        let known = asked(ward, "GET", url, &[("If-None-Match", &tag)]).expect(304);
        let other = asked(ward, "GET", url, &[("If-None-Match", "W/\"other\"")]).expect(200);
        let head = asked(ward, "HEAD", url, &[]).expect(200);
        let bad_token = asked(ward, "GET", url, &[("Authorization", "Bearer a.b.c")]).expect(200);
        for answer in [&answer, &known, &other, &head, &bad_token] {
            assert_eq!(answer.header("Access-Control-Allow-Origin"), Some("*"));
            assert_eq!(answer.header("ETag"), Some(tag.as_str()));
        }
        let bundle = answer.json();
        assert_eq!(bundle["type"], "collection");
        // Since this store is there, and not from ever: what is said changes with the settings.
        let since = bundle["timestamp"].as_str().unwrap();
        assert!(
            ("2026-01-01T00:00:00Z"..).contains(&since) && since.ends_with('Z'),
            "{since}"
        );
        assert_eq!(bundle["meta"]["lastUpdated"], since);
        let identifier = &configuration["user_access_brand_identifier"];
        let organizations = resources(&bundle, "Organization");
        let identifiers = organizations.iter().flat_map(|entry| {
            let identifiers = entry["resource"]["identifier"].as_array();
            identifiers.into_iter().flatten()
        });
        assert_eq!(identifiers.filter(|one| *one == identifier).count(), 1);
        // Each endpoint that an organization names is there, and it is this server's.
        let endpoints = resources(&bundle, "Endpoint");
        let addresses = endpoints.iter().map(|entry| &entry["resource"]["address"]);
        assert_eq!(addresses.collect::<Vec<_>>(), [ward.base.as_str()]);
        for organization in organizations {
            let named = organization["resource"]["endpoint"].as_array().unwrap();
            let named: Vec<&Value> = named.iter().map(|of| &of["reference"]).collect();
            let there: Vec<&Value> = endpoints.iter().map(|entry| &entry["fullUrl"]).collect();
            assert_eq!(named, there);
        }
    }
}

#[test]
fn s118_the_base_and_its_documentation_are_open() {
    for backend in backends() {
        let ward = server(backend);
        let configuration = configuration(ward);
        let url = configuration["user_access_brand_bundle"].as_str().unwrap();
        let bundle = asked(ward, "GET", url, &[]).expect(200).json();
        let endpoint = &resources(&bundle, "Endpoint")[0]["resource"];
        assert_eq!(endpoint["status"], "active");
        let base = endpoint["address"].as_str().unwrap();
        let statement = asked(ward, "GET", &format!("{base}/metadata"), &[]);
        let statement = statement.expect(200).json();
        assert_eq!(statement["resourceType"], "CapabilityStatement");
        assert_eq!(statement["implementation"]["url"], base);
        let openid = "/.well-known/openid-configuration";
        let issuer = configuration["issuer"].as_str().unwrap();
        let openid = asked(ward, "GET", &format!("{issuer}{openid}"), &[]);
        let openid = openid.expect(200).json();
        let documentation = &configuration["service_documentation"];
        assert_eq!(openid["service_documentation"], *documentation);
        let documentation = asked(ward, "GET", documentation.as_str().unwrap(), &[]);
        assert!(documentation.expect(200).json()["paths"].is_object());
    }
}
