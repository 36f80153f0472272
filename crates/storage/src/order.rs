//! Sorting and keyset paging, the same on both stores. <https://hl7.org/fhir/R4/search.html#sort>
//!
//! A page starts after the sort values and row id of the last row of the page before, never at an offset. Missing
//! values come last in either direction; equal rows are told apart by row id, newest first.
//!
//! Departs: without `_sort` the order is clinical date descending (for undated types: when the row was made), then row
//! id descending, because that is the order of the index entries: a page of a broad term costs microseconds instead
//! of a sort of all its hits. `_sort=_id` orders by row id, since the public id is a bijection without order.

use crate::contract::StoreError;
use std::cmp::Ordering;
use ward_search::plan::{Position, SortKey, SortValue};

pub struct Order {
    pub keys: Vec<Key>,
    /// No `_sort`: date and row id descending.
    natural: bool,
    /// How the row id is written; an expression of it keeps a planner from walking an index in its order.
    rid: &'static str,
}

/// One sort expression over the rows `x`.
#[derive(Clone)]
pub struct Key {
    pub expression: String,
    parameter: Option<i64>,
    pub text: bool,
    nullable: bool,
    descending: bool,
}

impl Key {
    pub fn int(expression: &str, descending: bool) -> Key {
        Key {
            expression: expression.to_owned(),
            parameter: None,
            text: false,
            nullable: false,
            descending,
        }
    }

    /// `{p}` in the expression stands for the parameter: a constant to bind, or text of its own.
    pub fn nullable(
        expression: String,
        parameter: (Option<i64>, String),
        text: bool,
        descending: bool,
    ) -> Key {
        let expression = if parameter.0.is_some() {
            expression
        } else {
            expression.replace("{p}", &parameter.1)
        };
        Key {
            expression,
            parameter: parameter.0,
            text,
            nullable: true,
            descending,
        }
    }

    pub fn with_parameter(&self, bind: impl FnOnce(i64) -> String) -> Key {
        let mut key = self.clone();
        if let Some(parameter) = self.parameter {
            key.expression = key.expression.replace("{p}", &bind(parameter));
        }
        key
    }
}

impl Order {
    pub fn new(sort: &[SortKey], key: impl Fn(&SortKey) -> Key) -> Order {
        match sort {
            [] => Order {
                keys: vec![Key::int("x.d", true)],
                natural: true,
                rid: "x.rid",
            },
            _ => Order {
                keys: sort.iter().map(key).collect(),
                natural: false,
                rid: "x.rid",
            },
        }
    }

    /// The order of positions, without expressions for a statement.
    pub fn of_positions(sort: &[SortKey]) -> Order {
        Order::new(sort, |key| Key::int("", key.is_descending()))
    }

    /// The same order in a form that no index has.
    pub fn fenced(mut self) -> Order {
        self.rid = "(x.rid + 0)";
        for key in self
            .keys
            .iter_mut()
            .filter(|key| key.expression.starts_with("x."))
        {
            key.expression = format!("({} + 0)", key.expression);
        }
        self
    }

    /// How two positions follow each other.
    pub fn compare(&self, a: &Position, b: &Position) -> Ordering {
        for ((key, a), b) in self.keys.iter().zip(&a.values).zip(&b.values) {
            let by_value = match (a, b) {
                (SortValue::Missing, SortValue::Missing) => Ordering::Equal,
                (SortValue::Missing, _) => return Ordering::Greater,
                (_, SortValue::Missing) => return Ordering::Less,
                (SortValue::Integer(a), SortValue::Integer(b)) => a.cmp(b),
                (SortValue::Real(a), SortValue::Real(b)) => a.total_cmp(b),
                (SortValue::Text(a), SortValue::Text(b)) => a.cmp(b),
                // Of one kind within a key; anything else is a cursor of another question.
                (a, b) => kind(a).cmp(&kind(b)),
            };
            let by_value = if key.descending {
                by_value.reverse()
            } else {
                by_value
            };
            if by_value != Ordering::Equal {
                return by_value;
            }
        }
        b.rid.cmp(&a.rid).then(a.part.cmp(&b.part))
    }

    /// The `order by` list.
    pub fn by(&self, keys: &[Key]) -> String {
        let mut by = String::new();
        for key in keys {
            let direction = if key.descending { "desc" } else { "asc" };
            let last = if key.nullable { " nulls last" } else { "" };
            by.push_str(&format!("{} {direction}{last}, ", key.expression));
        }
        by.push_str(self.rid);
        by.push_str(" desc");
        by
    }

    /// The condition for rows after a position. `Integrity`: the position belongs to another order.
    pub fn after(
        &self,
        position: &Position,
        keys: &[Key],
        bind: &mut dyn FnMut(&SortValue) -> String,
    ) -> Result<String, StoreError> {
        if position.values.len() != keys.len() {
            return Err(StoreError::Integrity);
        }
        let rid = bind(&SortValue::Integer(position.rid));
        if self.natural {
            let d = bind(&position.values[0]);
            return Ok(format!(
                "({}, {}) < ({d}, {rid})",
                keys[0].expression, self.rid
            ));
        }
        let mut condition = format!("{} < {rid}", self.rid);
        for (key, value) in keys.iter().zip(&position.values).rev() {
            let e = &key.expression;
            let (beyond, same) = match value {
                SortValue::Missing if key.nullable => ("false".to_owned(), format!("{e} is null")),
                SortValue::Missing => return Err(StoreError::Integrity),
                SortValue::Text(_) if !key.text => return Err(StoreError::Integrity),
                SortValue::Integer(_) if key.text => return Err(StoreError::Integrity),
                // Sorts by numbers are gathered; no statement continues one.
                SortValue::Real(_) => return Err(StoreError::Integrity),
                SortValue::Integer(_) | SortValue::Text(_) => {
                    let bound = bind(value);
                    let sign = if key.descending { '<' } else { '>' };
                    let missing = if key.nullable {
                        format!(" or {e} is null")
                    } else {
                        String::new()
                    };
                    (
                        format!("({e} {sign} {bound}{missing})"),
                        format!("{e} = {bound}"),
                    )
                }
            };
            condition = format!("({beyond} or ({same} and {condition}))");
        }
        Ok(condition)
    }
}

fn kind(value: &SortValue) -> u8 {
    match value {
        SortValue::Integer(_) => 0,
        SortValue::Real(_) => 1,
        SortValue::Text(_) => 2,
        SortValue::Missing => 3,
    }
}
