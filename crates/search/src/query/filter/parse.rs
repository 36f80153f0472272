//! The grammar of `_filter`. <https://hl7.org/fhir/R4/search_filter.html>
//!
//! `and` binds closer than `or`; the specification leaves their order open.

use crate::query::{FILTER_BYTES_MAX, FILTER_NODES_MAX};

/// Brackets inside one another.
const DEPTH_MAX: usize = 32;

#[derive(Debug, PartialEq)]
pub(super) enum Expression {
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Not(Box<Expression>),
    Test(Test),
}

/// `path operator value`
#[derive(Debug, PartialEq)]
pub(super) struct Test {
    /// At least one.
    pub path: Vec<Step>,
    pub operator: Operator,
    pub value: String,
}

/// A parameter, and what its target or element must fulfil (`name[filter]`).
#[derive(Debug, PartialEq)]
pub(super) struct Step {
    pub name: String,
    pub inside: Option<Box<Expression>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Eq,
    Ne,
    Contains,
    Starts,
    Ends,
    Gt,
    Lt,
    Ge,
    Le,
    Ap,
    Sa,
    Eb,
    Present,
    Overlaps,
    Subsumes,
    SubsumedBy,
    In,
    NotIn,
    Refers,
}

pub(super) const OPERATORS: &[(&str, Operator)] = &[
    ("eq", Operator::Eq),
    ("ne", Operator::Ne),
    ("co", Operator::Contains),
    ("sw", Operator::Starts),
    ("ew", Operator::Ends),
    ("gt", Operator::Gt),
    ("lt", Operator::Lt),
    ("ge", Operator::Ge),
    ("le", Operator::Le),
    ("ap", Operator::Ap),
    ("sa", Operator::Sa),
    ("eb", Operator::Eb),
    ("pr", Operator::Present),
    ("po", Operator::Overlaps),
    ("ss", Operator::Subsumes),
    ("sb", Operator::SubsumedBy),
    ("in", Operator::In),
    ("ni", Operator::NotIn),
    ("re", Operator::Refers),
];

/// Why a text is no filter.
#[derive(Debug, PartialEq)]
pub(super) enum Fault {
    /// What was expected, and the byte where.
    At(usize, &'static str),
    /// Beyond [`FILTER_BYTES_MAX`], [`FILTER_NODES_MAX`] or the depth.
    TooLarge,
}

pub(super) fn parse(text: &str) -> Result<Expression, Fault> {
    if text.len() > FILTER_BYTES_MAX {
        return Err(Fault::TooLarge);
    }
    let mut reader = Reader {
        text,
        at: 0,
        nodes: 0,
    };
    let expression = reader.or(0)?;
    reader.space();
    if reader.at < text.len() {
        return Err(reader.fault("'and', 'or' or the end"));
    }
    Ok(expression)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    nodes: usize,
}

impl<'t> Reader<'t> {
    fn or(&mut self, depth: usize) -> Result<Expression, Fault> {
        let mut any = vec![self.and(depth)?];
        while self.word("or") {
            any.push(self.and(depth)?);
        }
        Ok(several(any, Expression::Or))
    }

    fn and(&mut self, depth: usize) -> Result<Expression, Fault> {
        let mut all = vec![self.term(depth)?];
        while self.word("and") {
            all.push(self.term(depth)?);
        }
        Ok(several(all, Expression::And))
    }

    fn term(&mut self, depth: usize) -> Result<Expression, Fault> {
        self.nodes += 1;
        if depth > DEPTH_MAX || self.nodes > FILTER_NODES_MAX {
            return Err(Fault::TooLarge);
        }
        let before = self.at;
        let not = self.word("not");
        self.space();
        if self.eat('(') {
            let inner = self.or(depth + 1)?;
            self.space();
            if !self.eat(')') {
                return Err(self.fault("')'"));
            }
            return Ok(if not {
                Expression::Not(Box::new(inner))
            } else {
                inner
            });
        }
        if not {
            // `not` needs brackets; a parameter of that name would be followed by an operator.
            self.at = before;
            return Err(self.fault("'(' after 'not'"));
        }
        self.test(depth).map(Expression::Test)
    }

    fn test(&mut self, depth: usize) -> Result<Test, Fault> {
        let mut path = Vec::new();
        loop {
            path.push(self.step(depth)?);
            if !self.eat('.') {
                break;
            }
        }
        self.space();
        let name = self.take(|c| c.is_ascii_alphabetic());
        let found = OPERATORS.iter().find(|(n, _)| *n == name);
        let Some((_, operator)) = found else {
            self.at -= name.len();
            return Err(self.fault("an operator such as 'eq'"));
        };
        self.space();
        let value = self.value()?;
        Ok(Test {
            path,
            operator: *operator,
            value,
        })
    }

    fn step(&mut self, depth: usize) -> Result<Step, Fault> {
        self.space();
        let name = self.take(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':'));
        if name.is_empty() {
            return Err(self.fault("the name of a search parameter"));
        }
        let name = name.to_owned();
        if !self.eat('[') {
            return Ok(Step { name, inside: None });
        }
        let inside = self.or(depth + 1)?;
        self.space();
        if !self.eat(']') {
            return Err(self.fault("']'"));
        }
        Ok(Step {
            name,
            inside: Some(Box::new(inside)),
        })
    }

    /// A JSON string, or everything up to white space or a closing bracket.
    fn value(&mut self) -> Result<String, Fault> {
        if self.eat('"') {
            return self.string();
        }
        let value = self.take(|c| !c.is_whitespace() && !matches!(c, ')' | ']'));
        if value.is_empty() {
            return Err(self.fault("a value"));
        }
        Ok(value.to_owned())
    }

