//! FHIRPath Patch: a Parameters resource of operations. <https://hl7.org/fhir/R4/fhirpatch.html>
//!
//! Each operation makes a new document of the one before, so that the next one's path sees its effect; cost is linear in
//! the document per operation and bounded as a whole.

mod edit;
mod operation;
#[cfg(test)]
mod tests;
mod value;

use edit::{Edit, Place};
use operation::{Operation, Part};
use value::NewValue;
use ward_fhir::json::{Stamp, write};
use ward_fhir::tree::{Document, Limits};
use ward_fhir::{Failure, Node};
use ward_fhirpath::{Context, Item, compile};

use super::{
    NODES_MAX, OPERATIONS_MAX, WORK_MAX, malformed, too_big, too_many_operations, unprocessable,
};

type Result<T> = std::result::Result<T, Failure>;

/// Applies the operations of a Parameters resource and gives the new JSON text. An element that a
/// deletion leaves empty goes too, since FHIR knows no empty ones. A path cannot ask for the time: a patch that is sent
/// again must mean the same.
///
/// # Errors
/// 400 when an operation is not one; 422 when its path or value does not fit this resource: none is applied then.
pub fn fhirpath(doc: Node<'_>, parameters: Node<'_>) -> Result<Vec<u8>> {
    let operations = operation::read(parameters)?;
    if operations.len() > OPERATIONS_MAX {
        return Err(too_many_operations());
    }
    let share = STEPS_TOTAL_MAX / operations.len().max(1) as u64;
    let steps_max = share.clamp(STEPS_MIN, STEPS_MAX);
    let mut document = Document::extract(doc);
    for (index, operation) in operations.iter().enumerate() {
        if (index + 1).saturating_mul(document.len()) > WORK_MAX {
            return Err(too_big(index));
        }
        let application = Application {
            index,
            root: document.root(),
            steps_max,
        };
        if let Some(edit) = application.plan(operation)? {
            let edited = edit
                .apply(document.root())
                .map_err(|what| unprocessable(index, what))?;
            if edited.len() > NODES_MAX || edit::depth(&edited) > Limits::default().depth_max + 1 {
                return Err(too_big(index));
            }
            document = edited;
        }
    }
    let mut out = Vec::new();
    write(document.root(), Stamp::default(), &mut out);
    Ok(out)
}

/// One operation on the document as it is now.
struct Application<'d> {
    index: usize,
    root: Node<'d>,
    steps_max: u64,
}

