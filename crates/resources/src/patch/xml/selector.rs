//! The part of XPath that selects nodes in an XML Patch. <https://www.rfc-editor.org/rfc/rfc5261#section-4.1>
//!
//! Steps by name or `*`, with `[3]`, `[last()]`, `[@a='v']`, `[.='v']`, `[f:b='v']` and `[f:b/@a='v']`; at the end `@a`, `text()`,
//! `comment()` or `namespace::p`.

use super::super::DEPTH_MAX;
use super::dom::{Dom, Id, Item};

/// What was found.
pub(super) enum Found {
    /// An element, text or comment.
    Node(Id),
    /// Element and position of the attribute.
    Attribute(Id, usize),
    Namespace(Id, String),
}

pub(super) struct Selector {
    steps: Vec<Step>,
    pub target: Target,
}

pub(super) enum Target {
    Element,
    /// Prefix (empty or `xml`) and name.
    Attribute(String, String),
    Text(Vec<Predicate>),
    Comment(Vec<Predicate>),
    Namespace(String),
}

struct Step {
    /// Namespace and local name; none is `*`.
    name: Option<(String, String)>,
    predicates: Vec<Predicate>,
}

pub(super) enum Predicate {
    Position(usize),
    Last,
    /// Elements downwards, perhaps an attribute of the last one, and the text it must have.
    Equals {
        path: Vec<Option<(String, String)>>,
        attribute: Option<(String, String)>,
        value: String,
    },
}

/// Predicates of one step.
const PREDICATES_MAX: usize = 16;

type Parse<T> = Result<T, &'static str>;

impl Selector {
    /// `namespace` gives what a prefix stands for in the patch (the empty one: names without a prefix).
    pub fn parse<'n>(text: &str, namespace: &'n dyn Fn(&str) -> Option<&'n str>) -> Parse<Self> {
        let mut p = Parser {
            text: text.trim(),
            at: 0,
            namespace,
        };
        p.take("/");
        let mut steps = Vec::new();
        let target = loop {
            if let Some(target) = p.target()? {
                break target;
            }
            if steps.len() == DEPTH_MAX {
                return Err("too many steps");
            }
            let name = p.name_test()?;
            steps.push(Step {
                name,
                predicates: p.predicates()?,
            });
            if !p.take("/") {
                break Target::Element;
            }
        };
        if p.at != p.text.len() {
            return Err("not understood to its end");
        }
        if steps.is_empty() {
            return Err("it must start at the root element");
        }
        Ok(Self { steps, target })
    }

    /// Everything it leads to, in document order.
    pub fn select(&self, dom: &Dom) -> Vec<Found> {
        let mut context: Vec<Id> = Vec::new();
        for (depth, step) in self.steps.iter().enumerate() {
            let named = |id: &Id| {
                step.name
                    .as_ref()
                    .is_none_or(|name| is_named(dom, *id, name))
            };
            let pick = |all: Vec<Id>| filter(dom, all, &step.predicates);
            context = if depth == 0 {
                pick([dom.root()].into_iter().filter(named).collect())
            } else {
                context
                    .iter()
                    .flat_map(|id| pick(dom.elements(*id).filter(named).collect()))
                    .collect()
            };
        }
        context
            .into_iter()
            .flat_map(|id| self.at(dom, id))
            .collect()
    }

    fn at(&self, dom: &Dom, id: Id) -> Vec<Found> {
        let children = |wanted: fn(&Item) -> bool, predicates: &[Predicate]| {
            let all = dom
                .children(id)
                .iter()
                .copied()
                .filter(|c| wanted(dom.item(*c)))
                .collect();
            filter(dom, all, predicates)
                .into_iter()
                .map(Found::Node)
                .collect()
        };
        match &self.target {
            Target::Element => vec![Found::Node(id)],
            Target::Attribute(prefix, local) => dom
                .attribute_index(id, prefix, local)
                .map(|at| Found::Attribute(id, at))
                .into_iter()
                .collect(),
            Target::Text(predicates) => children(|i| matches!(i, Item::Text(_)), predicates),
            Target::Comment(predicates) => children(|i| matches!(i, Item::Comment(_)), predicates),
            Target::Namespace(prefix) if dom.declares(id, prefix) => {
                vec![Found::Namespace(id, prefix.clone())]
            }
            Target::Namespace(_) => Vec::new(),
        }
    }
}

fn filter(dom: &Dom, mut nodes: Vec<Id>, predicates: &[Predicate]) -> Vec<Id> {
    for predicate in predicates {
        nodes = match predicate {
            Predicate::Position(at) => nodes.get(at.wrapping_sub(1)).copied().into_iter().collect(),
            Predicate::Last => nodes.last().copied().into_iter().collect(),
            Predicate::Equals {
                path,
                attribute,
                value,
            } => {
                nodes.retain(|id| holds(dom, *id, path, attribute.as_ref(), value));
                nodes
            }
        };
    }
    nodes
}

