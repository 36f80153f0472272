//! Runs an expression over borrowed nodes. Nothing is allocated for path steps; every loop pays into the step budget.

mod arithmetic;
mod convert;
mod filter;
mod math;
mod run;
mod sets;
mod strings;
mod terminology;
#[cfg(test)]
mod tests;
mod tree;
mod truth;
mod walk;

use ward_fhir::tree::Node;

use crate::STEPS_MAX;
use crate::compile::Op;
use crate::error::EvaluationError;
use crate::host::{Host, Offline};
use crate::value::{Collection, Item};

use run::{Run, Scope};

/// A compiled expression: immutable, shareable between threads.
#[derive(Debug)]
pub struct Expression {
    text: Box<str>,
    op: Op,
}

/// What the expression may see besides its focus.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// `%resource`; by default the resource that holds the focus.
    pub resource: Option<Node<'a>>,
    /// `%rootResource`; by default the container of `%resource` when that is contained, else the same.
    pub root_resource: Option<Node<'a>>,
    /// The instant of `now()`, `today()` and `timeOfDay()`: microseconds since 1970-01-01T00:00:00Z.
    pub now_us: i64,
    pub steps_max: u64,
    /// `%name` to its value.
    pub constants: &'a [(&'a str, &'a [Item<'a>])],
    pub host: &'a dyn Host,
}

impl Context<'_> {
    /// With the default budget and a host that knows only the document and the R4 definitions.
    pub fn at(now_us: i64) -> Self {
        Self {
            resource: None,
            root_resource: None,
            now_us,
            steps_max: STEPS_MAX,
            constants: &[],
            host: &Offline,
        }
    }
}

impl Expression {
    pub(crate) fn new(text: &str, op: Op) -> Self {
        Self {
            text: text.into(),
            op,
        }
    }

    /// The source text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Evaluates with `focus` as `$this` and `%context`.
    pub fn evaluate<'a>(
        &'a self,
        focus: Node<'a>,
        cx: &Context<'a>,
    ) -> Result<Collection<'a>, EvaluationError> {
        self.evaluate_item(Some(Item::Node(focus)), cx)
    }

    /// As `evaluate`, for any item or none.
    pub fn evaluate_item<'a>(
        &'a self,
        focus: Option<Item<'a>>,
        cx: &Context<'a>,
    ) -> Result<Collection<'a>, EvaluationError> {
        let run = Run::new(cx, focus.as_ref());
        let mut out = Collection::new();
        run.eval(&self.op, &Scope::of(focus.as_ref()), &mut out)?;
        Ok(out)
    }

    /// The truth of an invariant: `None` when the result is empty, which callers take for "holds" (there was nothing to judge).
    /// A single item that is no boolean is true; several items are an error.
    pub fn test<'a>(
        &'a self,
        focus: Node<'a>,
        cx: &Context<'a>,
    ) -> Result<Option<bool>, EvaluationError> {
        let focus = Item::Node(focus);
        Run::new(cx, Some(&focus)).truth(&self.op, &Scope::of(Some(&focus)))
    }

    /// Calls `visit` with each node of the result without building a collection; other items are left out.
    pub fn for_each_node<'a>(
        &'a self,
        focus: Node<'a>,
        cx: &Context<'a>,
        mut visit: impl FnMut(Node<'a>),
    ) -> Result<(), EvaluationError> {
        let focus = Item::Node(focus);
        let run = Run::new(cx, Some(&focus));
        let scope = Scope::of(Some(&focus));
        match &self.op {
            Op::Walk { start, steps } => run
                .walk(start, steps, &scope, &mut |item| {
                    if let Item::Node(node) = item {
                        visit(node);
                    }
                    Ok(walk::Flow::Continue)
                })
                .map(drop),
            op => {
                let mut out = Collection::new();
                run.eval(op, &scope, &mut out)?;
                out.iter().filter_map(Item::node).for_each(visit);
                Ok(())
            }
        }
    }
}
