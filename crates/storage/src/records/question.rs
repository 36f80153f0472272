//! A question on Records as statements, of one form for both databases.
//!
//! Every index of `record` ends with the id, so what drives is read in page order and the limit ends it: one value is a range of its
//! index, several are as many ranges merged. Of several conditions the one drives whose 256th row lies farthest away. More values
//! than [`VALUES_MAX`] (codes of contexts that a question leaves, persons of a department) are likely to be met by what is newest:
//! so rows are looked at first, [`WINDOW`] of them, and merged only when those are too few.
//!
//! Ids rise with time, but not strictly: a Record waits in a local log for the drain. How late one was at most is remembered in
//! `record_late`, so a range of time is a range of ids as well.

use super::RecordQuestion;
use crate::audit_row::TIME_MAX_US;
use std::fmt::Write as _;

/// Values of a list that are merged without a look at the newest rows.
pub const VALUES_MAX: usize = 64;
/// Rows that are looked at before more values than that are merged.
pub const WINDOW: i64 = 20_000;
/// The row of a condition by whose distance conditions are compared.
const PROBED: usize = 256;
/// A page is never longer.
const LIMIT_MAX: usize = 1 << 30;
/// Columns of [`Search::sizes`] at most.
pub const SIZES_MAX: usize = 6;
/// Rows of a window that tell how many there are.
const TELLING: i64 = 64;
/// Microseconds by which Records may always come later than others of the same time: longer than any commit takes.
pub const LATE_MIN_US: i64 = 600_000_000;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Int(i64),
    Ints(Vec<i64>),
}

/// A statement with numbered placeholders.
#[derive(Clone)]
pub struct Asked {
    pub text: String,
    pub values: Vec<Value>,
    /// Of a row of the answer.
    pub columns: usize,
    dialect: Dialect,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Driver {
    Patients,
    Keys,
    Actors,
    Contexts,
    /// The rows themselves.
    Rows,
}

/// One question, as far as it is known how it will be asked.
pub struct Search<'q> {
    question: &'q RecordQuestion,
    dialect: Dialect,
    /// Ids lie between them, neither is one.
    low: i64,
    high: i64,
    driver: Driver,
    /// Whether what is not looked at now may still be asked for.
    is_window: bool,
}