    fn string(&mut self) -> Result<String, Fault> {
        let mut out = String::new();
        loop {
            match self.next() {
                None => return Err(self.fault("'\"'")),
                Some('"') => return Ok(out),
                Some('\\') => {
                    let c = match self.next() {
                        Some(c @ ('"' | '\\' | '/')) => c,
                        Some('n') => '\n',
                        Some('r') => '\r',
                        Some('t') => '\t',
                        Some('b') => '\u{8}',
                        Some('f') => '\u{c}',
                        Some('u') => self.unicode()?,
                        // The escapes of search values stay as they are.
                        Some(c @ ('$' | '|' | ',')) => {
                            out.push('\\');
                            c
                        }
                        _ => return Err(self.fault("an escape of JSON")),
                    };
                    out.push(c);
                }
                Some(c) => out.push(c),
            }
        }
    }

    fn unicode(&mut self) -> Result<char, Fault> {
        let unit = self.text.get(self.at..self.at + 4);
        let code = unit.and_then(|u| u32::from_str_radix(u, 16).ok());
        let c = code.and_then(char::from_u32).filter(|c| *c != '\0');
        self.at += 4 * usize::from(c.is_some());
        c.ok_or_else(|| self.fault("four hexadecimal digits of a character"))
    }

    /// Takes a keyword that stands alone.
    fn word(&mut self, word: &str) -> bool {
        self.space();
        let rest = &self.text[self.at..];
        let found = rest
            .strip_prefix(word)
            .is_some_and(|after| after.is_empty() || after.starts_with([' ', '\t', '\n', '(']));
        if found {
            self.at += word.len();
        }
        found
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = &self.text[self.at..];
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn space(&mut self) {
        self.take(char::is_whitespace);
    }

    fn eat(&mut self, c: char) -> bool {
        let found = self.text[self.at..].starts_with(c);
        self.at += c.len_utf8() * usize::from(found);
        found
    }

    fn next(&mut self) -> Option<char> {
        let c = self.text[self.at..].chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn fault(&self, expected: &'static str) -> Fault {
        Fault::At(self.at, expected)
    }
}

fn several(mut list: Vec<Expression>, all: fn(Vec<Expression>) -> Expression) -> Expression {
    if list.len() == 1 {
        list.remove(0)
    } else {
        all(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(expression: &Expression) -> String {
        let list = |sign: &str, list: &[Expression]| {
            let parts: Vec<String> = list.iter().map(show).collect();
            format!("({})", parts.join(sign))
        };
        match expression {
            Expression::And(all) => list(" & ", all),
            Expression::Or(any) => list(" | ", any),
            Expression::Not(inner) => format!("!{}", show(inner)),
            Expression::Test(t) => {
                let step = |s: &Step| match &s.inside {
                    Some(inside) => format!("{}[{}]", s.name, show(inside)),
                    None => s.name.clone(),
                };
                let path: Vec<String> = t.path.iter().map(step).collect();
                format!("{} {:?} {}", path.join("."), t.operator, t.value)
            }
        }
    }

    #[test]
    fn the_grammar() {
        for (text, shown) in [
            ("name co \"pet\"", "name Contains pet"),
            (
                "given eq \"peter\" and birthdate ge 2014-10-10",
                "(given Eq peter & birthdate Ge 2014-10-10)",
            ),
            (
                "a eq 1 or b eq 2 and c eq 3",
                "(a Eq 1 | (b Eq 2 & c Eq 3))",
            ),
            (
                "(a eq 1 or b eq 2) and c eq 3",
                "((a Eq 1 | b Eq 2) & c Eq 3)",
            ),
            (
                "not (a pr true) and b pr false",
                "(!a Present true & b Present false)",
            ),
            ("not(a pr true)", "!a Present true"),
            ("subject.name co pet", "subject.name Contains pet"),
            (
                "related[type eq \"has-component\"].target pr true",
                "related[type Eq has-component].target Present true",
            ),
            (
                "code eq http://loinc.org|1234-5",
                "code Eq http://loinc.org|1234-5",
            ),
            (r#"a eq "x\"y\u0041 )""#, r#"a Eq x"yA )"#),
            (r#"a eq "x\|y""#, r"a Eq x\|y"),
            ("  ( ( a sw ü ) ) ", "a Starts ü"),
            ("order eq 1", "order Eq 1"),
            ("notes eq 1 or android eq 2", "(notes Eq 1 | android Eq 2)"),
        ] {
            let read = parse(text).unwrap_or_else(|f| panic!("{text}: {f:?}"));
            assert_eq!(show(&read), shown, "{text}");
        }
    }

    #[test]
    fn faults_say_where() {
        for (text, at) in [
            ("", 0),
            ("name", 4),
            ("name xx 1", 5),
            ("name eq", 7),
            ("name eq 1 and", 13),
            ("(name eq 1", 10),
            ("name eq 1)", 9),
            ("a[b eq 1.c eq 2", 11),
            ("not a eq 1", 0),
            ("a eq \"x", 7),
            ("a.[x eq 1]", 2),
            (r#"a eq "\u0000""#, 8),
        ] {
            match parse(text) {
                Err(Fault::At(found, _)) => assert_eq!(found, at, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        assert_eq!(parse(&"(".repeat(5_000)), Err(Fault::TooLarge));
        assert_eq!(parse(&"a eq 1 and ".repeat(300)), Err(Fault::TooLarge));
        assert_eq!(
            parse(&"x".repeat(FILTER_BYTES_MAX + 1)),
            Err(Fault::TooLarge)
        );
    }
}
