//! Invariants that only ask which children exist, as boolean programs over a bit per element.
//!
//! About a third of the invariants of R4 have this form (`value.empty() or system.exists()`), among them those that are
//! checked most often. They need no FHIRPath evaluation: the walk knows the set of present elements already.

use ward_fhir::schema::{Schema, TypeId};

/// A boolean program; bit `n` of its input says that element `n` of the type is present.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Exists(u64),
    Not(Box<Program>),
    And(Box<Program>, Box<Program>),
    Or(Box<Program>, Box<Program>),
    Equal(Box<Program>, Box<Program>),
}

impl Program {
    /// Compiles an invariant of `ty`; `None` when it asks for more than existence.
    pub fn compile(schema: &Schema, ty: TypeId, expression: &str) -> Option<Self> {
        let tokens = tokens(expression)?;
        let mut parser = Parser {
            schema,
            ty,
            tokens: &tokens,
            depth: 0,
        };
        let program = parser.implies()?;
        parser.tokens.is_empty().then_some(program)
    }

    pub fn holds(&self, present: u64) -> bool {
        match self {
            Self::Exists(mask) => present & mask != 0,
            Self::Not(p) => !p.holds(present),
            Self::And(a, b) => a.holds(present) && b.holds(present),
            Self::Or(a, b) => a.holds(present) || b.holds(present),
            Self::Equal(a, b) => a.holds(present) == b.holds(present),
        }
    }

    fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }
}

/// Nesting of parentheses; the definitions use three.
const DEPTH_MAX: usize = 16;

/// Recursive descent by the precedence of FHIRPath: `implies`, then `or xor`, `and`, `= !=`, and the postfix functions.
struct Parser<'a> {
    schema: &'a Schema,
    ty: TypeId,
    tokens: &'a [&'a str],
    depth: usize,
}

impl Parser<'_> {
    fn implies(&mut self) -> Option<Program> {
        let mut left = self.or()?;
        while self.take("implies") {
            left = Program::Or(Box::new(left.negated()), Box::new(self.or()?));
        }
        Some(left)
    }

    fn or(&mut self) -> Option<Program> {
        let mut left = self.and()?;
        loop {
            if self.take("or") {
                left = Program::Or(Box::new(left), Box::new(self.and()?));
            } else if self.take("xor") {
                left = Program::Equal(Box::new(left), Box::new(self.and()?)).negated();
            } else {
                return Some(left);
            }
        }
    }

    fn and(&mut self) -> Option<Program> {
        let mut left = self.equality()?;
        while self.take("and") {
            left = Program::And(Box::new(left), Box::new(self.equality()?));
        }
        Some(left)
    }

    fn equality(&mut self) -> Option<Program> {
        let mut left = self.postfix()?;
        loop {
            if self.take("=") {
                left = Program::Equal(Box::new(left), Box::new(self.postfix()?));
            } else if self.take("!=") {
                left = Program::Equal(Box::new(left), Box::new(self.postfix()?)).negated();
            } else {
                return Some(left);
            }
        }
    }

    fn postfix(&mut self) -> Option<Program> {
        let mut program = if self.take("(") {
            self.parenthesis()?
        } else {
            self.element()?
        };
        while self.take(".") {
            self.call("not")?;
            program = program.negated();
        }
        Some(program)
    }

    fn parenthesis(&mut self) -> Option<Program> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        let program = self.implies()?;
        self.depth -= 1;
        self.take(")").then_some(program)
    }

    /// `name.exists()` or `name.empty()`; a name the type does not have never exists.
    fn element(&mut self) -> Option<Program> {
        let (name, rest) = self.tokens.split_first()?;
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || rest.first() != Some(&".") {
            return None;
        }
        self.tokens = &rest[1..];
        let element = self
            .schema
            .elements_of(self.ty)
            .iter()
            .find(|e| e.name == *name);
        let exists =
            Program::Exists(element.map_or(Some(0), |e| 1u64.checked_shl(e.order.into()))?);
        if self.tokens.first() == Some(&"empty") {
            self.call("empty")?;
            return Some(exists.negated());
        }
        self.call("exists")?;
        Some(exists)
    }

    fn call(&mut self, function: &str) -> Option<()> {
        (self.take(function) && self.take("(") && self.take(")")).then_some(())
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.tokens.first() == Some(&token);
        if found {
            self.tokens = &self.tokens[1..];
        }
        found
    }
}

/// Words and the few signs of this subset; `None` at anything else.
fn tokens(mut text: &str) -> Option<Vec<&str>> {
    let mut tokens = Vec::new();
    loop {
        text = text.trim_start();
        let Some(first) = text.chars().next() else {
            return Some(tokens);
        };
        let length = match first {
            '(' | ')' | '.' | '=' => 1,
            '!' if text.starts_with("!=") => 2,
            c if c.is_ascii_alphabetic() => text
                .find(|c: char| !c.is_ascii_alphanumeric())
                .unwrap_or(text.len()),
            _ => return None,
        };
        tokens.push(&text[..length]);
        text = &text[length..];
    }
}
