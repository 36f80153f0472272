//! What a group of the metadata asks for, as queries with the answers that the JSON of the examples gives.

use super::examples::World;
use super::naive::{Kind, at, values};
use super::parameter::{Parameter, escaped};
use super::question::Question;
use serde_json::Value;
use std::collections::BTreeSet;

/// All questions of a group; each of the metadata's entries gives at least one, or says why not.
pub fn questions(group: &Value, world: &World) -> Vec<Question> {
    let maker = Maker {
        group,
        world,
        ty: group["resource"].as_str().unwrap(),
    };
    let mut made = Vec::new();
    for search in group["searches"].as_array().into_iter().flatten() {
        let names = search["names"].as_array().unwrap().iter();
        let parameters: Vec<Parameter> = names
            .map(|name| Parameter::of(group, name.as_str().unwrap()))
            .collect();
        made.extend(maker.search(&parameters));
    }
    for include in group["include_params"].as_array().into_iter().flatten() {
        made.extend(maker.included("_include", include.as_str().unwrap()));
    }
    for include in group["revincludes"].as_array().into_iter().flatten() {
        made.extend(maker.included("_revinclude", include.as_str().unwrap()));
    }
    for (name, definition) in group["search_definitions"]
        .as_object()
        .into_iter()
        .flatten()
    {
        for chain in definition["chain"].as_array().into_iter().flatten() {
            made.push(maker.chained(name, chain["chain"].as_str().unwrap()));
        }
    }
    made
}

struct Maker<'a> {
    group: &'a Value,
    world: &'a World,
    ty: &'a str,
}

