//! Forms of requests and answers. <https://hl7.org/fhir/R4/http.html#mime-type>

use super::crud::patient;
use super::{on_both, server};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde_json::json;
use std::io::{Read, Write};
use ward_testkit::{Client, backends};

const JSON: &str = "application/fhir+json; charset=utf-8";
const XML: &str = "application/fhir+xml; charset=utf-8";

fn new_patient(ward: &Client) -> String {
    format!(
        "Patient/{}",
        ward.post("Patient", &patient("Formed")).expect(201).id()
    )
}

#[test]
fn xml_and_json_are_two_forms_of_the_same() {
    on_both(|ward| {
        let xml = r#"<?xml version="1.0" encoding="UTF-8"?>
            <Observation xmlns="http://hl7.org/fhir"><!-- kept out --><language value="en"/>
            <text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml"><p>1.10 &amp; more</p></div></text>
            <status value="final"><extension url="http://example.org/x"><valueBoolean value="true"/></extension></status>
            <code><text value="x"/></code><valueQuantity><value value="1.10"/></valueQuantity></Observation>"#;
        let created = ward
            .request("POST", "Observation")
            .header("Accept", "application/fhir+xml")
            .body("application/fhir+xml", xml.into())
            .send()
            .expect(201);
        assert_eq!(created.header("content-type"), Some(XML));
        let id = created
            .header("location")
            .unwrap()
            .split("/Observation/")
            .nth(1)
            .unwrap()
            .split('/')
            .next()
            .unwrap()
            .to_owned();
        let json = ward.get(&format!("Observation/{id}")).expect(200);
        assert_eq!(json.header("content-type"), Some(JSON));
        assert!(json.text().contains("\"value\":1.10"), "{}", json.text());
        assert_eq!(json.json()["_status"]["extension"][0]["valueBoolean"], true);
        assert!(
            json.json()["text"]["div"]
                .as_str()
                .unwrap()
                .contains("<p>1.10 &amp; more</p>")
        );
        let back = ward
            .get(&format!("Observation/{id}?_format=xml"))
            .expect(200);
        let again = ward
            .request("POST", "Observation")
            .body("application/fhir+xml", back.bytes.clone())
            .send()
            .expect(201);
        let (mut first, mut second) = (json.json(), again.json());
        for document in [&mut first, &mut second] {
            document.as_object_mut().unwrap().remove("meta");
            document.as_object_mut().unwrap().remove("id");
        }
        assert_eq!(first, second);
    });
}

#[test]
fn the_answer_comes_as_asked() {
    on_both(|ward| {
        let path = new_patient(ward);
        let accepted = |accept: &str| ward.request("GET", &path).header("Accept", accept).send();
        for (accept, form) in [
            ("application/fhir+json", JSON),
            ("application/json", JSON),
            ("*/*", JSON),
            ("application/fhir+xml", XML),
            ("application/xml", XML),
            (
                "text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8",
                XML,
            ),
            (
                "application/fhir+xml;q=0.5, application/fhir+json;q=0.9",
                JSON,
            ),
            (
                "application/fhir+json;q=0.1, application/fhir+xml;q=0.2",
                XML,
            ),
            ("application/fhir+json;q=0, application/fhir+xml", XML),
            ("application/fhir+json; fhirVersion=4.0", JSON),
            ("application/fhir+json; fhirVersion=4.3", JSON),
        ] {
            assert_eq!(
                accepted(accept).expect(200).header("content-type"),
                Some(form),
                "{accept}"
            );
        }
        for accept in [
            "text/html",
            "application/fhir+json;q=0",
            "application/fhir+turtle",
            "application/fhir+json; fhirVersion=5.0",
            "image/png",
        ] {
            assert_eq!(
                accepted(accept).expect(406).issue().0,
                "not-supported",
                "{accept}"
            );
        }
        for (format, form) in [
            ("json", JSON),
            ("xml", XML),
            ("application/fhir%2Bxml", XML),
            ("application/fhir+xml", XML),
            ("text/xml", XML),
        ] {
            let answer = ward
                .request("GET", &format!("{path}?_format={format}"))
                .header("Accept", "application/fhir+json")
                .send()
                .expect(200);
            assert_eq!(answer.header("content-type"), Some(form), "{format}");
        }
        ward.get(&format!("{path}?_format=ttl")).expect(406);
        assert_eq!(
            ward.request("GET", "Patient/never-was-here")
                .header("Accept", "application/fhir+xml")
                .send()
                .expect(404)
                .header("content-type"),
            Some(XML)
        );
    });
}

