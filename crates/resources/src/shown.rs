//! `_summary` and `_elements`: which part of a resource the answer shows. What is stored is never cut.
//! <https://hl7.org/fhir/R4/search.html#summary>
//!
//! Where both are given, `_elements` decides.

use crate::document::reread;
use crate::engine::Context;
use crate::search::Pairs;
use bytes::Bytes;
use ward_fhir::issue::Result;
use ward_fhir::json::{Stamp, write};
use ward_fhir::schema::{TypeKind, r4};
use ward_fhir::tree::Builder;
use ward_fhir::{Failure, Kind, Node, TypeId};
use ward_search::query::{Summary, Used};

/// What an answer shows of each resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// As stored.
    Whole,
    /// The elements that the definitions mark as summary, at every depth.
    Summary,
    /// The narrative with id, meta and the mandatory elements.
    Text,
    /// All but the narrative.
    Data,
    /// These elements (`name` or `Type.name`) with id, meta, and the mandatory and modifying ones.
    Elements(Vec<String>),
}

/// Refuses `_summary=count` where no total is told.
pub fn demand_no_count(used: &Used) -> Result<()> {
    if used.summary == Some(Summary::Count) {
        let text = "'_summary=count' is for searches; this interaction has nothing to count";
        return Err(Failure::new(Kind::Invalid, text));
    }
    Ok(())
}

impl Shown {
    pub fn of(used: &Used) -> Shown {
        if !used.elements.is_empty() {
            return Shown::Elements(used.elements.clone());
        }
        match used.summary {
            Some(Summary::True) => Shown::Summary,
            Some(Summary::Text) => Shown::Text,
            Some(Summary::Data) => Shown::Data,
            Some(Summary::Count | Summary::False) | None => Shown::Whole,
        }
    }

    /// For read and vread, which have no count to give.
    pub fn asked(cx: Context<'_>, types: &[TypeId]) -> Result<Shown> {
        Ok(Self::asked_by(cx, types)?.0)
    }

    /// The same for history (no `types`: all), with what of the parameters was used.
    pub fn asked_by(cx: Context<'_>, types: &[TypeId]) -> Result<(Shown, Pairs)> {
        let asked = |(name, _): &&(String, String)| is_shown(name);
        let pairs: Vec<_> = cx.call.parameters.iter().filter(asked).cloned().collect();
        if pairs.is_empty() {
            return Ok((Shown::Whole, Pairs::new()));
        }
        let used = crate::search::shape(cx, types, &pairs)?;
        demand_no_count(&used)?;
        Ok((Shown::of(&used), used.pairs))
    }

    /// What an include brings of this type: elements are of the matches, unless they are named with the type.
    pub fn beside(&self, ty: &str) -> Shown {
        let Shown::Elements(names) = self else {
            return self.clone();
        };
        let of_type = |name: &&String| name.split_once('.').is_some_and(|(of, _)| of == ty);
        let names: Vec<String> = names.iter().filter(of_type).cloned().collect();
        match names.is_empty() {
            true => Shown::Whole,
            false => Shown::Elements(names),
        }
    }

    /// The resource as it is shown; costs a parse unless it is shown whole.
    pub fn body(&self, body: &Bytes) -> Result<Bytes> {
        if *self == Shown::Whole {
            return Ok(body.clone());
        }
        let document = reread(body)?;
        Ok(self.resource(document.root()))
    }

    /// The same for a resource that is a document already, or is contained in one.
    pub fn resource(&self, root: Node<'_>) -> Bytes {
        let mut out = Vec::with_capacity(1_024);
        if *self == Shown::Whole {
            write(root, Stamp::default(), &mut out);
            return out.into();
        }
        let mut builder = Builder::new(String::new());
        builder.open(None, root.ty());
        for child in root.children() {
            if child.name() == "meta" {
                marked(&mut builder, child);
            } else if self.keeps(root, child) {
                self.part(&mut builder, child);
            }
        }
        if root.get("meta").is_none() && builder.open_named("meta").is_some() {
            subsetted(&mut builder);
            builder.close();
        }
        builder.close();
        let document = builder.finish();
        write(document.root(), Stamp::default(), &mut out);
        out.into()
    }

    /// Whether an element at the top of the resource is shown.
    fn keeps(&self, root: Node<'_>, child: Node<'_>) -> bool {
        let Some(element) = child.element() else {
            return true;
        };
        let is_mandatory = element.min > 0;
        match self {
            Shown::Whole => true,
            Shown::Data => element.name != "text",
            Shown::Text => is_mandatory || matches!(element.name, "id" | "text"),
            Shown::Summary => in_summary(child) || element.name == "id",
            Shown::Elements(names) => {
                let named = |name: &String| match name.split_once('.') {
                    Some((ty, name)) => ty == root.type_name() && name == element.name,
                    None => *name == element.name,
                };
                is_mandatory
                    || element.is_modifier
                    || element.name == "id"
                    || names.iter().any(named)
            }
        }
    }

