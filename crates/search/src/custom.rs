//! SearchParameter resources of clients: what of them is served, and why the rest is refused.
//! <https://hl7.org/fhir/R4/searchparameter.html>
//!
//! Their expressions are paths, as those of the R4 package: a walk of bounded depth and width over one resource, without
//! loops, functions of their own or other resources.

use crate::definition::Custom;
use crate::expression::{self, Path, Shape};
use crate::program;
use crate::registry::{Parameter, Registry};
use std::sync::Arc;
use ward_fhir::schema::{Schema, SearchType};
use ward_fhir::{Failure, Kind, Node, TypeId};

/// Custom parameters that are served.
pub const PER_SERVER_MAX: usize = 256;
/// The same on one resource type. With the limits below a type's program stays under 2^16 branches.
pub const PER_TYPE_MAX: usize = 64;
pub const EXPRESSION_BYTES_MAX: usize = 4_000;
/// Paths that an expression joins with `|`, and steps of each.
pub const PATHS_MAX: usize = 64;
pub const STEPS_MAX: usize = 12;
/// Elements that one parameter reads of one type, each type of a choice counted.
pub const ELEMENTS_MAX: usize = 40;

/// What a SearchParameter adds to the package. `None`: nothing, since every type it is for has it already.
///
/// Errors: `BusinessRule` with the element that is refused. Linear in the expression and the types.
pub fn read(
    node: Node<'_>,
    package: &Registry,
    number: u16,
) -> Result<Option<Arc<Custom>>, Failure> {
    let ty = kind(node)?;
    let custom = Arc::new(Custom {
        number,
        url: node.text("url").unwrap_or_default().into(),
        code: code(node)?.into(),
        ty,
        bases: bases(node, package)?,
        expression: read_expression(node)?.into(),
        targets: targets(node, package),
    });
    let mut added = Vec::new();
    for base in &custom.bases {
        if !is_known(package, *base, &custom)? {
            added.push(*base);
        }
    }
    if added.is_empty() {
        return Ok(None);
    }
    Ok(Some(Arc::new(Custom {
        bases: added,
        ..Custom::clone(&custom)
    })))
}

/// Whether the package answers it for the type: the same code, type and elements.
fn is_known(package: &Registry, base: TypeId, custom: &Arc<Custom>) -> Result<bool, Failure> {
    let schema = package.schema();
    let name = schema.ty(base).name;
    let parameter = Parameter::custom(schema, base, custom);
    if let Err(reason) = parameter.service {
        let place = match unresolved(schema, base, &custom.expression) {
            Some(word) => format!("{name}: '{word}'"),
            None => name.to_owned(),
        };
        return Err(refused("expression", &format!("{reason} ({place})")));
    }
    if parameter.truth && custom.ty != SearchType::Token {
        return Err(refused("type", "what is true or false is a token"));
    }
    if parameter.atoms.len() > ELEMENTS_MAX {
        let text = format!("it reads more than {ELEMENTS_MAX} elements of {name}");
        return Err(refused("expression", &text));
    }
    let Some(known) = package.find(base, &custom.code) else {
        return Ok(false);
    };
    let same = known.ty() == custom.ty
        && known.truth == parameter.truth
        && known.atoms.len() == parameter.atoms.len()
        && known.atoms.iter().all(|a| parameter.atoms.contains(a));
    if same && known.is_served() {
        return Ok(true);
    }
    let text = format!("{name} has a parameter of this name that reads something else");
    Err(refused("code", &text))
}

/// The first name in an expression that the type has no place for.
fn unresolved<'a>(schema: &Schema, base: TypeId, text: &'a str) -> Option<&'a str> {
    let paths = match expression::parse(text)? {
        Shape::Paths(paths) => paths,
        Shape::Truth(path) => vec![path],
    };
    let is_of = |path: &Path<'_>| {
        let root = path.root.map(|root| schema.type_id(root));
        root.is_none_or(|root| root.is_some_and(|root| schema.is_a(base, root)))
    };
    let mut paths = paths.iter().filter(|path| is_of(path));
    let word = paths.find_map(|path| program::unresolved(schema, base, path))?;
    Some(word.get(..80).unwrap_or(word))
}

fn code<'a>(node: Node<'a>) -> Result<&'a str, Failure> {
    let code = node.text("code").unwrap_or_default();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if code.is_empty() || code.len() > 64 || !code.bytes().all(plain) {
        let text =
            "it is letters, digits and hyphens, 64 at most: others have a meaning in a query";
        return Err(refused("code", text));
    }
    if RESERVED.contains(&code) {
        return Err(refused("code", "the server reads this name itself"));
    }
    Ok(code)
}

fn kind(node: Node<'_>) -> Result<SearchType, Failure> {
    Ok(match node.text("type").unwrap_or_default() {
        "number" => SearchType::Number,
        "date" => SearchType::Date,
        "string" => SearchType::String,
        "token" => SearchType::Token,
        "reference" => SearchType::Reference,
        "quantity" => SearchType::Quantity,
        "uri" => SearchType::Uri,
        "composite" => {
            let text = "composites are served of the R4 package only; ask for the components with a parameter each";
            return Err(refused("type", text));
        }
        _ => {
            let text = "a special parameter has a meaning that no definition states";
            return Err(refused("type", text));
        }
    })
}

fn bases(node: Node<'_>, package: &Registry) -> Result<Vec<TypeId>, Failure> {
    let mut bases = Vec::new();
    for (at, base) in node.all("base").enumerate() {
        let Some(ty) = package
            .schema()
            .resource_type(base.value().unwrap_or_default())
        else {
            let text = "it must be a type of which there are resources";
            return Err(refused(&format!("base[{at}]"), text));
        };
        if !bases.contains(&ty) {
            bases.push(ty);
        }
    }
    Ok(bases)
}

/// An abstract type stands for all.
fn targets(node: Node<'_>, package: &Registry) -> Vec<TypeId> {
    let found = node.all("target").map(|t| {
        package
            .schema()
            .resource_type(t.value().unwrap_or_default())
    });
    found.collect::<Option<Vec<_>>>().unwrap_or_default()
}

fn read_expression<'a>(node: Node<'a>) -> Result<&'a str, Failure> {
    let Some(text) = node.text("expression") else {
        return Err(refused("expression", "it says which elements are read"));
    };
    if text.len() > EXPRESSION_BYTES_MAX {
        let most = format!("it has more than {EXPRESSION_BYTES_MAX} bytes");
        return Err(refused("expression", &most));
    }
    if let Some((at, part)) = expression::unread(text) {
        let part: String = part.chars().take(80).collect();
        let text = format!(
            "'{part}' (from character {}) is not served: an expression is a path, or several with '|', of element names, \
             as(Type), ofType(Type), [index], extension('url'), where(name = 'text'), where(resolve() is Type) and \
             where(hasExtension('url'))",
            text[..at].chars().count() + 1
        );
        return Err(refused("expression", &text));
    }
    if expression::size(text).is_none_or(|(paths, steps)| paths > PATHS_MAX || steps > STEPS_MAX) {
        let most =
            format!("it has more than {PATHS_MAX} paths, or one of more than {STEPS_MAX} steps");
        return Err(refused("expression", &most));
    }
    Ok(text)
}

fn refused(element: &str, why: &str) -> Failure {
    let text = format!("this SearchParameter cannot be served: {why}");
    Failure::new(Kind::BusinessRule, text).at(format!("SearchParameter.{element}"))
}

/// Names without an underscore that are not criteria.
const RESERVED: &[&str] = &["explain"];