fn holds(
    dom: &Dom,
    id: Id,
    path: &[Option<(String, String)>],
    attribute: Option<&(String, String)>,
    value: &str,
) -> bool {
    let mut at = vec![id];
    for name in path {
        let named = |c: &Id| name.as_ref().is_none_or(|name| is_named(dom, *c, name));
        at = at
            .iter()
            .flat_map(|id| dom.elements(*id).filter(named).collect::<Vec<_>>())
            .collect();
    }
    at.into_iter().any(|id| match (attribute, dom.item(id)) {
        (Some((prefix, local)), Item::Element(e)) => e
            .attributes
            .iter()
            .any(|a| a.prefix == *prefix && a.local == *local && a.value == value),
        (Some(_), _) => false,
        (None, Item::Text(text) | Item::Comment(text)) => text == value,
        (None, Item::Element(_)) => dom.string_value(id) == value,
    })
}

fn is_named(dom: &Dom, id: Id, (namespace, local): &(String, String)) -> bool {
    dom.element(id)
        .is_some_and(|e| e.namespace == *namespace && e.local == *local)
}

struct Parser<'t, 'n> {
    text: &'t str,
    at: usize,
    namespace: &'n dyn Fn(&str) -> Option<&'n str>,
}

impl<'t> Parser<'t, '_> {
    /// What can only come last.
    fn target(&mut self) -> Parse<Option<Target>> {
        Ok(if self.take("@") || self.take("attribute::") {
            let (prefix, local) = self.attribute()?;
            Some(Target::Attribute(prefix, local))
        } else if self.take("text()") {
            Some(Target::Text(self.predicates()?))
        } else if self.take("comment()") {
            Some(Target::Comment(self.predicates()?))
        } else if self.take("namespace::") {
            Some(Target::Namespace(self.name()?.to_owned()))
        } else {
            None
        })
    }

    fn name_test(&mut self) -> Parse<Option<(String, String)>> {
        self.take("child::");
        if self.take("*") {
            return Ok(None);
        }
        let first = self.name()?;
        let (prefix, local) = if self.take(":") {
            (first, self.name()?)
        } else {
            ("", first)
        };
        let namespace = (self.namespace)(prefix).ok_or("a prefix is not declared in the patch")?;
        Ok(Some((namespace.to_owned(), local.to_owned())))
    }

    /// Attributes without a prefix are in no namespace; `xml:` is the only other that FHIR has.
    fn attribute(&mut self) -> Parse<(String, String)> {
        let first = self.name()?;
        if !self.take(":") {
            return Ok((String::new(), first.to_owned()));
        }
        if first != "xml" {
            return Err("an attribute with a prefix is not known");
        }
        Ok((first.to_owned(), self.name()?.to_owned()))
    }

    fn predicates(&mut self) -> Parse<Vec<Predicate>> {
        let mut predicates = Vec::new();
        while self.take("[") {
            if predicates.len() == PREDICATES_MAX {
                return Err("too many predicates");
            }
            self.space();
            predicates.push(self.predicate()?);
            self.space();
            if !self.take("]") {
                return Err("`]` was expected");
            }
        }
        Ok(predicates)
    }

    fn predicate(&mut self) -> Parse<Predicate> {
        if self.take("last()") {
            return Ok(Predicate::Last);
        }
        if self.take("position()") {
            self.equals()?;
        }
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 {
            let number = self.rest()[..digits]
                .parse()
                .map_err(|_| "the position is too large")?;
            self.at += digits;
            return Ok(Predicate::Position(number));
        }
        let (mut path, mut attribute) = (Vec::new(), None);
        loop {
            if self.take("@") {
                attribute = Some(self.attribute()?);
                break;
            }
            if !self.take(".") && !self.take("text()") {
                path.push(self.name_test()?);
            }
            if !self.take("/") || path.len() > PREDICATES_MAX {
                break;
            }
        }
        self.equals()?;
        Ok(Predicate::Equals {
            path,
            attribute,
            value: self.literal()?,
        })
    }

    fn equals(&mut self) -> Parse<()> {
        self.space();
        if !self.take("=") {
            return Err("`=` was expected");
        }
        self.space();
        Ok(())
    }

    fn literal(&mut self) -> Parse<String> {
        let quote = self
            .rest()
            .chars()
            .next()
            .filter(|c| matches!(c, '"' | '\''))
            .ok_or("a text in quotes was expected")?;
        let end = self.rest()[1..]
            .find(quote)
            .ok_or("a quote is not closed")?;
        let literal = self.rest()[1..1 + end].to_owned();
        self.at += end + 2;
        Ok(literal)
    }

    fn name(&mut self) -> Parse<&'t str> {
        let text = self.text;
        let rest = &text[self.at..];
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let len = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
        if !rest.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return Err("a name was expected");
        }
        self.at += len;
        Ok(&rest[..len])
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }
}
