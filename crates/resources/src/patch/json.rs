//! JSON Patch. <https://www.rfc-editor.org/rfc/rfc6902> on the JSON form of the resource.

mod pointer;
pub(super) mod value;

use pointer::Pointer;
use value::Value;
use ward_fhir::json::{Stamp, write};
use ward_fhir::{Failure, Kind, Node};

use super::{
    DEPTH_MAX, NODES_MAX, OPERATIONS_MAX, malformed, too_big, too_many_operations, unprocessable,
};

type Result<T> = std::result::Result<T, Failure>;

/// Applies a JSON Patch to a resource and gives the new JSON text. Arrays and objects that lost their last member to the
/// patch go too, since FHIR knows no empty ones.
///
/// # Errors
/// 400 when the patch is not one; 422 when an operation does not fit or a `test` fails: none is applied then.
pub fn json(doc: Node<'_>, patch: &[u8]) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    write(doc, Stamp::default(), &mut text);
    let mut root = Value::read(&text)?;
    apply(&mut root, &Value::read(patch)?)?;
    root.drop_emptied();
    let mut out = Vec::with_capacity(text.len());
    root.write(&mut out);
    Ok(out)
}

/// The operations one after the other on any JSON value.
pub(super) fn apply(root: &mut Value, patch: &Value) -> Result<()> {
    let Value::Array(operations) = patch else {
        return Err(Failure::new(
            Kind::Invalid,
            "a JSON Patch is an array of operations",
        ));
    };
    if operations.len() > OPERATIONS_MAX {
        return Err(too_many_operations());
    }
    let mut room = NODES_MAX;
    for (index, operation) in operations.iter().enumerate() {
        let operation = Operation {
            index,
            object: operation,
        };
        match operation.text("op")? {
            "add" => operation.add(
                root,
                &operation.pointer("path")?,
                operation.value()?.clone(),
            )?,
            "remove" => drop(operation.remove(root, &operation.pointer("path")?)?),
            "replace" => operation.replace(root)?,
            "move" => operation.move_value(root)?,
            "copy" => operation.copy(root, &mut room)?,
            "test" => operation.test(root)?,
            _ => {
                return Err(malformed(
                    index,
                    "`op` must be add, remove, replace, move, copy or test",
                ));
            }
        }
    }
    Ok(())
}

struct Operation<'p> {
    index: usize,
    object: &'p Value,
}

impl<'p> Operation<'p> {
    fn add(&self, root: &mut Value, path: &Pointer, value: Value) -> Result<()> {
        if path.depth() + value.depth() > DEPTH_MAX {
            return Err(too_big(self.index));
        }
        let Some((name, parent)) = path.last() else {
            *root = value;
            return Ok(());
        };
        let parent = root
            .at_mut(parent)
            .ok_or_else(|| self.unprocessable("the parent of `path` does not exist"))?;
        parent.restore();
        match parent {
            Value::Object(members) => match members.iter_mut().find(|(n, _)| n == name) {
                Some((_, old)) => *old = value,
                None => members.push((name.to_owned(), value)),
            },
            Value::Array(items) => {
                let at = if name == "-" {
                    Some(items.len())
                } else {
                    pointer::index(name)
                };
                match at.filter(|at| *at <= items.len()) {
                    Some(at) => items.insert(at, value),
                    None => {
                        return Err(self.unprocessable("`path` is not an index within the array"));
                    }
                }
            }
            _ => {
                return Err(
                    self.unprocessable("the parent of `path` is neither an object nor an array")
                );
            }
        }
        Ok(())
    }

    fn remove(&self, root: &mut Value, path: &Pointer) -> Result<Value> {
        let Some((name, parent)) = path.last() else {
            return Err(self.unprocessable("the whole resource cannot be removed by a patch"));
        };
        let parent = root.at_mut(parent).ok_or_else(|| self.missing("path"))?;
        let removed = match parent {
            Value::Object(members) => members
                .iter()
                .position(|(n, _)| n == name)
                .map(|at| members.remove(at).1),
            Value::Array(items) => pointer::index(name)
                .filter(|at| *at < items.len())
                .map(|at| items.remove(at)),
            _ => None,
        };
        parent.note_emptied();
        removed.ok_or_else(|| self.missing("path"))
    }

    fn replace(&self, root: &mut Value) -> Result<()> {
        let (path, value) = (self.pointer("path")?, self.value()?);
        if path.depth() + value.depth() > DEPTH_MAX {
            return Err(too_big(self.index));
        }
        *root
            .at_mut(path.tokens())
            .ok_or_else(|| self.missing("path"))? = value.clone();
        Ok(())
    }

    fn move_value(&self, root: &mut Value) -> Result<()> {
        let (from, path) = (self.pointer("from")?, self.pointer("path")?);
        if path.is_within(&from) {
            return Err(self.unprocessable("a value cannot be moved into itself"));
        }
        if path.tokens() == from.tokens() {
            return root
                .at_mut(from.tokens())
                .map(|_| ())
                .ok_or_else(|| self.missing("from"));
        }
        let value = self.remove(root, &from)?;
        self.add(root, &path, value)
    }

    fn copy(&self, root: &mut Value, room: &mut usize) -> Result<()> {
        let (from, path) = (self.pointer("from")?, self.pointer("path")?);
        let value = root
            .at_mut(from.tokens())
            .ok_or_else(|| self.missing("from"))?;
        // Copying what was copied doubles: the sum of all copies is bounded.
        *room = room
            .checked_sub(value.size())
            .ok_or_else(|| too_big(self.index))?;
        let value = value.clone();
        self.add(root, &path, value)
    }

    fn test(&self, root: &mut Value) -> Result<()> {
        let path = self.pointer("path")?;
        let found = root
            .at_mut(path.tokens())
            .ok_or_else(|| self.missing("path"))?;
        if !found.equals(self.value()?) {
            return Err(self.unprocessable("the test failed: the value at `path` is another"));
        }
        Ok(())
    }

    fn member(&self, name: &str) -> Result<&'p Value> {
        let Value::Object(members) = self.object else {
            return Err(malformed(self.index, "an operation is an object"));
        };
        let found = members.iter().find(|(n, _)| n == name).map(|(_, v)| v);
        found.ok_or_else(|| malformed(self.index, format_args!("`{name}` is missing")))
    }

    fn value(&self) -> Result<&'p Value> {
        self.member("value")
    }

    fn text(&self, name: &str) -> Result<&'p str> {
        match self.member(name)? {
            Value::String(text) => Ok(text),
            _ => Err(malformed(
                self.index,
                format_args!("`{name}` must be a string"),
            )),
        }
    }

    fn pointer(&self, name: &str) -> Result<Pointer> {
        Pointer::parse(self.text(name)?)
            .map_err(|what| malformed(self.index, format_args!("`{name}`: {what}")))
    }

    fn missing(&self, name: &str) -> Failure {
        self.unprocessable(format_args!("`{name}` does not exist"))
    }

    fn unprocessable(&self, what: impl std::fmt::Display) -> Failure {
        unprocessable(self.index, what)
    }
}

#[cfg(test)]
mod tests;
