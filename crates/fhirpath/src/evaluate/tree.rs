//! Tree navigation and what R4 adds about elements. <https://hl7.org/fhir/R4/fhirpath.html#functions>

use ward_fhir::narrative;
use ward_fhir::schema::TypeKind;
use ward_fhir::tree::Node;

use super::run::{Result, Run, Scope};
use crate::compile::Call;
use crate::error::EvaluationError;
use crate::function::Function;
use crate::value::{Collection, Item, TypeName};

impl<'a> Run<'a, '_> {
    pub fn tree(
        &self,
        call: &'a Call,
        scope: &Scope<'a, '_>,
        out: &mut Collection<'a>,
    ) -> Result<()> {
        use Function::*;
        if matches!(call.function, Extension | HasExtension) {
            return self.extension(call, scope, out);
        }
        let input = self.collect(&call.input, scope)?;
        for item in &input {
            self.charge(1)?;
            match (call.function, item) {
                (Type, item) => out.push(Item::Type(type_of(item))),
                (GetValue, Item::Node(node)) => {
                    out.extend(Some(Item::Node(*node).system()).filter(|v| v.node().is_none()))
                }
                (GetValue, value) => out.push(value.clone()),
                (Children, Item::Node(node)) => {
                    for child in node.children() {
                        self.charge(1)?;
                        out.push(Item::Node(child));
                    }
                }
                (Descendants, Item::Node(node)) => {
                    self.charge(node.size())?;
                    out.extend(node.descendants_and_self().skip(1).map(Item::Node));
                }
                (Resolve, Item::Node(node)) => out.extend(self.resolve(*node)?.map(Item::Node)),
                (Resolve, Item::String(reference)) => {
                    out.extend(self.resolve_text(reference).map(Item::Node))
                }
                (HtmlChecks, item) => {
                    let div = item.as_str();
                    self.charge_text(div.map_or(0, str::len).min(crate::STRING_BYTES_MAX))?;
                    out.push(Item::Boolean(
                        div.is_none_or(|d| narrative::check(d).is_none()),
                    ));
                }
                (Slice, Item::Node(node)) => out.extend(self.slice(call, *node, scope)?),
                (CheckModifiers, item) => {
                    self.check_modifiers(call, item, scope)?;
                    out.push(item.clone());
                }
                (ElementDefinition, _) => {
                    return Err(EvaluationError::Unsupported("elementDefinition"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// `extension(url)` where the url is computed.
    fn extension(
        &self,
        call: &'a Call,
        scope: &Scope<'a, '_>,
        out: &mut Collection<'a>,
    ) -> Result<()> {
        let Some(url) = self.single_text(&call.arguments[0], scope, "extension")? else {
            return Ok(());
        };
        let before = out.len();
        for item in self.collect(&call.input, scope)? {
            if let Item::Node(node) = item {
                self.charge(1)?;
                out.extend(
                    node.all("extension")
                        .filter(|e| e.text("url") == Some(&*url))
                        .map(Item::Node),
                );
            }
        }
        if call.function == Function::HasExtension {
            let found = out.len() > before;
            out.truncate(before);
            out.push(Item::Boolean(found));
        }
        Ok(())
    }

    /// The target of a Reference, or of a canonical, uri or url.
    pub fn resolve(&self, node: Node<'a>) -> Result<Option<Node<'a>>> {
        const STEPS_OF_RESOLVE: usize = 10;
        self.charge(STEPS_OF_RESOLVE)?;
        Ok(reference_text(node).and_then(|reference| self.cx.host.resolve(reference, node)))
    }

    fn resolve_text(&self, reference: &str) -> Option<Node<'a>> {
        let from = self.focus.and_then(Item::node).or(self.cx.resource)?;
        self.cx.host.resolve(reference, from)
    }

    fn slice(
        &self,
        call: &'a Call,
        node: Node<'a>,
        scope: &Scope<'a, '_>,
    ) -> Result<Option<Item<'a>>> {
        let profile = self.single_text(&call.arguments[0], scope, "slice")?;
        let name = self.single_text(&call.arguments[1], scope, "slice")?;
        let (Some(profile), Some(name)) = (profile, name) else {
            return Ok(None);
        };
        let is_member = self
            .cx
            .host
            .slice(node, &profile, &name)
            .ok_or(EvaluationError::UnknownProfile)?;
        Ok(is_member.then_some(Item::Node(node)))
    }

    fn check_modifiers(
        &self,
        call: &'a Call,
        item: &Item<'a>,
        scope: &Scope<'a, '_>,
    ) -> Result<()> {
        let Item::Node(node) = item else {
            return Ok(());
        };
        let mut known = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            known.extend(self.single_text(argument, scope, "checkModifiers")?);
        }
        let unknown = node
            .all("modifierExtension")
            .any(|e| !known.iter().any(|k| Some(&**k) == e.text("url")));
        if unknown {
            Err(EvaluationError::Modifier)
        } else {
            Ok(())
        }
    }
}

/// The text by which an element refers to another resource.
pub(super) fn reference_text(node: Node<'_>) -> Option<&str> {
    match node.type_def().kind {
        TypeKind::Primitive(_) => node.value(),
        _ => node.text("reference"),
    }
}

fn type_of(item: &Item<'_>) -> TypeName {
    match item {
        Item::Node(node) => TypeName {
            namespace: "FHIR",
            name: node.type_name(),
        },
        Item::Type(_) => TypeName {
            namespace: "System",
            name: "TypeInfo",
        },
        other => TypeName {
            namespace: "System",
            name: other
                .system_type()
                .map_or("Any", crate::value::SystemType::name),
        },
    }
}