impl<'q> Search<'q> {
    /// `None`: a list without a value is met by nothing.
    pub fn new(dialect: Dialect, question: &'q RecordQuestion) -> Option<Search<'q>> {
        let search = Search {
            question,
            dialect,
            low: 0,
            high: i64::MAX,
            driver: Driver::Rows,
            is_window: false,
        };
        let mut lists = search.lists();
        (question.limit > 0 && lists.all(|(_, list)| !list.is_empty())).then_some(search)
    }

    /// Which ids can be of the time asked for, and the newest id: three columns.
    pub fn bounds(&self) -> Asked {
        let mut asked = Asked::new(self.dialect);
        let greater = match self.dialect {
            Dialect::Sqlite => "max",
            Dialect::Postgres => "greatest",
        };
        let late = format!(
            "{greater}({LATE_MIN_US}, coalesce((select max(l.late_us) from record_late l), 0))"
        );
        asked.push("select ");
        match self.question.from_us {
            None => asked.push("0"),
            Some(from_us) => {
                let from = asked.int(clamped(from_us));
                asked.push(&format!("coalesce((select y.id from record y where y.at_us < {from} - {late} order by y.at_us desc limit 1), 0)"));
            }
        }
        match self.question.until_us {
            None => asked.push(&format!(", {}", i64::MAX)),
            Some(until_us) => {
                let until = asked.int(clamped(until_us));
                asked.push(&format!(", coalesce((select y.id from record y where y.at_us >= {until} + {late} order by y.at_us limit 1), {})", i64::MAX));
            }
        }
        asked.push(", coalesce((select max(y.id) from record y), 0)");
        asked.columns = 3;
        asked
    }

    pub fn bounded(&mut self, low: i64, high: i64, newest: i64) {
        (self.low, self.high) = (low, high.min(newest.saturating_add(1)));
        match self.question.after {
            Some(after) if self.question.newest_first => self.high = self.high.min(after),
            Some(after) => self.low = self.low.max(after),
            None => {}
        }
        let mut short = self.candidates();
        self.driver = match (short.next(), self.lists().min_by_key(|l| l.1.len())) {
            (Some((driver, _)), _) => driver,
            (None, None) => Driver::Rows,
            (None, Some(_)) => {
                self.is_window = self.high - self.low > WINDOW;
                Driver::Rows
            }
        };
    }

    /// How far away the 256th row of each condition that may drive is, where there are several: a column for each index.
    pub fn sizes(&self) -> Option<Asked> {
        if self.candidates().count() < 2 {
            return None;
        }
        let (mut asked, dir) = (Asked::new(self.dialect), self.direction());
        let farthest = if self.question.newest_first {
            "max"
        } else {
            "min"
        };
        let (low, high) = (asked.int(self.low), asked.int(self.high));
        let mut columns = Vec::new();
        for (driver, list) in self.candidates() {
            let values = asked.list(list);
            for (table, column) in driver.indexes() {
                columns.push(format!(
                    "(select {farthest}(p.id) from (select (select y.id from {table} y where {} and y.id > {low} and y.id < {high} \
                     order by y.id {dir} limit 1 offset {}) as id from {values}) p)",
                    meets("y", column),
                    PROBED - 1
                ));
            }
        }
        asked.push("select ");
        asked.push(&columns.join(", "));
        asked.columns = columns.len();
        Some(asked)
    }

    /// `farthest`: the columns of [`Search::sizes`]; none where there are fewer rows.
    pub fn sized(&mut self, farthest: &[Option<i64>]) {
        let mut columns = farthest.iter();
        let is_newest = self.question.newest_first;
        // Of the rarest condition it is the farthest away, or nowhere.
        let distance = |id: Option<i64>| match id {
            None => i64::MIN,
            Some(id) if is_newest => id,
            Some(id) => -id,
        };
        let reach = |(driver, _): (Driver, &[i64])| {
            let own = columns.by_ref().take(driver.indexes().len());
            let nearest = own.map(|id| distance(*id)).max();
            (driver, nearest.unwrap_or(i64::MIN))
        };
        let rarest = self.candidates().map(reach).min_by_key(|(_, at)| *at);
        self.driver = rarest.map_or(self.driver, |(driver, _)| driver);
    }

    /// The rows of the page in its order: id and sealed bytes, which on PostgreSQL are looked at no farther than they are taken.
    pub fn page(&self) -> Asked {
        let (mut asked, dir) = (Asked::new(self.dialect), self.direction());
        let hits = self.hits(&mut asked, self.question.limit);
        let limit = asked.limit(self.question.limit);
        let join = self.join();
        let rows = format!(
            "from (select h.id from ({hits}) h order by h.id {dir} limit {limit}) p {join} record r on r.id = p.id"
        );
        let text = match (self.dialect, self.question.bytes_max) {
            (Dialect::Postgres, Some(bytes_max)) => {
                let most = asked.int(i64::try_from(bytes_max).unwrap_or(i64::MAX));
                format!(
                    "select w.id, w.sealed from (select r.id, r.sealed, sum(octet_length(r.sealed)) over (order by r.id {dir} \
                     rows between unbounded preceding and 1 preceding) as before {rows}) w where coalesce(w.before, 0) < {most} order by w.id {dir}"
                )
            }
            // Rows are read one by one there.
            _ => format!("select r.id, r.sealed {rows} order by r.id {dir}"),
        };
        asked.push(&text);
        asked
    }

    /// Of at most `limit` rows: how many there are, their events, the first and the last id.
    pub fn count(&self) -> Asked {
        let (mut asked, dir) = (Asked::new(self.dialect), self.direction());
        let most = self.question.limit;
        let hits = self.hits(&mut asked, most);
        let limit = asked.limit(most);
        asked.push(&format!(
            "select count(*), coalesce(sum(p.events), 0), coalesce(min(p.id), 0), coalesce(max(p.id), 0) \
             from (select h.id, h.events from ({hits}) h order by h.id {dir} limit {limit}) p"
        ));
        asked.columns = 4;
        asked
    }

    /// After fewer rows than were asked for: whether there may be more, which are then asked for with the same call again.
    pub fn widen(&mut self) -> bool {
        if !std::mem::take(&mut self.is_window) {
            return false;
        }
        let shortest = self.lists().min_by_key(|(_, list)| list.len());
        self.driver = shortest.map_or(Driver::Rows, |(driver, _)| driver);
        true
    }

    /// How many events there are, by the columns of [`Search::count`]; `None`: what was looked at does not tell, widen.
    pub fn counted(&self, [rows, events, first, last]: [i64; 4]) -> Option<(u64, bool)> {
        let most = self.question.limit;
        let all = (self.high - self.low - 1).max(1) as f64;
        let estimated = |seen: i64| (events as f64 * (all / seen.max(1) as f64).max(1.0)) as u64;
        if rows >= most as i64 {
            return Some((estimated(last - first + 1), false));
        }
        if !self.is_window {
            return Some((events as u64, true));
        }
        let told = estimated(WINDOW);
        (rows >= TELLING && told >= 4 * most as u64).then_some((told, false))
    }

    fn direction(&self) -> &'static str {
        match self.question.newest_first {
            true => "desc",
            false => "asc",
        }
    }

