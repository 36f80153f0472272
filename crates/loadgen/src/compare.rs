//! Asks two FHIR servers the same random questions and compares their answers byte for byte, but for what must differ: base URLs, cursors,
//! ids of Bundles and times. With a server that holds all, asked as somebody who may see a part, and one that holds that part only, this
//! is the test of non-interference of any two servers.
//!
//!   ward-loadgen --base http://a/fhir --token-command "..." compare http://b/fhir --other-token-command "..." --questions 10000

use crate::arguments::{Arguments, Compare};
use crate::client::Client;
use crate::record::{Phase, Record};
use crate::target::Target;
use crate::workload::{Class, Pools, questions};
use serde_json::Value;
use ward_hospital::Rng;

/// Asked beside the suites of searches: what could tell of resources that a search does not show.
const MORE: &[&str] = &[
    "Patient/{patient}",
    "Patient/{patient}/_history",
    "Encounter/{encounter}/_history?_count=2",
    "Encounter/{encounter}/_history/1",
    "Observation/_history?_count=20",
    "_history?_count=20",
    "Patient/{patient}/$everything",
    "Patient/{patient}/$everything?_count=7",
    "Patient/{patient}/Observation?_count=5",
    "Patient/{patient}/*",
    "Observation/$lastn?patient={patient}",
    "Observation?patient={patient}&_summary=count",
    "Observation?patient={patient}&_total=estimate&_count=3",
    "Observation?code={code}&_total=accurate&_count=0",
    "Observation?patient={patient}&code:not={code}",
    "Observation?patient={patient}&value-quantity:missing=true",
    "Observation?patient={patient}&_sort=-date,code",
    "Observation?patient={patient}&_sort=_lastUpdated&_count=3",
    "Observation?code={code}&value-quantity=gt{value}&_sort=-value-quantity&_count=5",
    "Observation?patient={patient}&_filter=code eq {bare}",
    "Observation?patient={patient}&_include=Observation:encounter&_revinclude=Provenance:target",
    "Encounter?patient={patient}&_revinclude=Observation:encounter&_revinclude=Condition:encounter",
    "Encounter?_id={encounter}&_revinclude=*",
    "Observation?encounter.class={class}&_count=5",
    "Condition?encounter.participant=Practitioner/{practitioner}&_count=5",
    "Patient?_has:Observation:patient:code={code}&_count=5",
    "Patient?_has:Condition:patient:code={condition}&_total=accurate",
    "Patient?family={family}&_has:Observation:patient:value-quantity=gt{value}",
    "Observation?_text={family}&_count=5",
    "Observation?_security=http://terminology.hl7.org/CodeSystem/v3-Confidentiality|R&_count=5",
];
/// Pages of one answer that are looked at.
const PAGES_MAX: usize = 20;
/// Characters of a difference that are shown, before and after its place.
const SHOWN: usize = 200;
const DIFFERENCES_SHOWN_MAX: usize = 10;

/// True where no answer differs. Errors: nothing could be asked.
#[allow(clippy::print_stdout)] // the result of this program
pub async fn run(arguments: &Arguments, options: &Compare) -> Result<bool, String> {
    let here = Target::of(arguments)?;
    let there = here.beside(options)?;
    let client = |target: &Target| Client::new(target, 0, Record::new(Phase::new(None)));
    let (mut a, mut b) = (client(&here)?, client(&there)?);
    let templates: Vec<&str> = Class::all().chain(MORE.iter().copied()).collect();
    let pools = Pools::harvest(&mut a, &questions(&templates)).await?;
    println!("seed {}", arguments.seed);
    let mut rng = Rng::of(arguments.seed, 0);
    let (mut asked, mut differing, mut pages) = (0, 0, 0);
    for _ in 0..options.questions {
        let template = templates[rng.below(templates.len() as u64) as usize];
        let (path, _) = pools.fill(template, &mut rng, 5);
        asked += 1;
        let (on_a, on_b) = (
            all_pages(&mut a, &path).await?,
            all_pages(&mut b, &path).await?,
        );
        pages += on_a.len();
        if on_a != on_b {
            differing += 1;
            if differing <= DIFFERENCES_SHOWN_MAX {
                println!("{path}\n{}", difference(&on_a, &on_b));
            }
        }
    }
    println!("{asked} questions, {pages} pages, {differing} answers differ");
    Ok(differing == 0)
}

/// Status and body of each page of an answer, as far as two servers can agree.
async fn all_pages(client: &mut Client, path: &str) -> Result<Vec<String>, String> {
    let mut pages = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next.take().filter(|_| pages.len() < PAGES_MAX) {
        let reply = client.ask(&path).await?;
        let text = client.without_base(&String::from_utf8_lossy(&reply.body));
        let json: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        let links = json["link"].as_array().into_iter().flatten();
        let mut links = links.filter(|link| link["relation"] == "next");
        let url = links.next().and_then(|link| link["url"].as_str());
        next = url.map(|url| {
            url.trim_start_matches(crate::client::BASE)
                .trim_start_matches('/')
                .to_owned()
        });
        pages.push(format!("{} {}", reply.status, told(json)));
    }
    Ok(pages)
}

/// Without what is of the moment and of the server.
fn told(mut json: Value) -> String {
    without_times(&mut json);
    if json["resourceType"] == "Bundle"
        && let Some(bundle) = json.as_object_mut()
    {
        bundle.remove("id");
        bundle.remove("timestamp");
        for link in bundle
            .get_mut("link")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            let url = link["url"].as_str().unwrap_or_default();
            if let Some(at) = url.find("_cursor=") {
                link["url"] = Value::from(format!("{}_cursor", &url[..at]));
            }
        }
    }
    json.to_string()
}

fn without_times(json: &mut Value) {
    match json {
        Value::Array(all) => all.iter_mut().for_each(without_times),
        Value::Object(members) => {
            members.remove("lastUpdated");
            members.remove("lastModified");
            members.values_mut().for_each(without_times);
        }
        _ => {}
    }
}

fn difference(a: &[String], b: &[String]) -> String {
    let page = a
        .iter()
        .zip(b)
        .position(|(a, b)| a != b)
        .unwrap_or(a.len().min(b.len()));
    let none = "no such page".to_owned();
    let (a, b) = (a.get(page).unwrap_or(&none), b.get(page).unwrap_or(&none));
    let at = a
        .chars()
        .zip(b.chars())
        .position(|(a, b)| a != b)
        .unwrap_or_default();
    let near = |text: &String| {
        text.chars()
            .skip(at.saturating_sub(SHOWN))
            .take(2 * SHOWN)
            .collect::<String>()
    };
    format!(
        "  page {page}, character {at}\n  on A: {}\n  on B: {}",
        near(a),
        near(b)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_must_differ_is_no_difference() {
        let page = |id: &str, time: &str, cursor: &str, found: &str| {
            told(
                json!({ "resourceType": "Bundle", "id": id, "timestamp": time,
                "link": [{ "relation": "next", "url": format!("BASE/Patient?_cursor={cursor}") }],
                "entry": [{ "resource": { "resourceType": "Patient", "id": found, "meta": { "versionId": "1", "lastUpdated": time } } }] }),
            )
        };
        assert_eq!(page("a", "2025", "x", "1"), page("b", "2026", "yy", "1"));
        assert_ne!(page("a", "2025", "x", "1"), page("a", "2025", "x", "2"));
        let told = difference(&["200 abc".into()], &["200 abd".into()]);
        assert!(told.contains("character 6"), "{told}");
    }
}
