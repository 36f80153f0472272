//! Prefix comparisons of ranges as SQL, the same on both stores. <https://hl7.org/fhir/R4/search.html#prefix>

use ward_search::plan::Prefix;

/// Over the columns `lo` and `hi`; only the search bounds it needs are bound. The meaning is `ward_search::evaluate`'s.
pub fn compare_sql<T>(
    prefix: Prefix,
    lo: &str,
    hi: &str,
    bounds: (T, T),
    bind: &mut dyn FnMut(T) -> String,
) -> String {
    let (from, to) = bounds;
    let inside =
        |from: &str, to: &str| format!("({lo} >= {from} and {lo} <= {to} and {hi} <= {to})");
    match prefix {
        Prefix::Eq => inside(&bind(from), &bind(to)),
        Prefix::Ne => format!("({lo} < {} or {hi} > {})", bind(from), bind(to)),
        Prefix::Gt => format!("({hi} > {})", bind(to)),
        Prefix::Lt => format!("({lo} < {})", bind(from)),
        Prefix::Ge => {
            let (from, to) = (bind(from), bind(to));
            format!("({hi} > {to} or {})", inside(&from, &to))
        }
        Prefix::Le => {
            let (from, to) = (bind(from), bind(to));
            format!("({lo} < {from} or {})", inside(&from, &to))
        }
        Prefix::Sa => format!("({lo} > {})", bind(to)),
        Prefix::Eb => format!("({hi} < {})", bind(from)),
        Prefix::Ap => format!("({lo} <= {} and {hi} >= {})", bind(to), bind(from)),
    }
}
