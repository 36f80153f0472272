//! Hand-written forms of the invariants that are checked most often, keyed by their FHIRPath expression.
//! <https://hl7.org/fhir/R4/conformance-rules.html#constraints>
//!
//! A test holds every one of them against the FHIRPath form on all examples. `None` means that the quick form cannot tell
//! and FHIRPath decides.
//!
//! Departs, as later releases of FHIR write these invariants:
//! - `ref-1` refuses `#`, with which a contained resource refers to its container (`dom-3` demands it of some); here `#`
//!   passes inside a contained resource.
//! - `que-7` asks for the System type `Boolean`, which no answer has; here for `boolean`.
//! - `que-12` counts to more than two where its text says more than one; here the text holds.
//! - `tim-9` cannot be evaluated when there are several `when`; here none of them may be a meal.
//! - the computable names (`vsd-0`, ...; warnings) must match as a whole, not only somewhere.

use std::collections::HashSet;

use ward_fhir::Node;

use crate::reference::{Targets, container};

/// `Some(false)` is a violation.
pub(crate) type Native = for<'a> fn(&mut Targets<'a>, Node<'a>) -> Option<bool>;

pub(crate) fn find(expression: &str) -> Option<Native> {
    TABLE
        .iter()
        .find(|(text, _)| *text == expression)
        .map(|(_, native)| *native)
}

/// Where the quick form knowingly departs from the expression as written: the verdict it may give alone.
#[cfg(test)]
pub(crate) const DEPARTS: [(&str, bool); 7] = [
    (REF_1, true),
    (QUE_7, true),
    (QUE_12, false),
    (TIM_9, true),
    (TIM_9, false),
    (HTML_CHECKS, true),
    (COMPUTABLE_NAME, false),
];

const REF_1: &str = "reference.startsWith('#').not() or (reference.substring(1).trace('url') in %rootResource.contained.id.trace('ids'))";
const QUE_7: &str = "operator = 'exists' implies (answer is Boolean)";
const QUE_12: &str = "enableWhen.count() > 2 implies enableBehavior.exists()";
const TIM_9: &str =
    "offset.empty() or (when.exists() and ((when in ('C' | 'CM' | 'CD' | 'CV')).not()))";
const COMPUTABLE_NAME: &str = "name.matches('[A-Z]([A-Za-z0-9_]){0,254}')";
const HTML_CHECKS: &str = "htmlChecks()";
const DOM_3: &str = "contained.where((('#'+id in (%resource.descendants().reference | %resource.descendants().as(canonical) | %resource.descendants().as(uri) | %resource.descendants().as(url))) or descendants().where(reference = '#').exists() or descendants().where(as(canonical) = '#').exists() or descendants().where(as(canonical) = '#').exists()).not()).trace('unmatched', id).empty()";

const TABLE: &[(&str, Native)] = &[
    // ele-1
    ("hasValue() or (children().count() > id.count())", |_, n| {
        Some(n.value().is_some() || n.children().any(|c| c.name() != "id"))
    }),
    // dom-2
    ("contained.contained.empty()", |_, n| {
        Some(n.all("contained").all(|c| c.get("contained").is_none()))
    }),
    (DOM_3, contained_is_referenced),
    // dom-4
    (
        "contained.meta.versionId.empty() and contained.meta.lastUpdated.empty()",
        |_, n| {
            Some(
                contained_meta(n)
                    .all(|m| m.get("versionId").is_none() && m.get("lastUpdated").is_none()),
            )
        },
    ),
    // dom-5
    ("contained.meta.security.empty()", |_, n| {
        Some(contained_meta(n).all(|m| m.get("security").is_none()))
    }),
    // dom-6
    ("text.`div`.exists()", |_, n| {
        Some(n.all("text").any(|t| t.get("div").is_some()))
    }),
    (REF_1, contained_reference_resolves),
    // per-1
    (
        "start.hasValue().not() or end.hasValue().not() or (start <= end)",
        period_is_ordered,
    ),
    // The names of conformance resources: adf-0, cid-0, ...
    (COMPUTABLE_NAME, |_, n| {
        Some(n.text("name").is_none_or(is_computable_name))
    }),
    (QUE_7, |_, n| {
        let is_exists = n.text("operator") == Some("exists");
        Some(!is_exists || n.all("answer").all(|a| a.type_name() == "boolean"))
    }),
    (QUE_12, |_, n| {
        Some(n.all("enableWhen").count() <= 1 || n.get("enableBehavior").is_some())
    }),
    (TIM_9, |_, n| {
        let at_meal = |w: Node<'_>| matches!(w.value(), Some("C" | "CM" | "CD" | "CV"));
        let mut when = n.all("when").peekable();
        Some(n.get("offset").is_none() || when.peek().is_some() && !when.any(at_meal))
    }),
    // txt-1, txt-2: the walk looks at narratives itself, to say what is wrong with one.
    (HTML_CHECKS, |_, _| Some(true)),
    // bdl-1
    (
        "total.empty() or (type = 'searchset') or (type = 'history')",
        |_, n| {
            Some(
                n.get("total").is_none()
                    || matches!(n.text("type"), None | Some("searchset" | "history")),
            )
        },
    ),
    // bdl-2
    ("entry.search.empty() or (type = 'searchset')", |_, n| {
        Some(
            matches!(n.text("type"), None | Some("searchset"))
                || n.all("entry").all(|e| e.get("search").is_none()),
        )
    }),
    // bdl-3
    (
        "entry.all(request.exists() = (%resource.type = 'batch' or %resource.type = 'transaction' or %resource.type = 'history'))",
        |_, n| entries_have(n, "request", ["batch", "transaction", "history"]),
    ),
    // bdl-4
    (
        "entry.all(response.exists() = (%resource.type = 'batch-response' or %resource.type = 'transaction-response' or %resource.type = 'history'))",
        |_, n| {
            entries_have(
                n,
                "response",
                ["batch-response", "transaction-response", "history"],
            )
        },
    ),
    // bdl-7
    (
        "(type = 'history') or entry.where(fullUrl.exists()).select(fullUrl&resource.meta.versionId).isDistinct()",
        full_urls_are_distinct,
    ),
    // bdl-8
    ("fullUrl.contains('/_history/').not()", |_, n| {
        Some(n.text("fullUrl").is_none_or(|u| !u.contains("/_history/")))
    }),
];

