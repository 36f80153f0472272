//! Path steps as a direct depth-first walk. <http://hl7.org/fhirpath/N1/#path-selection>

use ward_fhir::schema::{TypeKind, r4};
use ward_fhir::tree::Node;

use super::run::{Result, Run, Scope};
use crate::compile::{Op, Step};
use crate::names::names;
use crate::syntax::TypeTest;
use crate::value::{Item, SystemType};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Continue,
    Stop,
}

impl<'a> Run<'a, '_> {
    /// Calls `visit` with each item the steps lead to, in order, until it says stop.
    pub fn walk<F>(
        &self,
        start: &'a Op,
        steps: &'a [Step],
        scope: &Scope<'a, '_>,
        visit: &mut F,
    ) -> Result<Flow>
    where
        F: FnMut(Item<'a>) -> Result<Flow>,
    {
        if let Op::This = start {
            return match scope.this {
                Some(Item::Node(node)) => self.walk_node(*node, steps, scope, visit),
                Some(item) => self.walk_item(item.clone(), steps, scope, visit),
                None => Ok(Flow::Continue),
            };
        }
        for item in self.collect(start, scope)? {
            if self.walk_item(item, steps, scope, visit)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }

    fn walk_node<F>(
        &self,
        node: Node<'a>,
        steps: &'a [Step],
        scope: &Scope<'a, '_>,
        visit: &mut F,
    ) -> Result<Flow>
    where
        F: FnMut(Item<'a>) -> Result<Flow>,
    {
        let Some((step, rest)) = steps.split_first() else {
            return visit(Item::Node(node));
        };
        let passes = match step {
            Step::Child(name) => {
                let mut seen = 1;
                for child in node.children() {
                    seen += 1;
                    if child
                        .member()
                        .is_some_and(|m| self.member_names[m.0 as usize] == *name)
                        && self.walk_node(child, rest, scope, visit)? == Flow::Stop
                    {
                        return Ok(Flow::Stop);
                    }
                }
                self.charge(seen)?;
                return Ok(Flow::Continue);
            }
            Step::Extension(url) => {
                self.charge(1)?;
                for child in node.all("extension") {
                    if child.text("url") == Some(url)
                        && self.walk_node(child, rest, scope, visit)? == Flow::Stop
                    {
                        return Ok(Flow::Stop);
                    }
                }
                return Ok(Flow::Continue);
            }
            Step::TypeName(ty) => node.ty() == *ty || r4().is_a(node.ty(), *ty),
            Step::OfType(test) => casts_to(&Item::Node(node), *test),
            Step::Where(criteria) => {
                self.truth(criteria, &scope.with(&Item::Node(node), 0))? == Some(true)
            }
        };
        if passes {
            self.walk_node(node, rest, scope, visit)
        } else {
            Ok(Flow::Continue)
        }
    }

    /// Steps from any item; System values have few members.
    fn walk_item<F>(
        &self,
        item: Item<'a>,
        steps: &'a [Step],
        scope: &Scope<'a, '_>,
        visit: &mut F,
    ) -> Result<Flow>
    where
        F: FnMut(Item<'a>) -> Result<Flow>,
    {
        if let Item::Node(node) = item {
            return self.walk_node(node, steps, scope, visit);
        }
        let Some((step, rest)) = steps.split_first() else {
            return visit(item);
        };
        self.charge(1)?;
        let next = match step {
            Step::Child(name) => member_of_value(&item, names().text(*name)),
            Step::OfType(test) => casts_to(&item, *test).then_some(item),
            Step::Where(criteria) => {
                (self.truth(criteria, &scope.with(&item, 0))? == Some(true)).then_some(item)
            }
            Step::TypeName(_) | Step::Extension(_) => None,
        };
        match next {
            Some(item) => self.walk_item(item, rest, scope, visit),
            None => Ok(Flow::Continue),
        }
    }
}

fn member_of_value<'a>(item: &Item<'a>, name: &str) -> Option<Item<'a>> {
    match (item, name) {
        (Item::Type(t), "namespace") => Some(Item::text(t.namespace)),
        (Item::Type(t), "name") => Some(Item::text(t.name)),
        (Item::Quantity(q), "value") => Some(Item::Decimal(q.value)),
        (Item::Quantity(q), "unit") => Some(Item::String(q.unit.clone())),
        _ => None,
    }
}

/// `is`: the type itself or one derived from it.
pub(super) fn is_of(item: &Item<'_>, test: TypeTest) -> bool {
    let of_system = |wanted: SystemType| {
        item.system_type()
            .is_some_and(|own| own == wanted || wanted == SystemType::Any)
    };
    match (item, test) {
        (Item::Node(n), TypeTest::Fhir(ty) | TypeTest::Either(ty, _)) => r4().is_a(n.ty(), ty),
        (Item::Node(_), TypeTest::Loose(wanted)) => item.system().system_type() == Some(wanted),
        (Item::Node(_), _) => false,
        (_, TypeTest::System(wanted) | TypeTest::Loose(wanted) | TypeTest::Either(_, wanted)) => {
            of_system(wanted)
        }
        (_, TypeTest::Fhir(_) | TypeTest::Unknown) => false,
    }
}

/// `as` and `ofType`: as `is`, but a primitive must be of the very type (a `code` is not handed out as `string`).
/// The official R4 cases ask for this, and the choice types of R4 rely on it.
pub(super) fn casts_to(item: &Item<'_>, test: TypeTest) -> bool {
    match (item, test) {
        (Item::Node(n), TypeTest::Fhir(ty))
            if matches!(n.type_def().kind, TypeKind::Primitive(_)) =>
        {
            n.ty() == ty
        }
        _ => is_of(item, test),
    }
}
