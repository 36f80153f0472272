//! Query text to [`Plan`]. <https://hl7.org/fhir/R4/search.html>

mod apart;
mod beside;
mod chain;
mod contained;
mod contained_chain;
mod criterion;
mod elements;
mod filter;
mod has;
pub(crate) mod hidden;
mod include;
mod labels;
mod list;
mod long;
mod masked;
mod missing;
mod outcome;
mod referred;
mod sort;
mod text;
mod values;
mod visit;

pub use contained::{Contained, Rendered, part};
pub use contained_chain::{
    ContainedChain, ContainedChains, Onward, contained_chains, hops, replace_contained_chains,
};
pub use include::{INCLUDES_MAX, Include, Including};
pub use list::{held, lists, parent, referring, replace_lists};
pub use long::{LongTexts, Looked, long_texts, replace_long_texts};
pub use outcome::{Ignored, Summary, Used, is_blank};
pub use referred::Referred;
pub use sort::text as sort_text;
pub use text::Score;
pub(crate) use text::{Content, texts};
pub use values::modifiers;

use crate::extract::Extractor;
use crate::plan::{Filter, Plan, Total};
use crate::registry::Registry;
use crate::targets::{Every, Targets};
use crate::terminology::Terminology;
use std::cell::Cell;
use ward_fhir::{Failure, Kind, TypeId};

/// Parameters in one query.
pub const PARAMETERS_MAX: usize = 100;
/// Values of one comma list.
pub const OR_VALUES_MAX: usize = 500;
/// Terms one parameter may come to after expansion (a bare id over many target types, a value set).
pub const TERMS_MAX: usize = 4_000;
/// Hops of a chain, `_has` included.
pub const CHAIN_DEPTH_MAX: usize = 8;
/// Criteria that one query may come to when chains fan out over the types of their targets.
pub const CRITERIA_MAX: usize = 1_000;
/// Bytes of a `_filter`, and conditions and operators in it.
pub const FILTER_BYTES_MAX: usize = 8 << 10;
pub const FILTER_NODES_MAX: usize = 200;

/// What a query is read against, beside the extractor with its registry.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// `Prefer: handling=strict`, and every conditional interaction: a parameter that is unknown or has no value is an error
    /// instead of ignored.
    pub strict: bool,
    /// For the `ap` prefix.
    pub now_us: i64,
    /// Page size when `_count` is absent, and the largest there is.
    pub count_default: u32,
    pub count_max: u32,
    /// For `:in`, `:not-in`, `:above` and `:below`.
    pub terminology: &'a dyn Terminology,
}

/// Reads the decoded name and value pairs of a query over `types` (empty: all types; several: those of a compartment, of which
/// `_type` may name some).
///
/// The plan's filter may hold `Check` ([`crate::check::split`]) and `List` ([`replace_lists`]), which no store answers.
///
/// Errors: `Invalid` for a value that cannot be read (U+0000 in it included, and under `strict` one that is blank), `NotSupported` for a
/// parameter or modifier that is not answered (and under `strict` for an unknown one), `TooCostly` beyond the limits above. Linear in the query.
pub fn parse<N: AsRef<str>, V: AsRef<str>>(
    extractor: &Extractor,
    types: &[TypeId],
    pairs: &[(N, V)],
    options: &Options<'_>,
) -> Result<(Plan, Used), Failure> {
    parse_by(extractor, types, pairs, options, &Every)
}

