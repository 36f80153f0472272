//! `_text` and `_content`: words of the narrative, or of the whole resource. <https://hl7.org/fhir/R4/search.html#content>
//!
//! Words are compared by their beginning, without case and accents; how they are combined is in `asked`. Of the types that are indexed by words the index answers (`full_text`), and where
//! words stand side by side it proposes; of others each row is looked at, under the cost gate.
//!
//! What this server sets itself (id, version, time) is no content: `_id` and `_lastUpdated` ask for it.

mod asked;
mod narrative;

use self::asked::{DEPTH_MAX, Query, WORDS_MAX};
use self::narrative::shown;
use super::Reader;
use super::chain::one_and;
use super::labels::is_of_label;
use crate::full_text::Words;
use crate::normal::words;
use crate::plan::{Check, Filter};
use crate::targets::entry_of;
use std::sync::Arc;
use ward_fhir::reference::{self, Reference};
use ward_fhir::schema::{Primitive, r4};
use ward_fhir::{Failure, Kind, Node, TypeId};

/// The relevance of a hit by the words that a search asks for: n / (n + 1), where they occur n times. The more often, the
/// nearer to 1, and never 1, which is for what is exactly what was asked for. <https://hl7.org/fhir/R4/search.html#score>
#[derive(Clone)]
pub struct Score(Vec<Occurrences>);

/// How often the words of one `_text` or `_content` occur in a resource.
type Occurrences = Arc<dyn Fn(Node<'_>) -> usize + Send + Sync>;

impl Score {
    pub fn of(&self, resource: Node<'_>) -> f64 {
        let found: usize = self.0.iter().map(|words| words(resource)).sum();
        let found = found as f64;
        found / (found + 1.0)
    }

    /// By the words of both.
    pub(super) fn beside(mut self, other: Option<Score>) -> Score {
        self.0.extend(other.into_iter().flat_map(|score| score.0));
        self
    }
}

impl std::fmt::Debug for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Score")
    }
}

impl Reader<'_> {
    pub(super) fn words(
        &self,
        types: &[TypeId],
        code: &str,
        modifier: Option<&str>,
        value: &str,
    ) -> Result<Filter, Failure> {
        if modifier.is_some() {
            let text = format!("'{code}' has no modifiers.");
            return Err(Failure::new(Kind::NotSupported, text));
        }
        let query = Query::read(value).ok_or_else(|| {
            let text = format!(
                "The value of '{code}' must be words, {WORDS_MAX} at most, optionally with AND, OR, NOT, quotes and brackets, \
                 {DEPTH_MAX} deep at most, and each alternative must have a word that is not excluded."
            );
            Failure::new(Kind::Invalid, text)
        })?;
        let content = self.content(code);
        let index = self.indexed_words(types, code);
        self.custom.set(self.custom.get() || index.is_some());
        match index {
            Some(index) if !matches!(content, Content::Shown(_)) => Ok(query.by(&index, &content)),
            // The index has the words of what is not shown as well: it narrows, and each resource decides.
            Some(index) => {
                let narrowed = query.narrowed(&index, &content);
                let check = check(content, move |texts| query.holds(texts));
                Ok(one_and(vec![narrowed, Filter::Check(check)]))
            }
            None => Ok(Filter::Check(check(content, move |texts| {
                query.holds(texts)
            }))),
        }
    }

    /// What the index has of the words, if it has those of all of the types.
    fn indexed_words(&self, types: &[TypeId], code: &str) -> Option<Words<'_>> {
        let (first, indexed) = (types.first()?, self.registry.words());
        let is_indexed = types.iter().all(|ty| indexed.contains(ty));
        let parameter = self.registry.find(*first, code).filter(|_| is_indexed)?;
        Some(Words {
            key: self.extractor.key(),
            param: parameter.def.number(),
        })
    }

    /// The score of a `_text` or `_content`; `None` for other names and values that cannot be read.
    pub(super) fn score(&self, name: &str, value: &str) -> Option<Score> {
        if !matches!(name, "_text" | "_content") {
            return None;
        }
        let (query, content) = (Query::read(value)?, self.content(name));
        let occurrences = move |node: Node<'_>| query.occurrences(&texts(node, &content));
        Some(Score(vec![Arc::new(occurrences)]))
    }

    fn content(&self, code: &str) -> Content {
        if code != "_content" {
            return Content::Narrative;
        }
        let types = (0..r4().types.len()).filter_map(|at| Some(TypeId(u16::try_from(at).ok()?)));
        let shown = Shown {
            labels: self.extractor.told().is_none(),
            hiding: types
                .filter(|ty| self.targets.may_hide(&[], 0, *ty))
                .collect(),
            base: self.extractor.base().map(str::to_owned),
        };
        match shown.labels && shown.hiding.is_empty() {
            true => Content::Everything,
            false => Content::Shown(Arc::new(shown)),
        }
    }
}

