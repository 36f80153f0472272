//! What whoever sees a part of a type writes: that part. The rest stays as it was.
//! <https://hl7.org/fhir/R4/http.html#update>
//!
//! What is checked (validity, references) is what was sent: an answer that depended on the rest would tell of it.

use crate::document::reread;
use crate::seen::hidden;
use crate::shown::is_subsetted;
use crate::write::Replaced;
use ward_access::Access;
use ward_fhir::issue::Result;
use ward_fhir::tree::Builder;
use ward_fhir::{Document, Node};
use ward_search::seen::{Elements, Seen};
use ward_storage::Op;

/// What is to be stored: what was sent, with the elements of the version it replaces that the caller does not see. `None`: as sent,
/// since they see all of the type.
///
/// Errors: `HiddenElement` for one that is sent and not seen, and where a resource that is seen in part is contained in what is
/// replaced, whose rest nothing would keep.
pub(crate) fn merged(
    access: &Access,
    sent: Node<'_>,
    replaced: &Replaced,
) -> Result<Option<Document>> {
    let Some(seen) = access.seen() else {
        return Ok(None);
    };
    let before = match replaced {
        Replaced::Version(row) if row.op != Op::Delete => Some(reread(&row.body)?),
        _ => None,
    };
    let before = before.as_ref().map(Document::root);
    demand_seen(seen, sent)?;
    if before.is_some_and(|before| within(seen, before).next().is_some()) {
        let text =
            "it contains a resource of which your role shows a part: a change would lose the rest";
        return Err(hidden(text).at(sent.type_name()));
    }
    let merged = |elements| merge(elements, sent, before);
    Ok(access.elements(sent.ty()).map(merged))
}

/// Refuses elements that are not seen, in the resource and in those that it contains.
fn demand_seen(seen: &Seen, sent: Node<'_>) -> Result<()> {
    let own = seen.elements(sent.ty()).map(|elements| (sent, elements));
    for (resource, elements) in own.into_iter().chain(within(seen, sent)) {
        if let Some(child) = resource.children().find(|child| !elements.keeps(*child)) {
            let text = format!(
                "'{}' of {} is not among the elements that your role shows: it cannot be written",
                child.name(),
                resource.type_name()
            );
            return Err(hidden(text).at(child.expression()));
        }
    }
    Ok(())
}

/// Resources inside of another that are seen in part.
fn within<'a>(seen: &'a Seen, node: Node<'a>) -> impl Iterator<Item = (Node<'a>, &'a Elements)> {
    let inside = node.descendants_and_self().skip(1);
    let resources = inside.filter(|node| node.is_resource());
    resources.filter_map(|resource| Some((resource, seen.elements(resource.ty())?)))
}

fn merge(elements: &Elements, sent: Node<'_>, before: Option<Node<'_>>) -> Document {
    let keeps_mark = before.and_then(|b| b.get("meta")).is_some_and(is_subsetted);
    let mut builder = Builder::new(String::new());
    builder.open(None, sent.ty());
    for child in sent.children() {
        if child.name() == "meta" && !keeps_mark {
            unmarked(&mut builder, child);
        } else {
            builder.copy(child, child.member());
        }
    }
    let rest = before.into_iter().flat_map(Node::children);
    for child in rest.filter(|child| !elements.keeps(*child)) {
        builder.copy(child, child.member());
    }
    builder.close();
    builder.finish()
}

/// `meta` without the tag that the caller was given it with: what is stored is whole.
fn unmarked(builder: &mut Builder, meta: Node<'_>) {
    let is_mark = |child: &Node<'_>| child.name() == "tag" && crate::shown::is_mark(*child);
    if meta.children().all(|child| is_mark(&child)) {
        return;
    }
    builder.open(meta.member(), meta.ty());
    for child in meta.children().filter(|child| !is_mark(child)) {
        builder.copy(child, child.member());
    }
    builder.close();
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;