    /// In the order of the text.
    fn join(&self) -> &'static str {
        match self.dialect {
            Dialect::Sqlite => "cross join",
            Dialect::Postgres => "join",
        }
    }

    fn lists(&self) -> impl Iterator<Item = (Driver, &'q [i64])> + use<'q> {
        let question = self.question;
        [
            (Driver::Keys, &question.keys),
            (Driver::Patients, &question.patients),
            (Driver::Actors, &question.actors),
            (Driver::Contexts, &question.contexts),
        ]
        .into_iter()
        .filter_map(|(driver, list)| Some((driver, list.as_deref()?)))
    }

    /// Patients and resources are few rows each, so any number of them may drive.
    fn candidates(&self) -> impl Iterator<Item = (Driver, &'q [i64])> + use<'q> {
        self.lists().filter(|(driver, list)| {
            list.len() <= VALUES_MAX || matches!(driver, Driver::Keys | Driver::Patients)
        })
    }

    /// Id and number of events of what meets the question, at least the first `most` of it, each once.
    fn hits(&self, asked: &mut Asked, most: usize) -> String {
        let low = match self.is_window && self.question.newest_first {
            true => self.high - WINDOW,
            false => self.low,
        };
        let high = match self.is_window && !self.question.newest_first {
            true => self.low + WINDOW,
            false => self.high,
        };
        let (low, high) = (asked.int(low), asked.int(high));
        let (limit, dir) = (asked.limit(most), self.direction());
        let filters = self.filters(asked);
        let range = |of: &str| {
            format!(
                "{of}.id > {low} and {of}.id < {high}{filters} order by {of}.id {dir} limit {limit}"
            )
        };
        let list = self.lists().find(|(driver, _)| *driver == self.driver);
        let Some((driver, list)) = list else {
            return format!("select y.id, y.events from record y where {}", range("y"));
        };
        let values = asked.list(list);
        let join = self.join();
        let legs = driver.indexes().iter().map(|(table, column)| {
            let rows = match *table {
                "record" => format!("record y where {} and {}", meets("y", column), range("y")),
                _ => format!(
                    "{table} k {join} record y on y.id = k.id where {} and {}",
                    meets("k", column),
                    range("k")
                ),
            };
            match self.dialect {
                Dialect::Sqlite => format!(
                    "select x.id, x.events from {values} cross join record x on x.id in (select y.id from {rows})"
                ),
                Dialect::Postgres => format!(
                    "select x.id, x.events from {values} cross join lateral (select y.id, y.events from {rows}) x"
                ),
            }
        });
        legs.collect::<Vec<_>>().join(" union ")
    }

    /// The conditions that do not drive.
    fn filters(&self, asked: &mut Asked) -> String {
        // What could not be read when it came is no question's.
        let mut text = String::from(" and y.ctx <> 0");
        // Neither database is to take the index of times, which would lose the order.
        let at_us = match self.dialect {
            Dialect::Sqlite => "+y.at_us",
            Dialect::Postgres => "(y.at_us + 0)",
        };
        for (driver, list) in self.lists().filter(|(driver, _)| *driver != self.driver) {
            // Of no patient is not a patient.
            let list: Vec<i64> = list.iter().copied().filter(|value| *value != 0).collect();
            let values = asked.list(&list);
            let _ = match driver {
                Driver::Actors => write!(text, " and {}", asked.is_in("y.actor", &values)),
                Driver::Contexts => write!(text, " and {}", asked.is_in("y.ctx", &values)),
                Driver::Patients | Driver::Keys | Driver::Rows => write!(
                    text,
                    " and ({} or exists (select 1 from {values} cross join record_key k where k.key = v.a and k.id = y.id))",
                    asked.is_in("y.patient", &values)
                ),
            };
        }
        if let Some(from_us) = self.question.from_us {
            let from = asked.int(clamped(from_us));
            let _ = write!(text, " and {at_us} >= {from}");
        }
        if let Some(until_us) = self.question.until_us {
            let until = asked.int(clamped(until_us));
            let _ = write!(text, " and {at_us} < {until}");
        }
        text
    }
}

impl Driver {
    /// The tables and columns by which a value's rows are found in order.
    fn indexes(self) -> &'static [(&'static str, &'static str)] {
        match self {
            // A patient may be the first of a Record or a further one, a resource may be a patient.
            Driver::Patients | Driver::Keys => &[("record", "patient"), ("record_key", "key")],
            Driver::Actors => &[("record", "actor")],
            Driver::Contexts => &[("record", "ctx")],
            Driver::Rows => &[],
        }
    }
}

