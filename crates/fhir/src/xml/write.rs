//! A document as FHIR XML, elements in specification order. <https://hl7.org/fhir/R4/xml.html>

use smallvec::SmallVec;

use super::markup::is_xml_char;
use super::{FHIR_NAMESPACE, XHTML_NAMESPACE, xhtml};
use crate::schema::{Primitive, TypeKind};
use crate::tree::Node;

/// Writes elements in specification order, with the FHIR namespace on the root. Depth is bounded by what reading allows.
pub fn write(node: Node<'_>, out: &mut Vec<u8>) {
    element(node, node.json_name(), Some(FHIR_NAMESPACE), out);
}

/// Appends `text` as the inside of a double-quoted attribute. Line ends and tabs become character references, so that they
/// survive the normalisation of attributes.
pub fn escape_attribute(text: &str, out: &mut Vec<u8>) {
    escape(text, out, |b| match b {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'"' => Some("&quot;"),
        b'\n' => Some("&#10;"),
        b'\r' => Some("&#13;"),
        b'\t' => Some("&#9;"),
        _ => None,
    });
}

/// Appends `text` as character data.
pub fn escape_text(text: &str, out: &mut Vec<u8>) {
    escape(text, out, |b| match b {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\r' => Some("&#13;"),
        _ => None,
    });
}

fn element(node: Node<'_>, name: &str, namespace: Option<&str>, out: &mut Vec<u8>) {
    let kind = node.type_def().kind;
    if kind == TypeKind::Primitive(Primitive::Xhtml) {
        return xhtml_element(node.value().unwrap_or_default(), name, out);
    }
    // A contained resource, or that of an entry: wrapped by the element's name, then by its own type's.
    let wrapped = node.is_resource() && node.member().is_some();
    if wrapped {
        open(name, namespace, out);
        out.push(b'>');
    }
    let tag = if node.is_resource() {
        node.type_name()
    } else {
        name
    };
    open(tag, namespace.filter(|_| !wrapped), out);
    content(node, kind, tag, out);
    if wrapped {
        close(name, out);
    }
}

fn content(node: Node<'_>, kind: TypeKind, tag: &str, out: &mut Vec<u8>) {
    let (attributes, elements) = in_order(node);
    for child in attributes {
        attribute(child.json_name(), child.value().unwrap_or_default(), out);
    }
    if let (TypeKind::Primitive(_), Some(value)) = (kind, node.value()) {
        attribute("value", value, out);
    }
    if elements.is_empty() {
        out.extend_from_slice(b"/>");
        return;
    }
    out.push(b'>');
    for child in elements {
        element(child, child.json_name(), None, out);
    }
    close(tag, out);
}

type Run<'a> = SmallVec<[Node<'a>; 12]>;

/// Attributes and elements, each in the order of the definitions; JSON may have sent them in any.
fn in_order(node: Node<'_>) -> (Run<'_>, Run<'_>) {
    let (mut attributes, mut elements) = (Run::new(), Run::new());
    for child in node.children() {
        let is_attribute = child.element().is_some_and(|e| e.is_xml_attribute);
        if is_attribute {
            attributes.push(child)
        } else {
            elements.push(child)
        }
    }
    let order = |n: &Node<'_>| n.element().map_or(0, |e| e.order);
    attributes.sort_by_key(order);
    if !elements.is_sorted_by_key(order) {
        elements.sort_by_key(order);
    }
    (attributes, elements)
}

/// Narrative goes out as it is stored. What is not well-formed on its own (possible only where validation is off) is
/// written as text, so that it can neither break nor extend the document around it.
fn xhtml_element(value: &str, name: &str, out: &mut Vec<u8>) {
    if xhtml::is_one_element(value) {
        return xhtml::write(value, out);
    }
    open(name, Some(XHTML_NAMESPACE), out);
    out.push(b'>');
    escape_text(value, out);
    close(name, out);
}

fn open(name: &str, namespace: Option<&str>, out: &mut Vec<u8>) {
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    if let Some(namespace) = namespace {
        attribute("xmlns", namespace, out);
    }
}

fn close(name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"</");
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}

fn attribute(name: &str, value: &str, out: &mut Vec<u8>) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    escape_attribute(value, out);
    out.push(b'"');
}

fn escape(text: &str, out: &mut Vec<u8>, table: fn(u8) -> Option<&'static str>) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (i, &b) in bytes.iter().enumerate() {
        let replacement = match table(b) {
            Some(r) => r,
            // Only a control character or U+FFFE/U+FFFF (lead byte EF) can be outside of what XML allows.
            None if (b < 0x20 || b == 0xEF)
                && !text[i..].chars().next().is_none_or(is_xml_char) =>
            {
                "\u{FFFD}"
            }
            None => continue,
        };
        out.extend_from_slice(&bytes[copied..i]);
        out.extend_from_slice(replacement.as_bytes());
        copied = i + if b == 0xEF { 3 } else { 1 };
    }
    out.extend_from_slice(&bytes[copied..]);
}
