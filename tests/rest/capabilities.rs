//! What the server says of itself. <https://hl7.org/fhir/R4/http.html#capabilities>

use super::on_both;
use flate2::read::GzDecoder;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use ward_testkit::{Client, shared_data};

/// All resource types of R4 that are not abstract.
const TYPES: usize = 146;

fn types(statement: &Value) -> BTreeSet<String> {
    let resources = statement["rest"][0]["resource"].as_array().unwrap();
    let types: Vec<String> = resources
        .iter()
        .map(|r| r["type"].as_str().unwrap().to_owned())
        .collect();
    let set: BTreeSet<String> = types.iter().cloned().collect();
    assert_eq!(set.len(), types.len(), "each once");
    set
}

#[test]
fn three_modes_are_answered_and_no_other() {
    on_both(|ward| {
        let ask = |query: &str| ward.get(&format!("metadata{query}"));
        let full = ask("?mode=full").expect(200).json();
        assert_eq!(full["resourceType"], "CapabilityStatement");
        assert_eq!(full["fhirVersion"], "4.0.1");
        assert_eq!(types(&full).len(), TYPES);
        assert_eq!(
            ask("").expect(200).json(),
            full,
            "full is what no mode means"
        );
        let normative = ask("?mode=normative").expect(200).json();
        assert_eq!(normative["resourceType"], "CapabilityStatement");
        assert_eq!(
            normative["rest"][0]["interaction"],
            full["rest"][0]["interaction"]
        );
        let few = types(&normative);
        assert!(
            few.contains("Patient") && !few.contains("Encounter"),
            "{few:?}"
        );
        for resource in normative["rest"][0]["resource"].as_array().unwrap() {
            let all = full["rest"][0]["resource"].as_array().unwrap();
            assert!(all.contains(resource), "{}", resource["type"]);
        }
        let terminology = ask("?mode=terminology").expect(200).json();
        assert_eq!(terminology["resourceType"], "TerminologyCapabilities");
        for mode in ["", "Full", "all", "full,normative"] {
            let refused = ask(&format!("?mode={mode}")).expect(400);
            assert_eq!(refused.issue().0, "invalid", "{mode}");
        }
        let xml = ask("?mode=terminology&_format=xml").expect(200).text();
        assert!(
            xml.starts_with("<TerminologyCapabilities xmlns=\"http://hl7.org/fhir\">"),
            "{xml}"
        );
    });
}

#[test]
fn statements_are_valid() {
    on_both(|ward| {
        for (mode, ty) in [
            ("full", "CapabilityStatement"),
            ("normative", "CapabilityStatement"),
            ("terminology", "TerminologyCapabilities"),
        ] {
            let statement = ward
                .get(&format!("metadata?mode={mode}"))
                .expect(200)
                .json();
            let outcome = ward
                .post(&format!("{ty}/$validate"), &statement)
                .expect(200);
            let issues = outcome.json()["issue"].as_array().cloned().unwrap();
            let wrong = |i: &&Value| i["severity"] == "error" || i["severity"] == "fatal";
            assert_eq!(issues.iter().find(wrong), None, "{mode}");
        }
    });
}

/// <https://hl7.org/fhir/R4/terminologycapabilities.html>: what is held is named, and an operation that is not served has no element.
#[test]
fn terminology_says_what_is_held() {
    on_both(|ward| {
        let said = ward.get("metadata?mode=terminology").expect(200).json();
        assert_eq!(
            (&said["status"], &said["kind"]),
            (&"active".into(), &"instance".into())
        );
        assert_eq!(said["implementation"]["url"], ward.base.as_str());
        for operation in ["expansion", "validateCode", "translation", "closure"] {
            assert!(said.get(operation).is_none(), "{operation}");
            ward.get(&format!("ValueSet/${operation}")).expect(404);
        }
        assert_eq!(said["codeSearch"], "explicit");
        let systems = said["codeSystem"].as_array().unwrap();
        let uris: BTreeSet<&str> = systems.iter().map(|s| s["uri"].as_str().unwrap()).collect();
        assert_eq!(uris.len(), systems.len(), "each once");
        let status = "http://hl7.org/fhir/observation-status";
        assert!(uris.contains(status) && !uris.contains("http://loinc.org"));
        // A system that is held whole answers, and one that is not is refused.
        let below = |system: &str| ward.get(&format!("Observation?status:below={system}|final"));
        below(status).expect(200);
        below("http://example.org/nowhere").expect(400);
    });
}

#[test]
fn normative_types_are_those_of_the_definitions() {
    let Some(folder) = shared_data() else {
        return;
    };
    let file = folder.join("definitions/r4-core-4.0.1/StructureDefinition.ndjson.gz");
    let lines = BufReader::new(GzDecoder::new(File::open(file).unwrap())).lines();
    let definitions = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let is_normative = |d: &Value| {
        let is_type = d["kind"] == "resource" && d["derivation"] == "specialization";
        let mut extensions = d["extension"].as_array().into_iter().flatten();
        is_type
            && d["abstract"] == false
            && extensions.any(|e| {
                e["url"]
                    .as_str()
                    .unwrap()
                    .ends_with("/structuredefinition-standards-status")
                    && e["valueCode"] == "normative"
            })
    };
    let normative = definitions.filter(is_normative);
    let expected: BTreeSet<String> = normative
        .map(|d| d["type"].as_str().unwrap().to_owned())
        .collect();
    on_both(|ward| {
        let said = ward.get("metadata?mode=normative").expect(200).json();
        assert_eq!(types(&said), expected);
    });
}

/// Types with operations of their own, and some without.
const SOME_TYPES: [&str; 6] = [
    "Patient",
    "Encounter",
    "Observation",
    "AuditEvent",
    "Group",
    "Basic",
];

/// Every operation is stated where it is served, and nowhere else.
#[test]
fn operations_are_stated_where_they_are_served() {
    on_both(|ward| {
        let statement = ward.get("metadata").expect(200).json();
        let rest = &statement["rest"][0];
        let resources = rest["resource"].as_array().unwrap();
        let names: BTreeSet<String> = resources.iter().chain([rest]).flat_map(named).collect();
        assert!(names.len() > 5, "{names:?}");
        for name in &names {
            let on_system = is_served(ward, &format!("${name}"));
            assert_eq!(named(rest).contains(name), on_system, "${name}");
            for ty in SOME_TYPES {
                let resource = resources.iter().find(|r| r["type"] == ty).unwrap();
                let served = [format!("{ty}/${name}"), format!("{ty}/absent/${name}")];
                let served = served.iter().any(|path| is_served(ward, path));
                assert_eq!(named(resource).contains(name), served, "{ty} ${name}");
            }
        }
    });
}

fn named(level: &Value) -> BTreeSet<String> {
    let operations = level["operation"].as_array().into_iter().flatten();
    operations
        .map(|o| o["name"].as_str().unwrap().to_owned())
        .collect()
}

/// HEAD would do nothing, and of operations that change something POST is the method: with no body it is refused for that.
fn is_served(ward: &Client, path: &str) -> bool {
    let changes = path.contains("$meta-");
    let answer = match changes {
        true => ward.request("POST", path).send(),
        false => ward.get(path),
    };
    !answer.text().contains("is not served at this level")
}