/// The row has the value `v.a`. (The index of patients is a partial one.)
fn meets(row: &str, column: &str) -> String {
    match column {
        "patient" => format!("{row}.patient = v.a and {row}.patient <> 0"),
        _ => format!("{row}.{column} = v.a"),
    }
}

impl Asked {
    fn new(dialect: Dialect) -> Asked {
        Asked {
            text: String::new(),
            values: Vec::new(),
            columns: 0,
            dialect,
        }
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn bind(&mut self, value: Value) -> String {
        self.values.push(value);
        let mark = match self.dialect {
            Dialect::Sqlite => '?',
            Dialect::Postgres => '$',
        };
        format!("{mark}{}", self.values.len())
    }

    fn int(&mut self, value: i64) -> String {
        self.bind(Value::Int(value))
    }

    /// PostgreSQL plans by the number, so it stands in the text: the next power of two, so that there are few texts.
    fn limit(&mut self, most: usize) -> String {
        match self.dialect {
            Dialect::Sqlite => self.int(i64::try_from(most).unwrap_or(i64::MAX)),
            Dialect::Postgres => most.min(LIMIT_MAX).next_power_of_two().to_string(),
        }
    }

    /// The distinct values as rows `v` with a column `a`.
    fn list(&mut self, values: &[i64]) -> String {
        let mut values = values.to_vec();
        values.sort_unstable();
        values.dedup();
        let place = self.bind(Value::Ints(values));
        match self.dialect {
            Dialect::Sqlite => format!("rows({place}) v"),
            Dialect::Postgres => format!("unnest({place}) v(a)"),
        }
    }

    /// Not at the top of the condition on PostgreSQL, which would make a join of it that keeps no order.
    fn is_in(&self, column: &str, values: &str) -> String {
        match self.dialect {
            Dialect::Sqlite => format!("+{column} in (select v.a from {values})"),
            Dialect::Postgres => format!("coalesce({column} in (select v.a from {values}), false)"),
        }
    }
}

fn clamped(at_us: i64) -> i64 {
    at_us.clamp(-TIME_MAX_US, TIME_MAX_US)
}