fn contained_meta(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    node.all("contained").filter_map(|c| c.get("meta"))
}

/// dom-3: a contained resource is referred to from somewhere in the container, or refers to it by `#`.
fn contained_is_referenced<'a>(_: &mut Targets<'a>, node: Node<'a>) -> Option<bool> {
    let mut contained = node.all("contained").peekable();
    contained.peek()?;
    let named: HashSet<&str> = node
        .descendants_and_self()
        .filter_map(local_reference)
        .collect();
    let referred = |c: Node<'_>| c.text("id").is_none_or(|id| named.contains(id));
    let refers = |c: Node<'_>| {
        c.descendants_and_self()
            .filter_map(local_reference)
            .any(str::is_empty)
    };
    Some(contained.all(|c| referred(c) || refers(c)))
}

/// The id of `#id`, in `reference` or in any value of type uri, url or canonical.
fn local_reference(node: Node<'_>) -> Option<&str> {
    let id = node.value()?.strip_prefix('#')?;
    (node.name() == "reference" || matches!(node.type_name(), "uri" | "url" | "canonical"))
        .then_some(id)
}

/// ref-1
fn contained_reference_resolves<'a>(targets: &mut Targets<'a>, node: Node<'a>) -> Option<bool> {
    let Some(id) = node.text("reference").and_then(|r| r.strip_prefix('#')) else {
        return Some(true);
    };
    if id.is_empty() {
        return Some(container(node) != node.resource());
    }
    Some(targets.contained(node, id).is_some())
}

/// per-1, when both ends are written alike (same precision, same zone): then their texts order as their instants do.
fn period_is_ordered<'a>(_: &mut Targets<'a>, node: Node<'a>) -> Option<bool> {
    let (Some(start), Some(end)) = (node.text("start"), node.text("end")) else {
        return Some(true);
    };
    let same_form =
        start.len() == end.len() && (start.len() <= 10 || start.get(19..) == end.get(19..));
    same_form.then(|| start <= end)
}

fn is_computable_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_uppercase());
    first && name.len() <= 255 && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Every entry has `member` exactly when the Bundle is of one of the `types`.
fn entries_have(bundle: Node<'_>, member: &str, types: [&str; 3]) -> Option<bool> {
    let ty = bundle.text("type")?;
    let expected = types.contains(&ty);
    Some(
        bundle
            .all("entry")
            .all(|e| e.get(member).is_some() == expected),
    )
}

/// bdl-7
fn full_urls_are_distinct<'a>(_: &mut Targets<'a>, bundle: Node<'a>) -> Option<bool> {
    if bundle.text("type") == Some("history") {
        return Some(true);
    }
    let mut seen = HashSet::new();
    Some(
        bundle
            .all("entry")
            .filter_map(|e| e.get("fullUrl").map(|url| (e, url)))
            .all(|(entry, url)| {
                let meta = entry.get("resource").and_then(|r| r.get("meta"));
                seen.insert((
                    url.value().unwrap_or_default(),
                    meta.and_then(|m| m.text("versionId")).unwrap_or_default(),
                ))
            }),
    )
}
