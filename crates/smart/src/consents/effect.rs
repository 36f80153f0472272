//! What `$access-impact` says, in plain words.

use super::words::{Names, capital};
use crate::authorize::things_of_type;
use crate::page::EffectShown;
use serde_json::Value;

/// What a change of a consent comes to for those who may ask.
#[derive(Debug, Default)]
pub(super) struct Effects {
    pub changed: Vec<EffectShown>,
    /// Whom it changes nothing for.
    pub unchanged: Vec<String>,
    /// Entries that were looked at.
    pub entries: u64,
}

/// Who is named: `Type/id` of every actor that a class stands for.
pub(super) fn named(parameters: &Value) -> Vec<String> {
    classes(parameters)
        .filter_map(|class| text(class, "actor").map(str::to_owned))
        .collect()
}

pub(super) fn effects(parameters: &Value, names: &Names) -> Effects {
    let mut effects = Effects {
        entries: number(parameters["parameter"].as_array(), "resources"),
        ..Effects::default()
    };
    for class in classes(parameters) {
        let who = who(class, names);
        let (hidden, shown) = (kinds(class, "hidden"), kinds(class, "shown"));
        if hidden.is_empty() && shown.is_empty() {
            effects.unchanged.push(who);
            continue;
        }
        effects.changed.push(EffectShown {
            who,
            before: number(class["part"].as_array(), "before"),
            after: number(class["part"].as_array(), "after"),
            hidden,
            shown,
        });
    }
    effects
}

fn who(class: &Value, names: &Names) -> String {
    let code = text(class, "code").unwrap_or_default();
    if let Some(actor) = text(class, "actor") {
        let known = names.get(actor).cloned();
        let name = known.unwrap_or_else(|| format!("Somebody who is known here as {actor}"));
        let purpose = text(class, "purpose").unwrap_or("TREAT");
        return match super::choice::PURPOSES.iter().find(|(c, _)| *c == purpose) {
            Some((_, words)) => {
                format!(
                    "{name}, for {}",
                    super::words::title_of(words).to_lowercase()
                )
            }
            None => name,
        };
    }
    let known = CLASSES.iter().find(|(known, _)| *known == code);
    known.map_or_else(|| code.to_owned(), |(_, words)| (*words).to_owned())
}

/// Plain words for kinds of entries, several types of which may have the same.
fn kinds(class: &Value, name: &str) -> Vec<(String, u64)> {
    let mut kinds: Vec<(String, u64)> = Vec::new();
    for part in parts(class, name) {
        let ty = text(part, "type").unwrap_or_default();
        let count = number(part["part"].as_array(), "count");
        let words = capital(&things_of_type(ty));
        match kinds.iter_mut().find(|(known, _)| *known == words) {
            Some((_, sum)) => *sum += count,
            None => kinds.push((words, count)),
        }
    }
    kinds
}

fn classes(parameters: &Value) -> impl Iterator<Item = &Value> {
    let all = parameters["parameter"].as_array().into_iter().flatten();
    all.filter(|parameter| parameter["name"] == "caller")
}

fn parts<'v>(parent: &'v Value, name: &'v str) -> impl Iterator<Item = &'v Value> {
    let all = parent["part"].as_array().into_iter().flatten();
    all.filter(move |part| part["name"] == name)
}

fn text<'v>(parent: &'v Value, name: &'v str) -> Option<&'v str> {
    let part = parts(parent, name).next()?;
    let value = part["valueCode"].as_str();
    value.or_else(|| part["valueReference"]["reference"].as_str())
}

fn number(parameters: Option<&Vec<Value>>, name: &str) -> u64 {
    let mut all = parameters.into_iter().flatten();
    let found = all.find(|parameter| parameter["name"] == name);
    found
        .and_then(|parameter| parameter["valueUnsignedInt"].as_u64())
        .unwrap_or_default()
}

/// Codes of `$access-impact` for those who may ask.
const CLASSES: [(&str, &str); 8] = [
    ("treatment", "Those who treat you here"),
    (
        "treatment-elsewhere",
        "Those who treat you in other organizations",
    ),
    ("emergency", "Those who care for you here in an emergency"),
    ("payment", "Those who look after bills here"),
    ("operations", "Those who run the hospital"),
    ("research", "Researchers here"),
    ("public-health", "Public health authorities"),
    ("proxy", "Those who act for you"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_impact_is_said_in_plain_words() {
        let hidden = |ty: &str, count: u64| {
            json!({"name": "hidden", "part": [
            {"name": "type", "valueCode": ty}, {"name": "count", "valueUnsignedInt": count}]})
        };
        let parameters = json!({"resourceType": "Parameters", "parameter": [
            {"name": "resources", "valueUnsignedInt": 9},
            {"name": "caller", "part": [
                {"name": "code", "valueCode": "treatment"},
                {"name": "before", "valueUnsignedInt": 9}, {"name": "after", "valueUnsignedInt": 6},
                hidden("Observation", 2), hidden("Condition", 1)]},
            {"name": "caller", "part": [
                {"name": "code", "valueCode": "named"},
                {"name": "actor", "valueReference": {"reference": "Practitioner/1"}},
                {"name": "purpose", "valueCode": "TREAT"},
                {"name": "before", "valueUnsignedInt": 9}, {"name": "after", "valueUnsignedInt": 9}]}
        ]});
        assert_eq!(named(&parameters), ["Practitioner/1"]);
        let names = Names::from([("Practitioner/1".to_owned(), "Dr. Hopper".to_owned())]);
        let said = effects(&parameters, &names);
        assert_eq!(said.entries, 9);
        assert_eq!(said.unchanged, ["Dr. Hopper, for treatment"]);
        let [treatment] = said.changed.as_slice() else {
            panic!("{said:?}");
        };
        assert_eq!((treatment.before, treatment.after), (9, 6));
        assert_eq!(
            treatment.hidden[1],
            ("Conditions and diagnoses".to_owned(), 1)
        );
    }
}