#[test]
fn pretty_is_for_people() {
    on_both(|ward| {
        let path = new_patient(ward);
        let plain = ward.get(&path).expect(200);
        let pretty = ward.get(&format!("{path}?_pretty=true")).expect(200);
        assert!(
            !plain.text().contains("\n") && pretty.text().lines().count() > 5,
            "{}",
            pretty.text()
        );
        assert_eq!(plain.json(), pretty.json());
        assert!(
            ward.get(&format!("{path}?_pretty=true&_format=xml"))
                .expect(200)
                .text()
                .lines()
                .count()
                > 5
        );
        ward.get(&format!("{path}?_pretty=perhaps")).expect(400);
    });
}

#[test]
fn bodies_are_compressed_for_who_takes_it() {
    on_both(|ward| {
        let mut body = patient("Long");
        body["name"] = json!(
            (0..200)
                .map(|n| json!({ "family": format!("Family {n}") }))
                .collect::<Vec<_>>()
        );
        let path = format!("Patient/{}", ward.post("Patient", &body).expect(201).id());
        let plain = ward.get(&path).expect(200);
        assert_eq!(plain.header("content-encoding"), None);
        let gzip = ward
            .request("GET", &path)
            .header("Accept-Encoding", "gzip, deflate")
            .send()
            .expect(200);
        assert_eq!(gzip.header("content-encoding"), Some("gzip"));
        let mut unpacked = Vec::new();
        GzDecoder::new(gzip.bytes.as_slice())
            .read_to_end(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, plain.bytes);
        let zstd = ward
            .request("GET", &path)
            .header("Accept-Encoding", "gzip, zstd")
            .send()
            .expect(200);
        assert_eq!(zstd.header("content-encoding"), Some("zstd"));
        assert_eq!(
            zstd.bytes[..4],
            [0x28, 0xb5, 0x2f, 0xfd],
            "zstd's magic number"
        );
        assert!(zstd.bytes.len() < plain.bytes.len() / 2);
        assert!(zstd.header("vary").unwrap().contains("Accept-Encoding"));
        assert_eq!(
            ward.request("GET", &path)
                .header("Accept-Encoding", "gzip;q=0")
                .send()
                .expect(200)
                .header("content-encoding"),
            None
        );
    });
}

