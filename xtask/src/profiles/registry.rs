//! SearchParameters, OperationDefinitions and CompartmentDefinitions.
//! <https://hl7.org/fhir/R4/searchparameter-registry.html>

use serde_json::Value;

use super::package::{Package, items_of, text_of, texts_of, without_version};

const COMPARTMENT_DEFINITION: &str = "http://hl7.org/fhir/CompartmentDefinition/";

/// How a type is written in the table: by its number, or by its name in a package that does not define it.
pub type TypeText<'a> = &'a dyn Fn(&str) -> Result<String, String>;

pub struct Registry {
    pub search_parameters: Vec<SearchParameterRow>,
    pub operations: Vec<OperationRow>,
    pub compartments: Vec<CompartmentRow>,
}

/// Ordered by url; the position is the parameter's number.
pub struct SearchParameterRow {
    pub url: String,
    pub code: String,
    pub ty: String,
    pub bases: Vec<String>,
    pub expression: String,
    /// Empty: any type.
    pub targets: Vec<String>,
    pub multiple_or: bool,
    pub multiple_and: bool,
    pub comparators: Vec<String>,
    pub modifiers: Vec<String>,
    pub chains: Vec<String>,
    /// (definition url, expression)
    pub components: Vec<(String, String)>,
}

pub struct OperationRow {
    pub url: String,
    pub code: String,
    pub affects_state: bool,
    pub system: bool,
    pub type_level: bool,
    pub instance: bool,
    pub resources: Vec<String>,
}

pub struct CompartmentRow {
    pub code: String,
    pub members: Vec<(String, Vec<String>)>,
}

impl Registry {
    pub fn build(package: &Package, types: TypeText<'_>) -> Result<Self, String> {
        Ok(Self {
            search_parameters: package
                .all("SearchParameter")
                .map(|p| search_parameter(p, types))
                .collect::<Result<_, _>>()?,
            operations: package
                .all("OperationDefinition")
                .map(|o| operation(o, types))
                .collect::<Result<_, _>>()?,
            compartments: package
                .all("CompartmentDefinition")
                .filter(|c| is_official(c))
                .map(|c| compartment(c, types))
                .collect::<Result<_, _>>()?,
        })
    }
}

fn search_parameter(parameter: &Value, types: TypeText<'_>) -> Result<SearchParameterRow, String> {
    let targets = if texts_of(parameter, "target").contains(&"Resource") {
        Vec::new()
    } else {
        type_texts(parameter, "target", types)?
    };
    Ok(SearchParameterRow {
        url: text_of(parameter, "url").to_owned(),
        code: text_of(parameter, "code").to_owned(),
        ty: text_of(parameter, "type").to_owned(),
        bases: type_texts(parameter, "base", types)?,
        expression: text_of(parameter, "expression").to_owned(),
        targets,
        multiple_or: parameter["multipleOr"] != false,
        multiple_and: parameter["multipleAnd"] != false,
        comparators: owned(parameter, "comparator"),
        modifiers: owned(parameter, "modifier"),
        chains: owned(parameter, "chain"),
        components: items_of(parameter, "component")
            .iter()
            .map(|c| {
                (
                    without_version(text_of(c, "definition")).to_owned(),
                    text_of(c, "expression").to_owned(),
                )
            })
            .collect(),
    })
}

fn operation(operation: &Value, types: TypeText<'_>) -> Result<OperationRow, String> {
    Ok(OperationRow {
        url: text_of(operation, "url").to_owned(),
        code: text_of(operation, "code").to_owned(),
        affects_state: operation["affectsState"] == true,
        system: operation["system"] == true,
        type_level: operation["type"] == true,
        instance: operation["instance"] == true,
        resources: type_texts(operation, "resource", types)?,
    })
}

/// The package also carries an example definition; the real ones are named after their compartment.
fn is_official(definition: &Value) -> bool {
    let name = text_of(definition, "url").strip_prefix(COMPARTMENT_DEFINITION);
    name.is_some_and(|n| n.eq_ignore_ascii_case(text_of(definition, "code")))
}

fn compartment(definition: &Value, types: TypeText<'_>) -> Result<CompartmentRow, String> {
    let mut rows: Vec<&Value> = items_of(definition, "resource")
        .iter()
        .filter(|r| !items_of(r, "param").is_empty())
        .collect();
    rows.sort_by_key(|r| text_of(r, "code"));
    let members = rows
        .into_iter()
        .map(|r| Ok((types(text_of(r, "code"))?, owned(r, "param"))))
        .collect::<Result<_, String>>()?;
    Ok(CompartmentRow {
        code: text_of(definition, "code").to_owned(),
        members,
    })
}

fn type_texts(value: &Value, member: &str, types: TypeText<'_>) -> Result<Vec<String>, String> {
    texts_of(value, member).into_iter().map(types).collect()
}

fn owned(value: &Value, member: &str) -> Vec<String> {
    texts_of(value, member)
        .into_iter()
        .map(str::to_owned)
        .collect()
}
