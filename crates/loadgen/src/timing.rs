//! Whether the time of an answer tells a resource that is hidden from one that is not there (T49): pairs of requests in random order, and the
//! two-sample test of Kolmogorov and Smirnov on their times.
//!
//!   ward-loadgen --token-command "..." timing --loader-token-command "..." --pairs 10000
//!   ward-loadgen --token-command "..." timing --hidden Observation/o2 --hidden Condition/c1 --pairs 10000
//!
//! With a loader's token it makes what it needs: a patient, results that the caller reads, and a Consent that hides them from everybody but
//! the patient. They stay in the store.

use crate::arguments::{Arguments, Timing};
use crate::client::Client;
use crate::record::{Phase, Record};
use crate::target::Target;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use ward_hospital::Rng;

/// Below it the times are told apart.
const P_LEAST: f64 = 0.01;
/// Pairs before those that are counted.
const WARM_UP: u64 = 200;
/// Results that are made to be hidden.
const HIDDEN: usize = 20;

/// True where the times are not told apart. Errors: a request failed, or the answers differ by more than their times.
#[allow(clippy::print_stdout)] // the result of this program
pub async fn run(arguments: &Arguments, options: &Timing) -> Result<bool, String> {
    let target = Target::of(arguments)?;
    let mut client = Client::new(&target, 0, Record::new(Phase::new(None)))?;
    let paths = match &options.loader_token_command {
        Some(command) => hidden_from(&mut client, &target.of_another(command)?).await?,
        None => options.hidden.clone(),
    };
    let mut rng = Rng::of(arguments.seed, 0);
    let (mut hidden, mut absent) = (Vec::new(), Vec::new());
    let below = |rng: &mut Rng, n: usize| rng.below(n as u64) as usize;
    for pair in 0..options.pairs + WARM_UP {
        let path = &paths[below(&mut rng, paths.len())];
        let nobody = shuffled(path, &mut rng);
        let mut took = [Duration::ZERO; 2];
        let first = below(&mut rng, 2);
        for which in [first, 1 - first] {
            let asked = if which == 0 { path } else { &nobody };
            let begun = Instant::now();
            let reply = client.ask(asked).await?;
            took[which] = begun.elapsed();
            if reply.status != 404 {
                return Err(format!("{asked}: {}, not 404", reply.status));
            }
        }
        if pair >= WARM_UP {
            hidden.push(took[0]);
            absent.push(took[1]);
        }
    }
    let (statistic, p) = kolmogorov_smirnov(&mut hidden, &mut absent);
    let at = |times: &[Duration], q: f64| times[(times.len() as f64 * q) as usize].as_micros();
    for (name, times) in [("hidden", &hidden), ("absent", &absent)] {
        println!(
            "{name}: p50 {} us, p90 {} us, p99 {} us",
            at(times, 0.5),
            at(times, 0.9),
            at(times, 0.99)
        );
    }
    let verdict = if p > P_LEAST {
        "not told apart"
    } else {
        "told apart"
    };
    println!(
        "{} pairs, KS statistic {statistic:.4}, p {p:.4}: {verdict}",
        options.pairs
    );
    Ok(p > P_LEAST)
}

/// Results that the caller reads until their patient's Consent is there. Errors: one cannot be stored, or is not hidden by that.
async fn hidden_from(caller: &mut Client, loader: &Target) -> Result<Vec<String>, String> {
    let mut loader = Client::new(loader, 0, Record::new(Phase::new(None)))?;
    let patient = stored(
        &mut loader,
        &json!({ "resourceType": "Patient", "active": true }),
    )
    .await?;
    let result = json!({ "resourceType": "Observation", "status": "final", "subject": { "reference": patient },
        "effectiveDateTime": "2025-03-01", "valueQuantity": { "value": 7, "unit": "mmol/L" },
        "code": { "coding": [{ "system": "http://loinc.org", "code": "2345-7" }] } });
    let mut paths = Vec::new();
    for _ in 0..HIDDEN {
        paths.push(stored(&mut loader, &result).await?);
    }
    demand(caller, &paths, 200).await?;
    stored(&mut loader, &without_results(&patient)).await?;
    demand(caller, &paths, 404).await?;
    Ok(paths)
}