impl<'a> Maker<'a> {
    /// A resource with a value of every parameter, of the group's profile if there is one.
    fn hit(&self, parameters: &[Parameter]) -> Option<&'a Value> {
        let of_profile = |resource: &Value| {
            let named = resource["meta"]["profile"].as_array().into_iter().flatten();
            named.into_iter().any(|p| *p == self.group["profile_url"])
        };
        let has_all = |resource: &&Value| {
            let mut each = parameters.iter();
            each.all(|p| !p.values(resource).is_empty())
        };
        let all: Vec<&Value> = self
            .world
            .of_type(self.ty)
            .map(|(_, r)| r)
            .filter(has_all)
            .collect();
        all.iter().find(|r| of_profile(r)).or(all.first()).copied()
    }

    fn question(&self, parameters: &[Parameter], asked: &[Vec<&str>]) -> Question {
        let pairs = parameters.iter().zip(asked).map(|(parameter, values)| {
            let values: Vec<String> = values.iter().map(|v| escaped(parameter.kind, v)).collect();
            (parameter.name.clone(), values.join(","))
        });
        let is_match = |resource: &Value| {
            let mut each = parameters.iter().zip(asked);
            each.all(|(parameter, values)| parameter.holds(resource, values))
        };
        let found = self
            .world
            .of_type(self.ty)
            .filter(|(_, resource)| is_match(resource));
        Question {
            ty: self.ty.to_owned(),
            needs: parameters.iter().map(|p| p.name.clone()).collect(),
            pairs: pairs.collect(),
            matches: found.map(|(path, _)| path.clone()).collect(),
            includes: BTreeSet::new(),
            unasked: None,
        }
    }

    fn unasked(&self, names: Vec<String>, why: &str) -> Question {
        Question {
            unasked: Some(format!("{}: {why}", names.join("+"))),
            needs: names,
            ..self.question(&[], &[])
        }
    }

    fn search(&self, parameters: &[Parameter]) -> Vec<Question> {
        let names: Vec<String> = parameters.iter().map(|p| p.name.clone()).collect();
        let Some(hit) = self.hit(parameters) else {
            return vec![self.unasked(names, "no example has all of them")];
        };
        let own: Vec<Vec<String>> = parameters.iter().map(|p| p.values(hit)).collect();
        let first: Vec<&str> = own.iter().map(|values| values[0].as_str()).collect();
        let mut made = Vec::new();
        let base: Vec<Vec<&str>> = first.iter().map(|value| vec![*value]).collect();
        for (at, values) in own.iter().enumerate() {
            // Each value that finds the resource, each beside the first ones of the other parameters.
            for value in values {
                let mut asked = base.clone();
                asked[at] = vec![value];
                made.push(self.question(parameters, &asked));
            }
            // One that none has, alone and beside one that is there.
            let absent = parameters[at].absent();
            let mut asked = base.clone();
            asked[at] = vec![absent];
            made.push(self.question(parameters, &asked));
            asked[at] = vec![absent, first[at]];
            made.push(self.question(parameters, &asked));
            // Another resource's value beside the own one.
            let mut others = self
                .world
                .of_type(self.ty)
                .flat_map(|(_, r)| parameters[at].values(r));
            if let Some(other) = others.find(|value| *value != first[at]) {
                asked[at] = vec![first[at], &other];
                made.push(self.question(parameters, &asked));
            }
        }
        if parameters.len() == 1 && parameters[0].kind == Kind::Date {
            made.push(self.between(&parameters[0], hit));
        }
        made
    }

    /// Two bounds of one date: both must hold.
    fn between(&self, parameter: &Parameter, hit: &Value) -> Question {
        let elements = parameter.elements(hit);
        let own = values(parameter.kind, elements[0]).remove(0);
        let bounds = [format!("ge{}", &own[..4]), format!("le{}", &own[..4])];
        let mut question = self.question(&[], &[]);
        question.pairs = bounds
            .iter()
            .map(|b| (parameter.name.clone(), b.clone()))
            .collect();
        question.needs = vec![parameter.name.clone()];
        let is_match = |path: &String| {
            let resource = &self.world.resources[path];
            bounds
                .iter()
                .all(|bound| parameter.holds(resource, &[bound]))
        };
        question.matches.retain(is_match);
        question
    }

    /// `MedicationRequest:medication`, `CareTeam:participant:Patient`, `Provenance:target`: for all of the type, and for one
    /// that has nothing to include.
    fn included(&self, how: &str, text: &str) -> Vec<Question> {
        let parts: Vec<&str> = text.split(':').collect();
        let (source, code) = (parts[0], parts[1]);
        let reference_of = |resource: &Value| -> BTreeSet<String> {
            let path = reference_path(source, code);
            let found = at(resource, path).into_iter();
            found
                .filter_map(|r| r["reference"].as_str().map(str::to_owned))
                .collect()
        };
        let of_type = |path: &String| {
            parts
                .get(2)
                .is_none_or(|ty| path.starts_with(&format!("{ty}/")))
        };
        let includes = |matches: &BTreeSet<String>| -> BTreeSet<String> {
            let resources = &self.world.resources;
            let found: BTreeSet<String> = if how == "_include" {
                let referred = matches.iter().flat_map(|p| reference_of(&resources[p]));
                referred
                    .filter(|path| resources.contains_key(path) && of_type(path))
                    .collect()
            } else {
                let sources = self.world.of_type(source);
                let referring = sources.filter(|(_, r)| !reference_of(r).is_disjoint(matches));
                referring.map(|(path, _)| path.clone()).collect()
            };
            // What is a match already does not come again.
            found.difference(matches).cloned().collect()
        };
        let mut question = self.question(&[], &[]);
        question.pairs = vec![(how.to_owned(), text.to_owned())];
        question.needs = vec![how.to_owned()];
        question.includes = includes(&question.matches);
        if question.includes.is_empty() {
            return vec![self.unasked(vec![format!("{how}={text}")], "no example has one")];
        }
        let mut each = question.matches.iter();
        let without = each.find(|path| includes(&BTreeSet::from([(*path).clone()])).is_empty());
        let Some(without) = without.cloned() else {
            return vec![question];
        };
        let mut alone = self.question(&[], &[]);
        let id = without.rsplit_once('/').unwrap().1.to_owned();
        alone.pairs = vec![("_id".to_owned(), id), question.pairs[0].clone()];
        alone.needs.clone_from(&question.needs);
        alone.matches = BTreeSet::from([without]);
        vec![question, alone]
    }

    /// A reference and a parameter of what it leads to, with the values of the first that has one.
    fn chained(&self, name: &str, code: &str) -> Question {
        let target = "Practitioner";
        let (path, far) = match code {
            "identifier" => ("Practitioner.identifier", Kind::Token),
            _ => ("Practitioner.name", Kind::Text),
        };
        let far = Parameter {
            name: format!("{name}.{code}"),
            kind: far,
            paths: vec![path.to_owned()],
            comparators: Vec::new(),
        };
        let near = Parameter::of(self.group, name);
        let referred = |resource: &Value| -> Vec<String> {
            near.elements(resource)
                .into_iter()
                .flat_map(|e| values(near.kind, e))
                .collect()
        };
        let mut values = self
            .world
            .of_type(self.ty)
            .flat_map(|(_, r)| referred(r))
            .filter_map(|path| {
                far.values(self.world.resources.get(&path)?)
                    .into_iter()
                    .next()
            });
        let Some(value) = values.next() else {
            return self.unasked(vec![far.name.clone()], "no example leads to one");
        };
        let mut question = self.question(&[], &[]);
        question.needs = vec![name.to_owned()];
        question.pairs = vec![(format!("{name}:{target}.{code}"), escaped(far.kind, &value))];
        question.matches.retain(|path| {
            let referred = referred(&self.world.resources[path]);
            let ends = referred.iter().filter_map(|r| self.world.resources.get(r));
            ends.into_iter().any(|end| far.holds(end, &[&value]))
        });
        question
    }
}

fn reference_path(source: &str, code: &str) -> &'static str {
    match (source, code) {
        ("Provenance", "target") => "Provenance.target",
        ("CareTeam", "participant") => "CareTeam.participant.member",
        ("MedicationRequest", "medication") => "MedicationRequest.medicationReference",
        ("MedicationDispense", "medication") => "MedicationDispense.medicationReference",
        ("PractitionerRole", "endpoint") => "PractitionerRole.endpoint",
        ("PractitionerRole", "practitioner") => "PractitionerRole.practitioner",
        other => panic!("where is {other:?}?"),
    }
}
