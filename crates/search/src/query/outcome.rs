//! Parameters that shape the answer and not the matches, and what the answer says was used.
//! <https://hl7.org/fhir/R4/search.html#return>

use super::Reader;
use super::contained::Contained;
use super::include::Include;
use super::text::Score;
use crate::nearest::nearest;
use crate::plan::Total;
use ward_fhir::{Failure, Issue, Kind, Severity};

/// What was made of the query: for the self link, the warnings, and the rendering of the page.
#[derive(Clone, Debug, Default)]
pub struct Used {
    /// Name and value of everything that had an effect, in order: the self link.
    pub pairs: Vec<(String, String)>,
    /// Parameters left out under lenient handling: those that are unknown or have no value.
    pub ignored: Vec<Ignored>,
    pub summary: Option<Summary>,
    /// `_elements`: names of elements, `name` or `Type.name`.
    pub elements: Vec<String>,
    /// `_include` and `_revinclude`
    pub includes: Vec<Include>,
    /// `_contained`
    pub contained: Option<Contained>,
    /// `_text` and `_content`: the relevance of each match. Without them every match is exactly what was asked for.
    pub score: Option<Score>,
    /// `_score`: whether matches show their relevance. Not stated: where there is more than one that they may have.
    pub scored: Option<bool>,
    /// The index is asked for what a client has defined, or for words: the answer is whole only while rows are indexed by the same parameters.
    pub custom: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// What the name was read as: "search parameter", "element".
    pub what: &'static str,
    pub name: String,
    /// Valid names most like it.
    pub nearest: Vec<String>,
    /// Of several types, one that knows no such name while others do.
    pub lacking: Option<&'static str>,
    /// Nothing is asked by it: its value is blank.
    pub is_blank: bool,
    /// Why a name that is known is not taken.
    pub why: Option<&'static str>,
}

/// `_summary`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Summary {
    True,
    Text,
    Data,
    Count,
    False,
}

impl Ignored {
    /// A parameter without a value.
    pub(super) fn blank(name: &str) -> Ignored {
        Ignored {
            what: "search parameter",
            name: name.to_owned(),
            nearest: Vec::new(),
            lacking: None,
            is_blank: true,
            why: None,
        }
    }

    /// The warning for the bundle's OperationOutcome entry.
    pub fn issue(&self) -> Issue {
        Issue::error(self.kind(), self.text("was ignored")).severity(Severity::Warning)
    }

    pub(super) fn failure(&self) -> Failure {
        let what = match self.is_blank {
            true => "asks for nothing",
            false => "is not supported here",
        };
        Failure::new(self.kind(), self.text(what))
    }

    fn kind(&self) -> Kind {
        match self.is_blank {
            true => Kind::Invalid,
            false => Kind::NotSupported,
        }
    }

    fn text(&self, what: &str) -> String {
        let name: String = self.name.chars().take(64).collect();
        if self.is_blank {
            return format!("The {} '{name}' {what}: it has no value.", self.what);
        }
        if let Some(why) = self.why {
            return format!("The {} '{name}' {what}: {why}", self.what);
        }
        let unknown = match self.lacking {
            None => format!("Unknown {} '{name}' {what}.", self.what),
            Some(ty) => format!("Unknown {} '{name}' {what}: {ty} has none.", self.what),
        };
        match self.nearest.as_slice() {
            [] => unknown,
            near => format!("{unknown} Did you mean {}?", near.join(", ")),
        }
    }
}