impl<'d> Application<'d> {
    /// What is to be done; nothing when the element to delete is not there.
    fn plan<'v>(&self, operation: &Operation<'v>) -> Result<Option<Edit<'v>>> {
        let found = self.find(operation.path)?;
        Ok(Some(match operation.part {
            Part::Add { name, value } => self.add(&found, name, value)?,
            Part::Insert { index, value } => self.insert(&found, index, value)?,
            Part::Replace { value } => self.replace(&found, value)?,
            Part::Move {
                source,
                destination,
            } => self.move_within(&found, source, destination)?,
            Part::Delete => match found[..] {
                [] => return Ok(None),
                [node] => self.delete(node)?,
                _ => return Err(self.unprocessable("`path` leads to more than one element")),
            },
        }))
    }

    fn add<'v>(&self, found: &[Node<'d>], name: &str, value: NewValue<'v>) -> Result<Edit<'v>> {
        let parent = self.single(found)?;
        let member = value
            .member_of(parent.ty(), name)
            .map_err(|what| self.unprocessable(what))?;
        let element = ward_fhir::schema::r4().element(member.element);
        if !member.is_array && parent.all(element.name).next().is_some() {
            return Err(self
                .unprocessable("the element does not repeat and is there already: use `replace`"));
        }
        // After the last that the definition puts before it or beside it.
        let order = |n: &Node<'_>| n.element().is_some_and(|e| e.order <= element.order);
        let at = parent
            .children()
            .collect::<Vec<_>>()
            .iter()
            .rposition(order)
            .map_or(0, |at| at + 1);
        Ok(Edit::new(
            parent,
            Place::Insert {
                at,
                member: member.id,
                value,
            },
        ))
    }

    fn insert<'v>(
        &self,
        found: &[Node<'d>],
        index: usize,
        value: NewValue<'v>,
    ) -> Result<Edit<'v>> {
        let (parent, places) = self.list(found)?;
        let at = match (places.get(index), places.last()) {
            (Some(at), _) => *at,
            (None, Some(last)) if index == places.len() => last + 1,
            _ => return Err(self.unprocessable("`index` is beyond the end of the list")),
        };
        let member = value
            .member_of(parent.ty(), found[0].json_name())
            .map_err(|what| self.unprocessable(what))?;
        Ok(Edit::new(
            parent,
            Place::Insert {
                at,
                member: member.id,
                value,
            },
        ))
    }

    fn replace<'v>(&self, found: &[Node<'d>], value: NewValue<'v>) -> Result<Edit<'v>> {
        let node = self.single(found)?;
        let Some(parent) = node.parent() else {
            return Err(self.unprocessable("the resource itself cannot be replaced"));
        };
        // By the name without type: a choice may change its type.
        let member = value
            .member_of(parent.ty(), node.name())
            .map_err(|what| self.unprocessable(what))?;
        Ok(Edit::new(
            parent,
            Place::Replace {
                at: edit::place_of(node),
                member: member.id,
                value,
            },
        ))
    }

    fn delete<'v>(&self, node: Node<'d>) -> Result<Edit<'v>> {
        let mut gone = node;
        while let Some(parent) = gone.parent() {
            // An `id` alone does not keep an element.
            let keeps = |c: Node<'_>| c != gone && c.json_name() != "id";
            if parent.is_resource() || parent.value().is_some() || parent.children().any(keeps) {
                return Ok(Edit::new(
                    parent,
                    Place::Remove {
                        at: edit::place_of(gone),
                    },
                ));
            }
            gone = parent;
        }
        Err(self.unprocessable("the resource itself cannot be deleted by a patch"))
    }

    fn move_within<'v>(
        &self,
        found: &[Node<'d>],
        source: usize,
        destination: usize,
    ) -> Result<Edit<'v>> {
        let (parent, places) = self.list(found)?;
        match (places.get(source), places.get(destination)) {
            (Some(from), Some(to)) => Ok(Edit::new(
                parent,
                Place::Move {
                    from: *from,
                    to: *to,
                },
            )),
            _ => Err(self.unprocessable("`source` or `destination` is beyond the end of the list")),
        }
    }

    /// What the path leads to in the resource.
    fn find(&self, path: &str) -> Result<Vec<Node<'d>>> {
        if CLOCK.iter().any(|f| path.contains(f)) {
            return Err(self.unprocessable("`path` cannot ask for the time"));
        }
        let expression = compile(path)
            .map_err(|e| malformed(self.index, format_args!("`path` is not FHIRPath: {e}")))?;
        let context = Context {
            steps_max: self.steps_max,
            ..Context::at(0)
        };
        let mut nodes = Vec::new();
        let found = expression
            .evaluate(self.root, &context)
            .map_err(|e| self.unprocessable(format_args!("`path`: {e}")))?;
        for item in found {
            match item {
                Item::Node(node) if std::ptr::eq(node.document(), self.root.document()) => {
                    nodes.push(self.root.document().node(node.index()));
                }
                _ => {
                    return Err(
                        self.unprocessable("`path` does not lead to elements of the resource")
                    );
                }
            }
        }
        Ok(nodes)
    }

    fn single(&self, found: &[Node<'d>]) -> Result<Node<'d>> {
        match *found {
            [node] => Ok(node),
            [] => Err(self.unprocessable("`path` leads to nothing")),
            _ => Err(self.unprocessable("`path` leads to more than one element")),
        }
    }

    /// The one parent of a repeating element's occurrences, and their places among its children.
    fn list(&self, found: &[Node<'d>]) -> Result<(Node<'d>, Vec<usize>)> {
        let Some(first) = found.first() else {
            return Err(self.unprocessable("`path` leads to nothing: use `add`"));
        };
        let repeats = first
            .member()
            .is_some_and(|m| ward_fhir::schema::r4().member(m).is_array);
        let Some(parent) = first.parent().filter(|_| repeats) else {
            return Err(self.unprocessable("`path` does not lead to a list"));
        };
        let alike = |n: &Node<'_>| n.member() == first.member() && n.parent() == Some(parent);
        if !found.iter().all(alike) {
            return Err(self.unprocessable("`path` leads to more than one list"));
        }
        let children = parent.children().enumerate();
        let places = children
            .filter(|(_, c)| found.contains(c))
            .map(|(at, _)| at)
            .collect::<Vec<_>>();
        Ok((parent, places))
    }

    fn unprocessable(&self, what: impl std::fmt::Display) -> Failure {
        unprocessable(self.index, what)
    }
}

/// Steps of one path, about 10 ms; with many operations each has less, but never less than a plain path needs.
const STEPS_MAX: u64 = 100_000;
const STEPS_MIN: u64 = 2_000;
/// Steps of all paths of one patch.
const STEPS_TOTAL_MAX: u64 = 2_000_000;

const CLOCK: [&str; 3] = ["now()", "today()", "timeOfDay()"];