/// Which texts of a resource are asked about.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// `_text`
    Narrative,
    /// `_content`: of every primitive element that is not this server's own.
    Everything,
    /// The same but what may not be shown.
    Shown(Arc<Shown>),
}

/// What of a resource is shown to everybody who sees it, and what to this asker.
#[derive(Debug)]
pub(crate) struct Shown {
    /// Security labels are.
    labels: bool,
    /// Of these types something may be hidden: what stands in a reference to one of them may be cut.
    hiding: Vec<TypeId>,
    base: Option<String>,
}

impl Shown {
    fn shows(&self, node: Node<'_>) -> bool {
        (self.labels || !is_of_label(node)) && !self.may_cut(node)
    }

    /// Whether it stands in a reference, an attachment, or an entry about a target, that may lead to something hidden.
    fn may_cut(&self, node: Node<'_>) -> bool {
        let leads = |text: &str| {
            let bare = text.split('#').next().unwrap_or_default();
            match reference::parse(bare, self.base.as_deref()) {
                Some(Reference::Local { ty, .. }) => self.hiding.contains(&ty),
                _ => false,
            }
        };
        let is_about = |node: Node<'_>| {
            let refers = entry_of(node.resource().type_name(), node.name());
            let mut targets = node.all(refers.unwrap_or_default()).peekable();
            targets.peek().is_some()
                && targets.all(|target| target.text("reference").is_some_and(leads))
        };
        !self.hiding.is_empty()
            && node
                .ancestors()
                .any(|node| leads_to(node).is_some_and(leads) || is_about(node))
    }
}

fn leads_to(node: Node<'_>) -> Option<&str> {
    match node.type_name() {
        "Reference" => node.text("reference"),
        "Attachment" => node.text("url"),
        _ => None,
    }
}

impl Content {
    fn code(&self) -> &'static str {
        match self {
            Content::Narrative => "_text",
            Content::Everything | Content::Shown(_) => "_content",
        }
    }
}

/// A check of the texts of a resource.
fn check(content: Content, test: impl Fn(&[Vec<String>]) -> bool + Send + Sync + 'static) -> Check {
    Check {
        name: content.code().to_owned(),
        test: Arc::new(move |node| test(&texts(node, &content))),
    }
}

/// The words of each text.
pub(crate) fn texts(resource: Node<'_>, content: &Content) -> Vec<Vec<String>> {
    let narrative = || resource.get("text").and_then(|t| t.text("div"));
    if matches!(content, Content::Narrative) {
        let text = narrative().map(|div| words(&shown(div)).collect());
        return text.into_iter().collect();
    }
    let meta = resource.get("meta");
    let in_meta = ["versionId", "lastUpdated"].map(|name| meta.and_then(|m| m.get(name)));
    let own = [resource.get("id"), in_meta[0], in_meta[1]];
    resource
        .descendants_and_self()
        .filter(|n| !own.contains(&Some(*n)))
        .filter_map(|n| Some((n, n.primitive()?, n.value()?)))
        .filter(|(_, primitive, _)| *primitive != Primitive::Base64Binary)
        .filter(|(node, ..)| match content {
            Content::Shown(shown) => shown.shows(*node),
            Content::Narrative | Content::Everything => true,
        })
        .map(|(_, primitive, value)| match primitive {
            Primitive::Xhtml => words(&shown(value)).collect(),
            _ => words(value).collect(),
        })
        .collect()
}
