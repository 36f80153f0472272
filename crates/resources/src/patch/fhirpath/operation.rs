//! The operations as they lie in a Parameters resource. <https://hl7.org/fhir/R4/fhirpatch.html>

use ward_fhir::{Failure, Kind, Node};

use super::super::malformed;
use super::value::NewValue;

type Result<T> = std::result::Result<T, Failure>;

pub(super) struct Operation<'p> {
    pub path: &'p str,
    pub part: Part<'p>,
}

#[derive(Clone, Copy)]
pub(super) enum Part<'p> {
    Add { name: &'p str, value: NewValue<'p> },
    Insert { index: usize, value: NewValue<'p> },
    Delete,
    Replace { value: NewValue<'p> },
    Move { source: usize, destination: usize },
}

/// All operations, understood but not yet tried.
pub(super) fn read(parameters: Node<'_>) -> Result<Vec<Operation<'_>>> {
    if parameters.type_name() != "Parameters" {
        return Err(Failure::new(
            Kind::Invalid,
            "a FHIRPath Patch is a Parameters resource",
        ));
    }
    parameters
        .all("parameter")
        .enumerate()
        .map(|(index, p)| operation(index, p))
        .collect()
}

fn operation(index: usize, parameter: Node<'_>) -> Result<Operation<'_>> {
    if parameter.text("name") != Some("operation") {
        return Err(malformed(
            index,
            "every parameter must be named `operation`",
        ));
    }
    let mut parts = Parts {
        index,
        found: [None; NAMES.len()],
    };
    for part in parameter.all("part") {
        parts.take(part)?;
    }
    let path = parts.text("path")?;
    let part = match parts.text("type")? {
        "add" => Part::Add {
            name: parts.text("name")?,
            value: parts.value()?,
        },
        "insert" => Part::Insert {
            index: parts.number("index")?,
            value: parts.value()?,
        },
        "delete" => Part::Delete,
        "replace" => Part::Replace {
            value: parts.value()?,
        },
        "move" => Part::Move {
            source: parts.number("source")?,
            destination: parts.number("destination")?,
        },
        _ => {
            return Err(malformed(
                index,
                "`type` must be add, insert, delete, replace or move",
            ));
        }
    };
    Ok(Operation { path, part })
}

const NAMES: [&str; 7] = [
    "type",
    "path",
    "name",
    "value",
    "index",
    "source",
    "destination",
];

struct Parts<'p> {
    index: usize,
    found: [Option<Node<'p>>; NAMES.len()],
}

impl<'p> Parts<'p> {
    fn take(&mut self, part: Node<'p>) -> Result<()> {
        let name = part.text("name");
        let Some(at) = NAMES.iter().position(|n| Some(*n) == name) else {
            return Err(malformed(self.index, "a part has a name that is not known"));
        };
        if self.found[at].replace(part).is_some() {
            return Err(malformed(
                self.index,
                format_args!("there is more than one part `{}`", NAMES[at]),
            ));
        }
        Ok(())
    }

    fn part(&self, name: &str) -> Result<Node<'p>> {
        let found = NAMES
            .iter()
            .position(|n| *n == name)
            .and_then(|at| self.found[at]);
        found.ok_or_else(|| malformed(self.index, format_args!("the part `{name}` is missing")))
    }

    fn text(&self, name: &str) -> Result<&'p str> {
        let text = self.part(name)?.text("value");
        text.ok_or_else(|| {
            malformed(
                self.index,
                format_args!("the part `{name}` must have a text"),
            )
        })
    }

    fn number(&self, name: &str) -> Result<usize> {
        let number = self.text(name)?.parse();
        number.map_err(|_| {
            malformed(
                self.index,
                format_args!("the part `{name}` must be a whole number, not negative"),
            )
        })
    }

    fn value(&self) -> Result<NewValue<'p>> {
        NewValue::of(self.part("value")?).map_err(|what| malformed(self.index, what))
    }
}