    fn part(&self, builder: &mut Builder, node: Node<'_>) {
        if *self == Shown::Summary {
            summary(builder, node);
        } else {
            builder.copy(node, node.member());
        }
    }
}

/// Whether the parameter is one of those that `Shown::asked` reads.
pub fn is_shown(name: &str) -> bool {
    matches!(name, "_summary" | "_elements")
}

/// Copies what the definitions mark of an element. One that marks nothing inside is copied whole, so that none is left empty.
/// Recursion: the depth of the document.
fn summary(builder: &mut Builder, node: Node<'_>) {
    let is_open = matches!(node.type_def().kind, TypeKind::Backbone | TypeKind::Complex);
    let marks = r4().elements_of(node.ty()).iter().any(|e| e.is_summary);
    if !is_open || !marks || !node.children().any(in_summary) {
        builder.copy(node, node.member());
        return;
    }
    builder.open(node.member(), node.ty());
    for child in node.children().filter(|c| in_summary(*c)) {
        summary(builder, child);
    }
    builder.close();
}

fn in_summary(node: Node<'_>) -> bool {
    node.element()
        .is_none_or(|e| e.is_summary || e.is_modifier || e.min > 0)
}

/// `meta` whole, with the tag that says the resource is not.
pub(crate) fn marked(builder: &mut Builder, meta: Node<'_>) {
    builder.open(meta.member(), meta.ty());
    let last = meta.all("tag").last().map(Node::index);
    let already = is_subsetted(meta);
    for child in meta.children() {
        builder.copy(child, child.member());
        if Some(child.index()) == last && !already {
            subsetted(builder);
        }
    }
    if last.is_none() {
        subsetted(builder);
    }
    builder.close();
}

/// Whether `meta` says that the resource is not whole.
pub(crate) fn is_subsetted(meta: Node<'_>) -> bool {
    meta.all("tag").any(is_mark)
}

/// Whether a tag is the one that says so.
pub(crate) fn is_mark(tag: Node<'_>) -> bool {
    tag.text("system") == Some(SUBSETTED.0) && tag.text("code") == Some(SUBSETTED.1)
}

pub(crate) fn subsetted(builder: &mut Builder) {
    if builder.open_named("tag").is_some() {
        builder.leaf("system", SUBSETTED.0);
        builder.leaf("code", SUBSETTED.1);
        builder.close();
    }
}

/// <http://terminology.hl7.org/CodeSystem/v3-ObservationValue>
const SUBSETTED: (&str, &str) = (
    "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "SUBSETTED",
);

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(shown: &Shown, json: &str) -> String {
        let bytes = shown.body(&Bytes::from(json.to_owned())).unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    const TAG: &str = r#"{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}"#;

    #[test]
    fn each_form_keeps_what_r4_says() {
        let json = r#"{"resourceType":"Observation","id":"1","meta":{"versionId":"1"},"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"},"status":"final","code":{"text":"a"},"note":[{"text":"n"}],"component":[{"code":{"text":"b"},"valueInteger":1,"interpretation":[{"text":"i"}]}]}"#;
        let head = format!(
            r#"{{"resourceType":"Observation","id":"1","meta":{{"versionId":"1","tag":[{TAG}]}},"#
        );
        let text = r#""text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"},"#;
        let must = r#""status":"final","code":{"text":"a"}"#;
        let components = r#""component":[{"code":{"text":"b"},"valueInteger":1}]"#;
        assert_eq!(shown(&Shown::Whole, json), json);
        assert_eq!(shown(&Shown::Text, json), format!("{head}{text}{must}}}"));
        assert_eq!(
            shown(&Shown::Summary, json),
            format!("{head}{must},{components}}}")
        );
        let elements = Shown::Elements(vec!["note".into(), "Patient.text".into()]);
        assert_eq!(
            shown(&elements, json),
            format!(r#"{head}{must},"note":[{{"text":"n"}}]}}"#)
        );
        assert!(!shown(&Shown::Data, json).contains("div"));
        assert!(shown(&Shown::Data, json).contains("interpretation"));
    }

    #[test]
    fn the_mark_is_set_once_and_beside_other_tags() {
        let json = r#"{"resourceType":"Basic","id":"1","meta":{"tag":[{"code":"a"}],"source":"b"},"code":{"text":"c"}}"#;
        let once = shown(&Shown::Text, json);
        assert!(
            once.contains(&format!(
                r#""meta":{{"tag":[{{"code":"a"}},{TAG}],"source":"b"}}"#
            )),
            "{once}"
        );
        assert_eq!(shown(&Shown::Text, &once), once);
    }
}
