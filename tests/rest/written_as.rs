//! How an answer is written, where that is more than one header: the links of pages, forms, and what needs no token.
//! <https://hl7.org/fhir/R4/http.html#parameters>

use super::crud::patient;
use super::search::{link, make};
use super::{on_both, server, unique};
use ward_testkit::backends;

const JSON: &str = "application/fhir+json; charset=utf-8";
const XML: &str = "application/fhir+xml; charset=utf-8";

/// The links of a page lead to pages that are written as it is.
#[test]
fn links_hand_on_how_the_page_is_written() {
    on_both(|ward| {
        let family = unique("written");
        for _ in 0..3 {
            make(ward, patient(&family));
        }
        let subject = make(ward, patient("Written"));
        for url in [
            format!("Patient?family={family}&_count=1"),
            "Patient?_count=1".to_owned(),
            "Patient/_history?_count=1".to_owned(),
            "_history?_count=1".to_owned(),
            "Patient/$everything?_count=1".to_owned(),
        ] {
            let page = ward.get(&format!("{url}&_format=json&_pretty=true"));
            let page = page.expect(200).json();
            let all = page["link"].as_array().unwrap().clone();
            assert!(all.len() > 1, "{url}: {all:?}");
            for link in &all {
                let link = link["url"].as_str().unwrap();
                assert!(link.contains("&_format=json&_pretty=true"), "{link}");
                let next = ward.get(link).expect(200);
                assert!(next.text().lines().count() > 5, "{link}");
            }
            // How it is written is no part of the question: the same page in another form.
            let next = link(&page, "next").unwrap();
            let plain = ward.get(&next.replace("&_format=json&_pretty=true", ""));
            let plain = plain.expect(200);
            assert_eq!(plain.text().lines().count(), 1);
            let xml = ward.get(&next.replace("_format=json", "_format=xml"));
            let xml = xml.expect(200);
            assert_eq!(xml.header("content-type"), Some(XML), "{next}");
            assert!(
                xml.text().contains("_format=xml&amp;_pretty=true"),
                "{next}"
            );
            assert!(!link(&plain.json(), "self").unwrap().contains("_format"));
        }
        for url in [
            subject.clone() + "/$everything",
            format!("Observation/$lastn?patient={subject}&category=laboratory"),
        ] {
            let separator = if url.contains('?') { '&' } else { '?' };
            let page = ward.get(&format!("{url}{separator}_format=json"));
            let own = link(&page.expect(200).json(), "self").unwrap();
            assert!(own.ends_with("_format=json"), "{own}");
        }
    });
}

#[test]
fn a_form_says_how_its_answer_is_written() {
    on_both(|ward| {
        let family = unique("form");
        for _ in 0..2 {
            make(ward, patient(&family));
        }
        let send = |path: &str, form: &str| {
            ward.request("POST", path)
                .body("application/x-www-form-urlencoded", form.into())
                .send()
        };
        let form = format!("family={family}&_count=1");
        let answer = send("Patient/_search", &format!("{form}&_format=xml")).expect(200);
        assert_eq!(answer.header("content-type"), Some(XML));
        assert!(answer.text().contains("&amp;_format=xml&amp;_cursor="));
        // The URL's is the first of several.
        let answer = send(
            "Patient/_search?_format=json",
            &format!("{form}&_format=xml"),
        );
        assert_eq!(answer.expect(200).header("content-type"), Some(JSON));
        send("Patient/_search", &format!("{form}&_format=ttl")).expect(406);
        send("Patient/_search", &format!("{form}&_pretty=perhaps")).expect(400);
    });
}

/// What needs no token is told what is wrong with the request, not that it has none.
#[test]
fn metadata_in_no_form_is_406_without_a_token_too() {
    for backend in backends() {
        let nobody = server(backend).anonymous();
        for path in ["metadata", "openapi.json"] {
            nobody.get(path).expect(200);
            nobody.get(&format!("{path}?_format=ttl")).expect(406);
            let accepted = nobody.request("GET", path).header("Accept", "text/html");
            let answer = accepted.send().expect(406);
            assert_eq!(answer.issue().0, "not-supported");
            let coded = nobody
                .request("GET", path)
                .header("Accept-Encoding", "br, *;q=0");
            coded.send().expect(406);
        }
        nobody.get("Patient?_format=ttl").expect(401);
        nobody.get("nothing").expect(401);
    }
}
