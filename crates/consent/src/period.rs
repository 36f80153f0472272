//! Periods as half-open intervals of microseconds. <https://hl7.org/fhir/R4/datatypes.html#Period>

use crate::tri::Tri;
use ward_fhir::Node;
use ward_fhir::date::PartialDate;

/// Microseconds since 1970 in UTC; `until` is not in it. Missing bounds are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    pub from: i64,
    pub until: i64,
}

/// First and last microsecond that a date covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    pub low: i64,
    pub high: i64,
}

impl Period {
    pub const ALWAYS: Period = Period {
        from: i64::MIN,
        until: i64::MAX,
    };

    /// `None`: a bound that cannot be read, no bound at all, or an end before the start.
    pub fn read(node: Node<'_>) -> Option<Period> {
        let bound = |name| node.get(name).map(|n| Span::parse(n.value()?));
        let (start, end) = (bound("start"), bound("end"));
        if start.is_none() && end.is_none() {
            return None;
        }
        let period = Period {
            from: match start {
                Some(span) => span?.low,
                None => i64::MIN,
            },
            until: match end {
                Some(span) => span?.high + 1,
                None => i64::MAX,
            },
        };
        (period.from < period.until).then_some(period)
    }

    pub fn contains(&self, at_us: i64) -> bool {
        self.from <= at_us && at_us < self.until
    }

    /// Whether something of that time lies in it. Unknown where it has no time, and where it lies in it in part.
    pub fn holds(&self, time: Option<Span>) -> Tri {
        let Some(time) = time else {
            return Tri::Unknown;
        };
        match (self.contains(time.low), self.contains(time.high)) {
            (true, true) => Tri::Yes,
            (false, false) if time.high < self.from || time.low >= self.until => Tri::No,
            _ => Tri::Unknown,
        }
    }
}

impl Span {
    /// Of a date, dateTime or instant; one without zone is read in UTC.
    pub fn parse(text: &str) -> Option<Span> {
        let date = PartialDate::parse(text, false)?;
        Some(Span {
            low: date.low_us(),
            high: date.high_us(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_includes_its_day() {
        let year = Period {
            from: Span::parse("2019-01-01").unwrap().low,
            until: Span::parse("2019-12-31").unwrap().high + 1,
        };
        let at = |text| year.holds(Span::parse(text));
        assert_eq!(at("2019-12-31T23:59:59Z"), Tri::Yes);
        assert_eq!(at("2019"), Tri::Yes);
        assert_eq!(at("2020-01-01T00:00:00Z"), Tri::No);
        assert_eq!(at("2018-12-31"), Tri::No);
        assert_eq!(year.holds(None), Tri::Unknown);
        let wide = Span {
            low: year.from - 1,
            high: year.until,
        };
        assert_eq!(year.holds(Some(wide)), Tri::Unknown);
    }
}