#[test]
fn weights_of_forms_and_codings_decide() {
    on_both(|ward| {
        let id = ward.post("Patient", &patient("Weighed")).expect(201).id();
        let path = format!("Patient/{id}");
        let with = |name: &str, value: &str| ward.request("GET", &path).header(name, value).send();
        let xml = with("Accept", "application/fhir+json;q=0, */*").expect(200);
        assert!(xml.header("content-type").unwrap().contains("fhir+xml"));
        let json = with("Accept", "application/fhir+xml;q=0.4, */*;q=0.8").expect(200);
        assert!(json.header("content-type").unwrap().contains("fhir+json"));
        let lines = ward
            .request("GET", &path)
            .header("Accept", "application/fhir+json;q=0.1");
        let lines = lines
            .header("Accept", "application/fhir+xml")
            .send()
            .expect(200);
        assert!(lines.header("content-type").unwrap().contains("fhir+xml"));
        with("Accept", "application/fhir+json;q=0").expect(406);
        let coding = |value: &str| {
            let answer = ward
                .request("GET", "metadata")
                .header("Accept-Encoding", value);
            let answer = answer.send().expect(200);
            answer.header("content-encoding").map(str::to_owned)
        };
        assert_eq!(coding("zstd;q=0.3, gzip;q=0.7").as_deref(), Some("gzip"));
        assert_eq!(coding("zstd;q=0.3, identity;q=0.7"), None);
        // Short as it is, it may not come so.
        let packed = with("Accept-Encoding", "gzip, identity;q=0").expect(200);
        assert_eq!(packed.header("content-encoding"), Some("gzip"));
        let refused = with("Accept-Encoding", "br, *;q=0").expect(406);
        assert_eq!(refused.issue().0, "not-supported");
    });
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn requests_may_be_compressed() {
    on_both(|ward| {
        let send = |encoding: &str, body: Vec<u8>| {
            ward.request("POST", "Patient")
                .header("Content-Encoding", encoding)
                .body("application/fhir+json", body)
                .send()
        };
        let packed = gzip(patient("Packed").to_string().as_bytes());
        assert_eq!(
            send("gzip", packed.clone()).expect(201).json()["name"][0]["family"],
            "Packed"
        );
        send("br", packed).expect(415);
        send("gzip", b"not gzip".to_vec()).expect(400);
    });
}

#[test]
fn the_version_of_fhir_may_be_named() {
    on_both(|ward| {
        let send = |content_type: &str| {
            ward.request("POST", "Patient")
                .body(content_type, patient("Versioned").to_string().into_bytes())
                .send()
        };
        send("application/fhir+json; fhirVersion=4.0").expect(201);
        send("application/fhir+json; fhirVersion=4.3").expect(201);
        send("application/fhir+json; charset=utf-8").expect(201);
        send("application/json").expect(201);
        assert_eq!(
            send("application/fhir+json; fhirVersion=5.0")
                .expect(415)
                .issue()
                .0,
            "not-supported"
        );
        send("text/plain").expect(415);
    });
}

#[test]
fn head_is_get_without_the_body() {
    on_both(|ward| {
        let path = new_patient(ward);
        for path in [
            path.as_str(),
            "metadata",
            "Patient?_count=1",
            "Patient/never-was-here",
        ] {
            let (get, head) = (ward.get(path), ward.request("HEAD", path).send());
            assert_eq!(
                (
                    head.status,
                    head.header("etag"),
                    head.header("content-type")
                ),
                (get.status, get.header("etag"), get.header("content-type")),
                "{path}"
            );
            assert!(head.bytes.is_empty());
        }
    });
}

/// S11, S12: what tells of the server is for every origin, records are for scripts of registered clients.
#[test]
fn browsers_may_ask_from_where_clients_are_registered() {
    for backend in backends() {
        let anonymous = server(backend).anonymous();
        let preflight = |path: &str| {
            anonymous
                .request("OPTIONS", path)
                .header("Origin", "https://app.example.org")
                .header("Access-Control-Request-Method", "PUT")
                .send()
                .expect(204)
        };
        let foreign = preflight("Patient/1");
        assert_eq!(foreign.header("access-control-allow-origin"), None);
        assert_eq!(foreign.header("access-control-allow-methods"), None);
        let answer = anonymous
            .request("GET", "Patient/1")
            .header("Origin", "https://app.example.org")
            .send()
            .expect(401);
        assert_eq!(answer.header("access-control-allow-origin"), None);
        for path in ["metadata", ".well-known/smart-configuration"] {
            let open = preflight(path);
            assert_eq!(open.header("access-control-allow-origin"), Some("*"));
            assert_eq!(
                open.header("access-control-allow-credentials"),
                None,
                "no cookies, ever"
            );
            let answer = anonymous
                .request("GET", path)
                .header("Origin", "https://app.example.org")
                .send()
                .expect(200);
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
            assert!(
                answer
                    .header("access-control-expose-headers")
                    .unwrap()
                    .contains("ETag")
            );
        }
    }
}

#[test]
fn a_binary_has_a_raw_and_a_fhir_form() {
    on_both(|ward| {
        let bytes = b"%PDF-1.7 not really".to_vec();
        let patient = new_patient(ward);
        let created = ward
            .request("POST", "Binary")
            .header("X-Security-Context", &patient)
            .body("application/pdf", bytes.clone())
            .send()
            .expect(201);
        let id = created.id();
        let path = format!("Binary/{id}");
        let fhir = ward
            .request("GET", &path)
            .header("Accept", "application/fhir+json")
            .send()
            .expect(200)
            .json();
        assert_eq!(fhir["contentType"], "application/pdf");
        assert_eq!(fhir["securityContext"]["reference"], patient);
        assert_eq!(fhir["data"], "JVBERi0xLjcgbm90IHJlYWxseQ==");
        for accept in ["application/pdf", "*/*"] {
            let raw = ward
                .request("GET", &path)
                .header("Accept", accept)
                .send()
                .expect(200);
            assert_eq!(
                (raw.bytes.as_slice(), raw.header("content-type")),
                (bytes.as_slice(), Some("application/pdf")),
                "{accept}"
            );
            assert_eq!(raw.header("x-content-type-options"), Some("nosniff"));
            assert!(
                raw.header("content-security-policy")
                    .unwrap()
                    .contains("sandbox")
            );
        }
        assert_eq!(
            ward.request("GET", &path)
                .header("Accept", "application/fhir+xml")
                .send()
                .expect(200)
                .header("content-type"),
            Some(XML)
        );
        let resource =
            json!({ "resourceType": "Binary", "contentType": "text/plain", "data": "SGVsbG8=" });
        let id = ward.post("Binary", &resource).expect(201).id();
        assert_eq!(
            ward.request("GET", &format!("Binary/{id}"))
                .header("Accept", "text/plain")
                .send()
                .expect(200)
                .text(),
            "Hello"
        );
        let updated = ward
            .request("PUT", &format!("Binary/{id}"))
            .body("text/plain", b"Goodbye".to_vec())
            .send()
            .expect(200);
        assert_eq!(updated.header("etag"), Some("W/\"2\""));
        assert_eq!(
            ward.request("GET", &format!("Binary/{id}"))
                .header("Accept", "text/plain")
                .send()
                .expect(200)
                .text(),
            "Goodbye"
        );
    });
}

/// What was kept of the content is not the resource, and the other way round: only JSON is answered with 304.
#[test]
fn a_binarys_forms_do_not_vouch_for_each_other() {
    on_both(|ward| {
        let created = ward
            .request("POST", "Binary")
            .body("text/plain", b"Hello".to_vec())
            .send()
            .expect(201);
        let path = format!("Binary/{}", created.id());
        let get = |accept: &str| ward.request("GET", &path).header("Accept", accept);
        let kept = get("application/fhir+json").send().expect(200);
        let tag = kept.header("etag").unwrap();
        let since = kept.header("last-modified").unwrap();
        for accept in ["text/plain", "*/*", "application/fhir+xml"] {
            let whole = get(accept)
                .header("If-None-Match", tag)
                .header("If-Modified-Since", since)
                .send()
                .expect(200);
            assert!(!whole.bytes.is_empty());
            assert_eq!(whole.header("etag"), Some(tag), "{accept}");
            assert_eq!(whole.header("cache-control"), Some("no-store"), "{accept}");
        }
        get("application/fhir+json")
            .header("If-None-Match", tag)
            .send()
            .expect(304);
        assert_ne!(kept.header("cache-control"), Some("no-store"));
    });
}

#[test]
fn every_answer_is_private_and_has_a_name() {
    on_both(|ward| {
        let path = new_patient(ward);
        for answer in [
            ward.get(&path),
            ward.get("Patient/never-was-here"),
            ward.get("metadata"),
        ] {
            assert!(answer.header("cache-control").unwrap().contains("private"));
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
            assert_eq!(answer.header("x-request-id").map(str::len), Some(32));
        }
        let read = ward.get(&path).expect(200);
        assert!(read.header("last-modified").unwrap().ends_with(" GMT"));
    });
}
