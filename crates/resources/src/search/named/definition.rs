//! What an OperationDefinition says of a named query, and why one cannot be answered.
//! <https://hl7.org/fhir/R4/operationdefinition.html>
//!
//! R4 has no element for what a query means, so an extension holds it: an ordinary query with places for the caller's values.

use super::template::Template;
use crate::engine::Engine;
use crate::search::{Pairs, decode_query};
use std::collections::BTreeMap;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, Node, TypeId};
use ward_search::query::Options;
use ward_search::terminology::Embedded;

/// Where the query stands that a named one becomes.
pub const TEMPLATE: &str = "urn:ward:named-query";
pub const TEMPLATE_BYTES_MAX: usize = 4_000;
/// Parameters of one query.
pub const PARAMETERS_MAX: usize = 32;

/// A definition that can be answered.
pub struct NamedQuery {
    pub code: String,
    is_of_system: bool,
    types: Vec<TypeId>,
    parameters: Vec<Parameter>,
    template: Vec<(String, Template)>,
}

struct Parameter {
    name: String,
    is_required: bool,
    repeats: bool,
}

/// Refuses a version that could not be answered as it says.
pub async fn demand_answerable(engine: &Engine, node: Node<'_>) -> Result<()> {
    if node.type_name() != "OperationDefinition" {
        return Ok(());
    }
    if let Some(query) = read(node)? {
        query.demand_known(engine).await?;
    }
    Ok(())
}

/// `None`: no query, not active, or one whose meaning is stated elsewhere.
///
/// Errors: `BusinessRule` with the element that is refused.
pub fn read(node: Node<'_>) -> Result<Option<NamedQuery>> {
    if node.text("kind") != Some("query") || node.text("status") != Some("active") {
        return Ok(None);
    }
    let mut extensions = node.all("extension");
    let Some(extension) = extensions.find(|e| e.text("url") == Some(TEMPLATE)) else {
        return Ok(None);
    };
    let code = node.text("code").unwrap_or_default();
    if !is_name(code) {
        return Err(refused("code", NAMES));
    }
    if node.text("instance") == Some("true") {
        let text = "a query is asked of a type or of the system, not of an instance";
        return Err(refused("instance", text));
    }
    let query = NamedQuery {
        code: code.to_owned(),
        is_of_system: node.text("system") == Some("true"),
        types: types(node)?,
        parameters: parameters(node)?,
        template: template(extension.text("value").unwrap_or_default())?,
    };
    query.demand_whole()?;
    Ok(Some(query))
}

/// Letters, digits, hyphens and underscores: others have a meaning in a query.
pub fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(plain)
}

const NAMES: &str =
    "it begins with a letter or digit and has letters, digits, hyphens and underscores, 64 at most";

