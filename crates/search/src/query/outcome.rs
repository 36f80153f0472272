//! Parameters that shape the answer and not the matches, and what the answer says was used.
//! <https://hl7.org/fhir/R4/search.html#return>

use super::Reader;
use crate::cursor::SORT_KEYS_MAX;
use crate::plan::{SortKey, Total};
use ward_fhir::schema::SearchType;
use ward_fhir::{Failure, Issue, Kind, Severity};

/// What was made of the query: for the self link, the warnings, and the rendering of the page.
#[derive(Clone, Debug, Default)]
pub struct Used {
    /// Name and value of everything that had an effect, in order: the self link.
    pub pairs: Vec<(String, String)>,
    /// Unknown parameters left out under lenient handling.
    pub ignored: Vec<Ignored>,
    pub summary: Option<Summary>,
    /// `_elements`
    pub elements: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    pub name: String,
    /// Valid names most like it.
    pub nearest: Vec<&'static str>,
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
    /// The warning for the bundle's OperationOutcome entry.
    pub fn issue(&self) -> Issue {
        Issue::error(Kind::NotSupported, self.text("was ignored")).severity(Severity::Warning)
    }

    pub(super) fn failure(&self) -> Failure {
        Failure::new(Kind::NotSupported, self.text("is not supported here"))
    }

    fn text(&self, what: &str) -> String {
        let name: String = self.name.chars().take(64).collect();
        let unknown = format!("Unknown search parameter '{name}' {what}.");
        match self.nearest.as_slice() {
            [] => unknown,
            near => format!("{unknown} Did you mean {}?", near.join(", ")),
        }
    }
}

/// Known to the specification, answered later.
const LATER: &[&str] = &[
    "_contained",
    "_containedType",
    "_content",
    "_filter",
    "_has",
    "_include",
    "_list",
    "_query",
    "_revinclude",
    "_score",
    "_text",
];

impl Reader<'_> {
    /// `false`: not one of them.
    pub(super) fn result_parameter(&mut self, name: &str, value: &str) -> Result<bool, Failure> {
        match name {
            "_count" => self.count(value)?,
            "_sort" => return self.sort(value),
            "_total" => self.plan.total = one_of(name, value, TOTALS)?,
            "_summary" => self.summary(one_of(name, value, SUMMARIES)?),
            "_elements" => self.used.elements.extend(
                value
                    .split(',')
                    .filter(|e| !e.is_empty())
                    .map(str::to_owned),
            ),
            "_format" | "_pretty" | "_type" => {}
            _ => {
                let plain = name.split(':').next().unwrap_or(name);
                if LATER.contains(&plain) {
                    return Err(Failure::new(
                        Kind::NotSupported,
                        format!("'{plain}' is not supported yet."),
                    ));
                }
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// `_type` of a search over several types.
    pub(super) fn types(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        let mut types = Vec::new();
        for text in value.split(',') {
            let known = self
                .registry
                .schema()
                .resource_type(text)
                .filter(|t| self.plan.types.is_empty() || self.plan.types.contains(t));
            types.push(known.ok_or_else(|| {
                invalid(
                    name,
                    "must be a list of resource types that can be searched here",
                )
            })?);
        }
        types.sort_unstable();
        types.dedup();
        self.plan.types = types;
        Ok(())
    }

    fn count(&mut self, value: &str) -> Result<(), Failure> {
        let count: u32 = value
            .parse()
            .map_err(|_| invalid("_count", "must be a number of entries"))?;
        self.plan.count = count.min(self.options.count_max);
        if count == 0 {
            self.plan.total = Total::Accurate;
        }
        self.used.pairs.retain(|(name, _)| name != "_count");
        self.used
            .pairs
            .push(("_count".into(), self.plan.count.to_string()));
        Ok(())
    }

    fn summary(&mut self, summary: Summary) {
        if summary == Summary::Count {
            self.plan.count = 0;
            self.plan.total = Total::Accurate;
        }
        self.used.summary = Some(summary);
    }

    /// `false`: nothing of it is known.
    fn sort(&mut self, value: &str) -> Result<bool, Failure> {
        let before = self.plan.sort.len();
        for text in value.split(',') {
            let (descending, code) = text
                .strip_prefix('-')
                .map_or((false, text), |code| (true, code));
            if let Some(key) = self.sort_key(code, descending)? {
                self.plan.sort.push(key);
            }
        }
        if self.plan.sort.len() > SORT_KEYS_MAX {
            return Err(invalid(
                "_sort",
                &format!("may name {SORT_KEYS_MAX} parameters at most"),
            ));
        }
        Ok(self.plan.sort.len() > before)
    }

    fn sort_key(&mut self, code: &str, descending: bool) -> Result<Option<SortKey>, Failure> {
        match code {
            "_lastUpdated" => return Ok(Some(SortKey::Updated { descending })),
            "_id" => return Ok(Some(SortKey::Id { descending })),
            _ => {}
        }
        let Some(parameter) = self.look_up(code)? else {
            return Ok(None);
        };
        let refused = || {
            let text = format!(
                "Sorting by '{code}' is not supported yet; date and string parameters, _lastUpdated and _id are."
            );
            Failure::new(Kind::NotSupported, text)
        };
        match (parameter.ty(), parameter.owners.as_slice()) {
            (SearchType::Date, [owner]) => Ok(Some(SortKey::Date {
                param: owner.param,
                descending,
            })),
            (SearchType::String, [owner]) => Ok(Some(SortKey::String {
                param: owner.param,
                descending,
            })),
            _ => Err(refused()),
        }
    }
}

const TOTALS: &[(&str, Total)] = &[
    ("none", Total::None),
    ("estimate", Total::Estimate),
    ("accurate", Total::Accurate),
];
const SUMMARIES: &[(&str, Summary)] = &[
    ("true", Summary::True),
    ("text", Summary::Text),
    ("data", Summary::Data),
    ("count", Summary::Count),
    ("false", Summary::False),
];

fn one_of<T: Copy>(name: &str, value: &str, table: &[(&str, T)]) -> Result<T, Failure> {
    let found = table
        .iter()
        .find(|(text, _)| *text == value)
        .map(|(_, v)| *v);
    found.ok_or_else(|| {
        let names: Vec<&str> = table.iter().map(|(text, _)| *text).collect();
        invalid(name, &format!("must be one of {}", names.join(", ")))
    })
}

fn invalid(name: &str, what: &str) -> Failure {
    Failure::new(Kind::Invalid, format!("The value of '{name}' {what}."))
}
