//! What labels mask of a resource (R15), worked out on its JSON by the paths of the groups alone.

use serde_json::{Map, Value, json};
use std::sync::{Arc, OnceLock};
use ward_consent::labels::{
    DATA_ABSENT_REASON, DATA_ABSENT_REASONS, Group, MASKED, Masking, RuleSet,
};
use ward_resources::visibility::site_labels;
use ward_testkit::Random;

/// Beside the starter set. What performers are masked is not among it: whose record a row is in may follow from them (0022).
const RULES: &str = "ward-labels 1
system lab http://example.org/lab
label ward:RESULT N
  about results that only those see who treat
  mask value note identifier
label ward:WHERE N
  about people who shall not be found
  redact identifier contact
label ward:FOUND N
  about what was found and shall not be told
  redact value attachment reason
  mask note
rule results ward:RESULT
  in Observation
  code lab c3 of some laboratory
";
const LABELS: &[&str] = &["RESULT", "WHERE", "FOUND"];

pub fn rules() -> Arc<RuleSet> {
    static COMPILED: OnceLock<Arc<RuleSet>> = OnceLock::new();
    let compiled = COMPILED.get_or_init(|| site_labels(true, &[RULES.to_owned()]).unwrap());
    compiled.clone()
}

/// One of those that mask.
pub fn label(random: &mut Random) -> Value {
    json!({ "system": "urn:ward:label", "code": random.one_of(LABELS) })
}

/// The resource as it would be if what is masked had never been in it: of what is redacted nothing, of the rest that there was something.
pub fn without(body: &Value, masking: &Masking) -> Value {
    let mut body = body.clone();
    if !masking.is_empty() {
        cut(&mut body, masking);
    }
    body
}

fn cut(resource: &mut Value, masking: &Masking) {
    let ty = resource["resourceType"].as_str().unwrap().to_owned();
    for group in Group::ALL {
        let is_redacted = group == Group::Narrative || masking.redacted.contains(&group);
        if !is_redacted && !masking.masked.contains(&group) {
            continue;
        }
        for path in group.paths() {
            let (of, path) = path.split_once('.').unwrap();
            if of == "*" || of == ty {
                take(resource, &path.split('.').collect::<Vec<_>>(), is_redacted);
            }
        }
    }
    let contained = resource.get_mut("contained").and_then(Value::as_array_mut);
    for inner in contained.into_iter().flatten() {
        cut(inner, masking);
    }
}

fn take(node: &mut Value, names: &[&str], is_redacted: bool) {
    let [name, inner @ ..] = names else { return };
    match node {
        Value::Array(all) => all.iter_mut().for_each(|one| take(one, names, is_redacted)),
        Value::Object(members) if inner.is_empty() => {
            let found = members.keys().filter(|member| is_of(member, name));
            let found: Vec<String> = found.cloned().collect();
            for member in found {
                let value = members.remove(&member).unwrap_or_default();
                if !is_redacted {
                    mark(members, &member, value);
                }
            }
        }
        Value::Object(members) => {
            if let Some(child) = members.get_mut(*name) {
                take(child, inner, is_redacted);
            }
        }
        _ => {}
    }
}

/// `value` is `valueQuantity` and `_valueString`, too.
fn is_of(member: &str, name: &str) -> bool {
    let rest = member.trim_start_matches('_').strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_uppercase))
}

/// That there was something: beside it where the type has a place for that, else in its place.
fn mark(members: &mut Map<String, Value>, member: &str, value: Value) {
    if member.trim_start_matches('_').starts_with("value") {
        let reason = json!({ "coding": [{ "system": DATA_ABSENT_REASONS, "code": MASKED }] });
        members.entry("dataAbsentReason").or_insert_with(|| reason);
        return;
    }
    let extension = json!({ "extension": [{ "url": DATA_ABSENT_REASON, "valueCode": MASKED }] });
    let (member, left) = match value {
        Value::Array(all) => (
            member.to_owned(),
            all.iter().map(|_| extension.clone()).collect(),
        ),
        Value::Object(_) => (member.to_owned(), extension),
        _ => (format!("_{member}"), extension),
    };
    members.insert(member, left);
}