impl Reader<'_> {
    /// What of the value has an effect (`None` inside: nothing); `None`: not one of them.
    pub(super) fn result_parameter(
        &mut self,
        name: &str,
        value: &str,
    ) -> Result<Option<Option<String>>, Failure> {
        match name {
            "_count" => self.count(value)?,
            "_sort" => return self.sort(value).map(Some),
            "_total" => self.plan.total = one_of(name, value, TOTALS)?,
            "_summary" => self.used.summary = Some(one_of(name, value, SUMMARIES)?),
            "_elements" => return self.elements(value).map(Some),
            "_contained" | "_containedType" => self.contained_parameter(name, value)?,
            "_score" => self.used.scored = Some(one_of(name, value, TRUE_OR_FALSE)?),
            "_format" | "_pretty" | "_type" => {}
            _ if is_include(name) => {
                let used = self.include(name, value)?;
                return Ok(Some(used.then(|| value.to_owned())));
            }
            _ => return Ok(None),
        }
        Ok(Some(Some(value.to_owned())))
    }

    /// `_type` of a search over several types.
    pub(super) fn types(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        let mut types = Vec::new();
        for text in value.split(',').filter(|text| !text.is_empty()) {
            let known = self.registry.schema().resource_type(text);
            types.push(known.ok_or_else(|| {
                let near = self.resource_types();
                let near = near.map(|ty| self.registry.schema().ty(ty).name);
                let what = "must be a list of resource types";
                invalid(name, &format!("{what}{}", meant(text, near)))
            })?);
        }
        types.sort_unstable();
        types.dedup();
        // As every criterion, one that is given again narrows.
        let searched = &self.plan.types;
        types.retain(|ty| searched.is_empty() || searched.contains(ty));
        if types.is_empty() {
            let what = "names no type that is searched here; of several types give one list, _type=Patient,Practitioner";
            return Err(invalid(name, what));
        }
        self.plan.types = types;
        self.are_named = true;
        Ok(())
    }

    fn count(&mut self, value: &str) -> Result<(), Failure> {
        let count: u32 = value
            .parse()
            .map_err(|_| invalid("_count", "must be a number of entries"))?;
        self.plan.count = count.min(self.options.count_max);
        self.used.pairs.retain(|(name, _)| name != "_count");
        self.used
            .pairs
            .push(("_count".into(), self.plan.count.to_string()));
        Ok(())
    }

    /// `_summary=count` and `_count=0` ask for the total and for nothing else, whatever is asked before and after them.
    pub(super) fn settle_total(&mut self) {
        if self.used.summary == Some(Summary::Count) {
            self.plan.count = 0;
        }
        if self.plan.count == 0 && self.plan.total == Total::None {
            self.plan.total = Total::Accurate;
        }
    }
}

const TOTALS: &[(&str, Total)] = &[
    ("none", Total::None),
    ("estimate", Total::Estimate),
    ("accurate", Total::Accurate),
];
const TRUE_OR_FALSE: &[(&str, bool)] = &[("true", true), ("false", false)];
const SUMMARIES: &[(&str, Summary)] = &[
    ("true", Summary::True),
    ("text", Summary::Text),
    ("data", Summary::Data),
    ("count", Summary::Count),
    ("false", Summary::False),
];

/// Whether a value asks for nothing: white space and commas alone. <https://hl7.org/fhir/R4/search.html#combining> knows no such
/// value; one that matched nothing would make a conditional create of what is there already.
pub fn is_blank(value: &str) -> bool {
    value.chars().all(|c| c == ',' || c.is_whitespace())
}

fn is_include(name: &str) -> bool {
    matches!(name.split(':').next(), Some("_include" | "_revinclude"))
}

pub(super) fn one_of<T: Copy>(name: &str, value: &str, table: &[(&str, T)]) -> Result<T, Failure> {
    let found = table
        .iter()
        .find(|(text, _)| *text == value)
        .map(|(_, v)| *v);
    found.ok_or_else(|| {
        let names: Vec<&str> = table.iter().map(|(text, _)| *text).collect();
        invalid(name, &format!("must be one of {}", names.join(", ")))
    })
}

pub(super) fn invalid(name: &str, what: &str) -> Failure {
    Failure::new(Kind::Invalid, format!("The value of '{name}' {what}."))
}

/// Which names may have been meant, to end a sentence with.
pub(super) fn meant<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> String {
    match nearest(name, names).as_slice() {
        [] => String::new(),
        near => format!("; did you mean {}", near.join(", ")),
    }
}