impl NamedQuery {
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parameters.iter().map(|p| p.name.as_str())
    }

    /// Whether it may be asked of all of these types; none: of the system.
    pub fn is_for(&self, types: &[TypeId]) -> bool {
        match types {
            [] => self.is_of_system,
            types => types.iter().all(|ty| self.types.contains(ty)),
        }
    }

    /// The query with the values given, and whatever else is asked beside it. A pair without a value for what it needs is left
    /// out; what the caller says of the answer's shape replaces what the definition says of it.
    pub fn fill(&self, given: Pairs) -> Result<Pairs> {
        let mut values: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let mut beside = Pairs::new();
        for (name, value) in given {
            match self.parameters.iter().find(|p| p.name == name) {
                Some(_) if value.is_empty() => {}
                Some(p) => values.entry(&p.name).or_default().push(value),
                None => beside.push((name, value)),
            }
        }
        for parameter in &self.parameters {
            let count = values.get(parameter.name.as_str()).map_or(0, Vec::len);
            let name = &parameter.name;
            if count == 0 && parameter.is_required {
                let text = format!("the query '{}' needs the parameter '{name}'", self.code);
                return Err(Failure::new(Kind::Invalid, text));
            }
            if count > 1 && !parameter.repeats {
                let text = format!("the query '{}' takes '{name}' once", self.code);
                return Err(Failure::new(Kind::Invalid, text));
            }
        }
        let is_replaced = |name: &str| is_single(name) && beside.iter().any(|(n, _)| n == name);
        let mut pairs = Pairs::new();
        for (name, template) in self.template.iter().filter(|(n, _)| !is_replaced(n)) {
            let of = |name: &str| values.get(name).map_or(0, Vec::len);
            let rounds = template.names().map(of).max().unwrap_or(1);
            for round in 0..rounds {
                let value = |name: &str| {
                    let list = values.get(name)?;
                    list.get(round.min(list.len() - 1)).cloned()
                };
                pairs.extend(template.fill(value).map(|value| (name.clone(), value)));
            }
        }
        pairs.extend(beside);
        Ok(pairs)
    }

    /// What stands in the template is declared, and what is declared stands in it.
    fn demand_whole(&self) -> Result<()> {
        if !self.is_of_system && self.types.is_empty() {
            return Err(refused("resource", "it says of which types it is asked"));
        }
        for (name, template) in &self.template {
            let mut repeating = 0;
            let mut used = 0;
            for placed in template.names() {
                let declared = self.parameters.iter().find(|p| p.name == placed);
                let Some(declared) = declared else {
                    let text = format!("'{placed}' is no parameter of it with the use 'in'");
                    return Err(refused("extension", &text));
                };
                used += 1;
                repeating += usize::from(declared.repeats);
            }
            if used > 1 && repeating > 0 {
                let text = format!("'{name}' has two values of which one may repeat");
                return Err(refused("extension", &text));
            }
            if used > 0 && !takes_values(name) {
                let text = format!("'{name}' takes no value of a parameter");
                return Err(refused("extension", &text));
            }
        }
        let placed = |name: &str| {
            self.template
                .iter()
                .any(|(_, t)| t.names().any(|n| n == name))
        };
        match self.names().find(|name| !placed(name)) {
            Some(name) => {
                let text = format!("nothing stands for '{name}' in the query");
                Err(refused("parameter", &text))
            }
            None => Ok(()),
        }
    }

    /// The parameters of the template are served now, each for all types, and what it says itself reads.
    async fn demand_known(&self, engine: &Engine) -> Result<()> {
        let served = engine.asking().await?;
        let options = Options {
            strict: true,
            now_us: engine.now_us(),
            count_default: 1,
            count_max: engine.settings().page_entries_max,
            terminology: &Embedded,
        };
        let system = self.is_of_system.then_some(&[][..]);
        for types in self.types.chunks(1).chain(system) {
            let read = |pairs: &[(&str, &str)]| {
                ward_search::query::parse(&served.extractor, types, pairs, &options)
            };
            let fixed: Vec<Option<String>> = self
                .template
                .iter()
                .map(|(name, template)| template.fill(|_| None).filter(|_| !is_looked_up(name)))
                .collect();
            let given = |name: &str| {
                let reads = |value: &&&str| read(&[(name, value)]).is_ok();
                ANY_VALUES.iter().find(reads).unwrap_or(&ANY_VALUES[0])
            };
            let pairs: Vec<(&str, &str)> = self
                .template
                .iter()
                .zip(&fixed)
                .map(|((name, _), fixed)| match fixed {
                    Some(value) => (name.as_str(), value.as_str()),
                    None => (name.as_str(), *given(name)),
                })
                .collect();
            read(&pairs).map_err(|failure| {
                let why = failure.issues.first().map_or("", |i| &i.diagnostics);
                refused("extension", why)
            })?;
        }
        Ok(())
    }
}