/// The same for a caller who may ask by some resources alone: a reference to any other matches nothing.
///
/// Errors: those of [`parse`], and `HiddenElement` for what would tell of targets that are not seen by more than their ids.
pub fn parse_by<N: AsRef<str>, V: AsRef<str>>(
    extractor: &Extractor,
    types: &[TypeId],
    pairs: &[(N, V)],
    options: &Options<'_>,
    targets: &dyn Targets,
) -> Result<(Plan, Used), Failure> {
    if pairs.len() > PARAMETERS_MAX {
        return Err(Failure::new(
            Kind::TooCostly,
            format!("A search may have {PARAMETERS_MAX} parameters at most."),
        ));
    }
    let mut reader = Reader {
        registry: extractor.registry(),
        extractor,
        options,
        targets,
        plan: Plan {
            types: types.to_vec(),
            filter: Filter::All,
            sort: Vec::new(),
            count: options.count_default,
            total: Total::None,
            after: None,
        },
        used: Used::default(),
        filters: Vec::new(),
        contained: contained::Wanted::default(),
        criteria: Cell::new(0),
        are_named: types.len() <= 1,
        custom: Cell::new(false),
    };
    // The types first: they decide what every other name means.
    for (name, value) in pairs
        .iter()
        .filter(|(n, v)| n.as_ref() == "_type" && !is_blank(v.as_ref()))
    {
        reader.types(name.as_ref(), value.as_ref())?;
    }
    for (name, value) in pairs {
        reader.pair(name.as_ref(), value.as_ref())?;
    }
    reader.finish()
}

struct Reader<'a> {
    registry: &'a Registry,
    extractor: &'a Extractor,
    options: &'a Options<'a>,
    targets: &'a dyn Targets,
    plan: Plan,
    used: Used,
    filters: Vec<Filter>,
    contained: contained::Wanted,
    /// Read so far, those of every branch of a chain included.
    criteria: Cell<usize>,
    /// Each type that is searched is named, and not only the compartment that they are in.
    are_named: bool,
    /// The index is asked for what a client has defined, or for words.
    custom: Cell<bool>,
}

/// Why a criterion gives no filter.
enum Refusal {
    /// A name that is not known here: ignored under lenient handling.
    Unknown(Ignored),
    Failure(Failure),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Refusal::Failure(failure)
    }
}

impl Refusal {
    /// What is not known is named as it is written behind a hop.
    fn behind(self, hop: &str) -> Self {
        match self {
            Refusal::Unknown(ignored) => Refusal::Unknown(ignored.behind(hop)),
            failure => failure,
        }
    }
}

impl Reader<'_> {
    fn pair(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        // Not every database takes it in a text, and no text of FHIR has it.
        if name.contains('\0') || value.contains('\0') {
            let name = criterion::short(name).replace('\0', "");
            let text = format!("'{name}' holds the character U+0000, which no value of FHIR has.");
            return Err(Failure::new(Kind::Invalid, text));
        }
        if is_blank(value) {
            return self.ignore(Ignored::blank(name));
        }
        let used = match self.result_parameter(name, value)? {
            Some(used) => used,
            None => self.criterion(name, value)?.then(|| value.to_owned()),
        };
        if let Some(value) = used.filter(|_| name != "_count") {
            self.used.pairs.push((name.to_owned(), value));
        }
        Ok(())
    }

    /// Adds the filter of one criterion; `false`: ignored as unknown.
    fn criterion(&mut self, name: &str, value: &str) -> Result<bool, Failure> {
        if let Some(words) = self.score(name, value) {
            let before = self.used.score.take();
            self.used.score = Some(words.beside(before));
        }
        match self.read(&self.plan.types, name, value, 0) {
            Ok(filter) => {
                self.filters.push(filter);
                Ok(true)
            }
            Err(Refusal::Failure(failure)) => Err(failure),
            Err(Refusal::Unknown(mut ignored)) => {
                criterion::or_shaping(name, &mut ignored);
                self.ignore(ignored).map(|()| false)
            }
        }
    }

    fn ignore(&mut self, ignored: Ignored) -> Result<(), Failure> {
        if self.options.strict {
            return Err(ignored.failure());
        }
        self.used.ignored.push(ignored);
        Ok(())
    }

    fn finish(mut self) -> Result<(Plan, Used), Failure> {
        self.settle_total();
        self.settle_sort();
        self.contain()?;
        self.used.custom = self.custom.get();
        let filter = match self.filters.len() {
            0 => Filter::All,
            1 => self.filters.remove(0),
            _ => Filter::And(self.filters),
        };
        self.plan.filter = apart::both(filter, &self.plan.types, self.extractor);
        Ok((self.plan, self.used))
    }
}