async fn demand(caller: &mut Client, paths: &[String], status: u16) -> Result<(), String> {
    for path in paths {
        let reply = caller.ask(path).await?;
        if reply.status != status {
            return Err(format!("{path}: {}, not {status}", reply.status));
        }
    }
    Ok(())
}

/// Permits all to everybody but results.
fn without_results(patient: &str) -> Value {
    let class = json!({ "system": "http://hl7.org/fhir/resource-types", "code": "Observation" });
    json!({ "resourceType": "Consent", "status": "active", "dateTime": "2025-06-01T12:00:00Z", "patient": { "reference": patient },
        "scope": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy" }] },
        "category": [{ "coding": [{ "system": "http://loinc.org", "code": "59284-0" }] }],
        "policyRule": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN" }] },
        "provision": { "provision": [{ "type": "deny", "class": [class] }] } })
}

/// `Type/id` of a new resource.
async fn stored(loader: &mut Client, body: &Value) -> Result<String, String> {
    let ty = body["resourceType"].as_str().unwrap_or_default();
    let reply = loader.create(ty, body.to_string()).await;
    let id = reply.and_then(|reply| reply.id());
    let id = id.ok_or_else(|| format!("a {ty}: {:?}", loader.record.failures))?;
    Ok(format!("{ty}/{id}"))
}

/// The same type with an id of the same characters in another order.
fn shuffled(path: &str, rng: &mut Rng) -> String {
    let (ty, id) = path.split_once('/').unwrap_or((path, ""));
    let mut characters: Vec<char> = id.chars().collect();
    for at in (1..characters.len()).rev() {
        characters.swap(at, rng.below(at as u64 + 1) as usize);
    }
    format!("{ty}/{}", characters.into_iter().collect::<String>())
}

/// The statistic and the probability that equal distributions differ so much. Sorts both.
/// <https://en.wikipedia.org/wiki/Kolmogorov%E2%80%93Smirnov_test#Two-sample_Kolmogorov%E2%80%93Smirnov_test>
fn kolmogorov_smirnov(a: &mut [Duration], b: &mut [Duration]) -> (f64, f64) {
    a.sort_unstable();
    b.sort_unstable();
    let (n, m) = (a.len() as f64, b.len() as f64);
    let (mut i, mut j, mut statistic) = (0, 0, 0.0_f64);
    while i < a.len() && j < b.len() {
        let at = a[i].min(b[j]);
        i += a[i..].iter().take_while(|time| **time == at).count();
        j += b[j..].iter().take_while(|time| **time == at).count();
        statistic = statistic.max((i as f64 / n - j as f64 / m).abs());
    }
    let root = (n * m / (n + m)).sqrt();
    let lambda = (root + 0.12 + 0.11 / root) * statistic;
    let term = |k: i32| (-1.0_f64).powi(k - 1) * (-2.0 * (f64::from(k) * lambda).powi(2)).exp();
    let p: f64 = 2.0 * (1..=100).map(term).sum::<f64>();
    (
        statistic,
        if lambda < 0.2 { 1.0 } else { p.clamp(0.0, 1.0) },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(seed: u64, shift: u64) -> Vec<Duration> {
        let mut rng = Rng::of(seed, 0);
        (0..2_000)
            .map(|_| Duration::from_micros(100 + rng.below(100) + shift))
            .collect()
    }

    #[test]
    fn equal_times_are_not_told_apart_and_others_are() {
        let (statistic, p) = kolmogorov_smirnov(&mut times(1, 0), &mut times(2, 0));
        assert!(statistic < 0.05 && p > P_LEAST, "{statistic} {p}");
        let (statistic, p) = kolmogorov_smirnov(&mut times(1, 0), &mut times(2, 10));
        assert!(statistic > 0.07 && p < P_LEAST, "{statistic} {p}");
        let same = kolmogorov_smirnov(&mut times(1, 0), &mut times(1, 0));
        assert_eq!(same, (0.0, 1.0));
    }

    #[test]
    fn an_absent_id_is_of_the_same_characters() {
        let mut rng = Rng::of(7, 0);
        let made = shuffled("Patient/abcdefgh", &mut rng);
        let mut sorted: Vec<char> = made["Patient/".len()..].chars().collect();
        sorted.sort_unstable();
        assert_eq!(String::from_iter(sorted), "abcdefgh");
        assert_ne!(made, "Patient/abcdefgh");
    }
}
