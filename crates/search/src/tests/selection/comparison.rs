//! One resource read in two ways, and what they pick differently.

use crate::extract::Extractor;
use crate::param::Form;
use crate::program::ends;
use crate::registry::composite::{Alternative, Part};
use crate::registry::{Leaf, Marks, Parameter};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use ward_fhir::Node;
use ward_fhir::schema::SearchType;
use ward_fhirpath::{Context, Expression, Item, compile};

/// `Type.code`, the element with its type, and which side alone reads it.
pub type Difference = (String, String, &'static str);

const NOT_READ: &str = "not read";
const READ_BESIDE: &str = "read beside";

type Elements = BTreeSet<u32>;

pub struct Comparison {
    extractor: Extractor,
    expressions: BTreeMap<String, Rc<Expression>>,
    /// With the resource where it was seen first.
    pub differences: BTreeMap<Difference, String>,
    pub compared: usize,
    pub selected: usize,
    /// `Type.code` of the parameters, and of the components, of which an element was selected.
    pub reached: BTreeSet<String>,
}

impl Comparison {
    pub fn new(extractor: Extractor) -> Comparison {
        Comparison {
            extractor,
            expressions: BTreeMap::new(),
            differences: BTreeMap::new(),
            compared: 0,
            selected: 0,
            reached: BTreeSet::new(),
        }
    }

    /// Every parameter of the resource's type.
    pub fn resource(&mut self, resource: Node<'_>) {
        let extractor = self.extractor.clone();
        let picked = extractor.picked(resource);
        let entries = extractor.extract(resource, &|_| None);
        for parameter in extractor.registry().of(resource.ty()).all() {
            // What has no expression and what a column answers is not read from elements.
            if !parameter.is_served() || parameter.is_column() {
                continue;
            }
            let expression = parameter.def.expression();
            if expression.is_empty() {
                continue;
            }
            self.compared += 1;
            if parameter.truth {
                let term = extractor.key().code(parameter.def.number(), "true");
                let truth = self.is_true(expression, resource);
                if truth {
                    self.reach(resource, parameter.code());
                }
                if entries.has_term(term) != truth {
                    self.differs(resource, parameter.code(), resource, truth);
                }
            } else if parameter.ty() == SearchType::Composite {
                self.composite(resource, parameter, &picked);
            } else {
                self.plain(resource, parameter, &picked);
            }
        }
    }

    fn plain(&mut self, resource: Node<'_>, parameter: &Parameter, picked: &[(Leaf, Node<'_>)]) {
        let selected = self.select(parameter.def.expression(), resource);
        let owned = owned(&self.extractor, resource, parameter, picked);
        self.demand(resource, parameter.code(), &selected, &owned);
        // `:missing` is told by walks of its own.
        if matches!(parameter.marks, Marks::Present | Marks::Missing) {
            let types = self.extractor.registry().of(resource.ty());
            let own = picked
                .iter()
                .filter(|(leaf, _)| std::ptr::eq(types.at(leaf.slot as usize), parameter));
            let own = own.map(|(_, node)| node.index()).collect();
            self.demand(resource, parameter.code(), &selected, &own);
        }
    }

    fn composite(
        &mut self,
        resource: Node<'_>,
        parameter: &Parameter,
        picked: &[(Leaf, Node<'_>)],
    ) {
        let bases = self.select(parameter.def.expression(), resource);
        for (at, (_, expression)) in parameter.def.components().iter().enumerate() {
            let mut selected = Elements::new();
            for base in &bases {
                let base = resource.document().node(*base);
                selected.extend(self.select(expression, base));
            }
            let mut read = Elements::new();
            for alternative in &parameter.composite {
                read.extend(component(resource, alternative, at, picked));
            }
            let code = format!("{}${}", parameter.code(), at + 1);
            self.demand(resource, &code, &selected, &read);
        }
    }

    fn demand(&mut self, resource: Node<'_>, code: &str, selected: &Elements, read: &Elements) {
        self.selected += selected.len();
        if !selected.is_empty() {
            self.reach(resource, code);
        }
        let node = |index: &u32| resource.document().node(*index);
        for index in selected.difference(read) {
            self.differs(resource, code, node(index), true);
        }
        for index in read.difference(selected) {
            // Of equal elements a union of FHIRPath keeps one.
            if !selected
                .iter()
                .any(|s| self.are_equal(node(s), node(index)))
            {
                self.differs(resource, code, node(index), false);
            }
        }
    }

    fn reach(&mut self, resource: Node<'_>, code: &str) {
        self.reached
            .insert(format!("{}.{code}", resource.type_name()));
    }

    fn are_equal(&mut self, a: Node<'_>, b: Node<'_>) -> bool {
        let expression = self.expression("%a = %b");
        let constants = [("a", &[Item::Node(a)][..]), ("b", &[Item::Node(b)][..])];
        let cx = Context {
            constants: &constants,
            ..Context::at(0)
        };
        expression.test(a, &cx) == Ok(Some(true))
    }

    fn differs(&mut self, resource: Node<'_>, code: &str, element: Node<'_>, not_read: bool) {
        let row = (
            format!("{}.{code}", resource.type_name()),
            format!("{}: {}", path(resource, element), element.type_name()),
            if not_read { NOT_READ } else { READ_BESIDE },
        );
        let at = || {
            format!(
                "{}/{}",
                resource.type_name(),
                resource.text("id").unwrap_or("?")
            )
        };
        self.differences.entry(row).or_insert_with(at);
    }

    fn select(&mut self, text: &str, focus: Node<'_>) -> Elements {
        let expression = self.expression(text);
        let items = expression.evaluate(focus, &Context::at(0));
        let items = items.unwrap_or_else(|e| panic!("{text}: {e}"));
        let index = |item: &Item<'_>| item.node().expect("an element").index();
        items.iter().map(index).collect()
    }

    fn is_true(&mut self, text: &str, focus: Node<'_>) -> bool {
        let expression = self.expression(text);
        let answer = expression.test(focus, &Context::at(0));
        answer.unwrap_or_else(|e| panic!("{text}: {e}")) == Some(true)
    }

    fn expression(&mut self, text: &str) -> Rc<Expression> {
        let new = || Rc::new(compile(text).unwrap_or_else(|e| panic!("{text}: {e}")));
        let known = self.expressions.entry(text.to_owned());
        known.or_insert_with(new).clone()
    }
}

/// The elements whose entries answer the parameter, its own or others'.
fn owned(
    extractor: &Extractor,
    resource: Node<'_>,
    parameter: &Parameter,
    picked: &[(Leaf, Node<'_>)],
) -> Elements {
    let mut found = Elements::new();
    for owner in &parameter.owners {
        let entries = picked
            .iter()
            .filter(|(leaf, _)| leaf.indexed && leaf.param == owner.param);
        let reached = entries.filter(|(_, node)| match owner.only {
            Some(ty) => extractor.target(resource, *node) == Some(ty),
            None => true,
        });
        found.extend(reached.map(|(_, node)| node.index()));
    }
    found
}

/// The elements that one alternative of a composite reads for one of its components.
fn component(
    resource: Node<'_>,
    alternative: &Alternative,
    at: usize,
    picked: &[(Leaf, Node<'_>)],
) -> Elements {
    let read_as = |part: &Part| {
        let of_part = |(leaf, _): &&(Leaf, Node<'_>)| leaf.indexed && leaf.param == part.param;
        let found = picked.iter().filter(of_part);
        found.map(|(_, n)| n.index()).collect::<Elements>()
    };
    match alternative {
        Alternative::Tuple { owner, path, parts } => {
            let bases = picked.iter().filter(|(leaf, node)| {
                leaf.form == Form::Tuple
                    && leaf.param == *owner
                    && path.iter().any(|a| a.leaf == node.ty())
            });
            let atoms = &parts[at].atoms;
            let below = bases.flat_map(|(_, n)| atoms.iter().flat_map(|a| ends(*n, &a.hops)));
            below.map(|n| n.index()).collect()
        }
        Alternative::Whole {
            parts,
            within: None,
        } => read_as(&parts[at]),
        // The numbers are those of the element's own, the other components those of their parameters.
        Alternative::Whole {
            parts,
            within: Some(bases),
        } if parts[at].ty == SearchType::Number => {
            let elements = bases.iter().flat_map(|b| ends(resource, &b.hops));
            let atoms = &parts[at].atoms;
            let below = elements.flat_map(|n| atoms.iter().flat_map(move |a| ends(n, &a.hops)));
            below.map(|n| n.index()).collect()
        }
        Alternative::Whole { parts, .. } => read_as(&parts[at]),
    }
}

/// `Observation.component.value`, from the resource that holds it.
fn path(resource: Node<'_>, element: Node<'_>) -> String {
    let mut names = vec![element.name()];
    let above = element
        .ancestors()
        .take_while(|n| n.index() >= resource.index());
    names.extend(above.map(|n| {
        if n == resource {
            n.type_name()
        } else {
            n.name()
        }
    }));
    if element == resource {
        names = vec![element.type_name()];
    }
    names.reverse();
    names.join(".")
}