fn types(node: Node<'_>) -> Result<Vec<TypeId>> {
    if node.text("type") != Some("true") {
        return Ok(Vec::new());
    }
    let mut types = Vec::new();
    for (at, name) in node.all("resource").enumerate() {
        let Some(ty) = r4().resource_type(name.value().unwrap_or_default()) else {
            let text = "it must be a type of which there are resources";
            return Err(refused(&format!("resource[{at}]"), text));
        };
        types.push(ty);
    }
    Ok(types)
}

fn parameters(node: Node<'_>) -> Result<Vec<Parameter>> {
    let mut parameters: Vec<Parameter> = Vec::new();
    for (at, parameter) in node.all("parameter").enumerate() {
        if parameter.text("use") != Some("in") {
            continue;
        }
        let name = parameter.text("name").unwrap_or_default();
        let place = format!("parameter[{at}].name");
        if !is_name(name) || name == "explain" {
            return Err(refused(&place, NAMES));
        }
        if parameters.iter().any(|p| p.name == name) {
            return Err(refused(&place, "it is there twice"));
        }
        if parameters.len() == PARAMETERS_MAX {
            let text = format!("it has more than {PARAMETERS_MAX} parameters");
            return Err(refused("parameter", &text));
        }
        parameters.push(Parameter {
            name: name.to_owned(),
            is_required: parameter.text("min").is_some_and(|min| min != "0"),
            repeats: parameter.text("max") != Some("1"),
        });
    }
    Ok(parameters)
}

fn template(text: &str) -> Result<Vec<(String, Template)>> {
    if text.len() > TEMPLATE_BYTES_MAX {
        let most = format!("its query has more than {TEMPLATE_BYTES_MAX} bytes");
        return Err(refused("extension", &most));
    }
    let pairs = decode_query(text)
        .map_err(|_| refused("extension", "what it percent-encodes is not UTF-8"))?;
    if pairs.is_empty() {
        let text = "the value is an ordinary query, such as gender=female&birthdate=lt{before}";
        return Err(refused("extension", text));
    }
    let read = |(name, value): (String, String)| match Template::read(&value) {
        Some(template) => Ok((name, template)),
        None => {
            let text = format!(
                "'{}' has a brace that is not around the name of a parameter; write a brace twice to mean itself",
                crate::route::printable(&name)
            );
            Err(refused("extension", &text))
        }
    };
    pairs.into_iter().map(read).collect()
}

/// A caller's value is one of a criterion: what shapes the answer is fixed, and so is the grammar of `_filter`.
fn takes_values(name: &str) -> bool {
    let criteria = [
        "_id",
        "_lastUpdated",
        "_tag",
        "_profile",
        "_security",
        "_source",
        "_text",
        "_content",
        "_list",
        "_has",
    ];
    !name.starts_with('_') || criteria.contains(&name.split(':').next().unwrap_or(name))
}

/// What shapes the answer and is said once.
fn is_single(name: &str) -> bool {
    let single = [
        "_sort",
        "_count",
        "_score",
        "_total",
        "_summary",
        "_elements",
        "_contained",
        "_containedType",
        "_type",
    ];
    single.contains(&name)
}

/// Value sets and code systems may be stored later, and others than these may be known to who asks.
fn is_looked_up(name: &str) -> bool {
    let modifier = name.rsplit(':').next().unwrap_or_default();
    name.contains(':') && matches!(modifier, "in" | "not-in" | "above" | "below")
}

/// Of which one reads wherever the caller gives a value: as most kinds, as a composite, as a place, as a token with a type, as what is
/// looked up.
const ANY_VALUES: [&str; 7] = [
    "2000",
    "2000$2000",
    "1|1",
    "urn:x|1|1",
    "true",
    "http://hl7.org/fhir/ValueSet/administrative-gender",
    "http://hl7.org/fhir/administrative-gender|male",
];

fn refused(element: &str, why: &str) -> Failure {
    let text = format!("this query cannot be answered: {why}");
    Failure::new(Kind::BusinessRule, text).at(format!("OperationDefinition.{element}"))
}
