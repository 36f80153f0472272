//! Query text to [`Plan`]. <https://hl7.org/fhir/R4/search.html>

mod criteria;
mod outcome;

pub use criteria::modifiers;
pub use outcome::{Ignored, Summary, Used};

use crate::entries::TermKey;
use crate::plan::{Filter, Plan, Total};
use crate::registry::Registry;
use ward_fhir::{Failure, Kind, TypeId};

/// Parameters in one query.
pub const PARAMETERS_MAX: usize = 100;
/// Values of one comma list.
pub const OR_VALUES_MAX: usize = 500;
/// Terms one parameter may come to after expansion (a bare id over many target types).
pub const TERMS_MAX: usize = 4_000;

/// What a query is read against, beside the registry.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// `Prefer: handling=strict`, and every conditional interaction: an unknown parameter is an error instead of ignored.
    pub strict: bool,
    /// Our own base URL without trailing slash.
    pub base: Option<&'a str>,
    /// For the `ap` prefix.
    pub now_us: i64,
    /// Page size when `_count` is absent, and the largest there is.
    pub count_default: u32,
    pub count_max: u32,
}

/// Reads the decoded name and value pairs of a query over `types` (empty: all types).
///
/// Errors: `Invalid` for a value that cannot be read, `NotSupported` for a parameter or modifier that is not answered (and under
/// `strict` for an unknown one), `TooCostly` beyond the limits above. Linear in the query.
pub fn parse<N: AsRef<str>, V: AsRef<str>>(
    registry: &Registry,
    types: &[TypeId],
    pairs: &[(N, V)],
    key: &TermKey,
    options: &Options<'_>,
) -> Result<(Plan, Used), Failure> {
    if pairs.len() > PARAMETERS_MAX {
        return Err(Failure::new(
            Kind::TooCostly,
            format!("A search may have {PARAMETERS_MAX} parameters at most."),
        ));
    }
    let mut reader = Reader {
        registry,
        key,
        options,
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
    };
    // The types first: they decide what every other name means.
    for (name, value) in pairs.iter().filter(|(n, _)| n.as_ref() == "_type") {
        reader.types(name.as_ref(), value.as_ref())?;
    }
    for (name, value) in pairs {
        reader.pair(name.as_ref(), value.as_ref())?;
    }
    Ok(reader.finish())
}

struct Reader<'a> {
    registry: &'a Registry,
    key: &'a TermKey,
    options: &'a Options<'a>,
    plan: Plan,
    used: Used,
    filters: Vec<Filter>,
}

impl Reader<'_> {
    fn pair(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        let used = self.result_parameter(name, value)? || self.criterion(name, value)?;
        if used && name != "_count" {
            self.used.pairs.push((name.to_owned(), value.to_owned()));
        }
        Ok(())
    }

    fn finish(mut self) -> (Plan, Used) {
        self.plan.filter = match self.filters.len() {
            0 => Filter::All,
            1 => self.filters.remove(0),
            _ => Filter::And(self.filters),
        };
        (self.plan, self.used)
    }
}
