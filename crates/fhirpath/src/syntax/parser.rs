//! A Pratt parser. <http://hl7.org/fhirpath/N1/#operator-precedence>

use super::lexer::{Lexer, Token};
use super::literal;
use super::tree::{Ast, AstKind, Operator, TypeTest, TypeUse};
use crate::error::SyntaxError;
use crate::function::{self, Function};
use crate::value::{Item, SystemType};
use crate::{DEPTH_MAX, EXPRESSION_BYTES_MAX};

/// Parses a whole expression. Time is linear in its length; nesting is bounded by `DEPTH_MAX`.
pub(crate) fn parse(text: &str) -> Result<Ast, SyntaxError> {
    if text.len() > EXPRESSION_BYTES_MAX {
        return Err(SyntaxError::new(
            EXPRESSION_BYTES_MAX,
            "the expression is too long",
        ));
    }
    let mut lexer = Lexer::new(text);
    let (token, at) = lexer.next()?;
    let mut parser = Parser {
        lexer,
        token,
        at,
        nesting: 0,
    };
    let ast = parser.expression(0)?;
    match parser.token {
        Token::End => Ok(ast),
        _ => Err(parser.unexpected()),
    }
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    token: Token<'t>,
    at: usize,
    nesting: u16,
}

/// What an infix token does, with its binding power; higher binds tighter.
enum Infix {
    Binary(Operator),
    And,
    Or,
    Union,
    Type(TypeUse),
}

const POWER_UNARY: u8 = 11;

fn infix(token: &Token<'_>) -> Option<(u8, Infix)> {
    use Operator::*;
    let (power, operator) = match token {
        Token::Mark(mark) => match *mark {
            "*" => (10, Multiply),
            "/" => (10, Divide),
            "+" => (9, Add),
            "-" => (9, Subtract),
            "&" => (9, Concatenate),
            "|" => return Some((7, Infix::Union)),
            "<" => (6, Less),
            "<=" => (6, LessOrEqual),
            ">" => (6, Greater),
            ">=" => (6, GreaterOrEqual),
            "=" => (5, Equal),
            "!=" => (5, NotEqual),
            "~" => (5, Equivalent),
            "!~" => (5, NotEquivalent),
            _ => return None,
        },
        Token::Word(word) => match *word {
            "div" => (10, Div),
            "mod" => (10, Mod),
            "is" => return Some((8, Infix::Type(TypeUse::Is))),
            "as" => return Some((8, Infix::Type(TypeUse::As))),
            "in" => (4, In),
            "contains" => (4, Contains),
            "and" => return Some((3, Infix::And)),
            "or" => return Some((2, Infix::Or)),
            "xor" => (2, Xor),
            "implies" => (1, Implies),
            _ => return None,
        },
        _ => return None,
    };
    Some((power, Infix::Binary(operator)))
}

impl<'t> Parser<'t> {
    fn advance(&mut self) -> Result<Token<'t>, SyntaxError> {
        let (next, at) = self.lexer.next()?;
        self.at = at;
        Ok(std::mem::replace(&mut self.token, next))
    }

    fn unexpected(&self) -> SyntaxError {
        let message = if self.token == Token::End {
            "unexpected end of the expression"
        } else {
            "unexpected token"
        };
        SyntaxError::new(self.at, message)
    }

    fn is_mark(&self, mark: &str) -> bool {
        matches!(self.token, Token::Mark(m) if m == mark)
    }

    fn expect(&mut self, mark: &str) -> Result<(), SyntaxError> {
        if !self.is_mark(mark) {
            return Err(self.unexpected());
        }
        self.advance().map(drop)
    }

    /// Everything that binds at least as tight as `power`.
    fn expression(&mut self, power: u8) -> Result<Ast, SyntaxError> {
        self.nesting += 1;
        if self.nesting > DEPTH_MAX {
            return Err(too_deep(self.at));
        }
        let mut left = self.term()?;
        while let Some((own, what)) = infix(&self.token).filter(|(own, _)| *own >= power) {
            let at = self.at;
            self.advance()?;
            left = match what {
                Infix::Type(how) => {
                    let test = self.type_specifier(how)?;
                    node(
                        AstKind::Type {
                            input: Some(Box::new(left)),
                            how,
                            test,
                        },
                        at,
                    )?
                }
                Infix::Binary(operator) => {
                    let right = self.expression(own + 1)?;
                    node(
                        AstKind::Binary(operator, Box::new(left), Box::new(right)),
                        at,
                    )?
                }
                Infix::And => chain(
                    left,
                    self.expression(own + 1)?,
                    at,
                    &|k| matches!(k, AstKind::And(_)),
                    AstKind::And,
                )?,
                Infix::Or => chain(
                    left,
                    self.expression(own + 1)?,
                    at,
                    &|k| matches!(k, AstKind::Or(_)),
                    AstKind::Or,
                )?,
                Infix::Union => chain(
                    left,
                    self.expression(own + 1)?,
                    at,
                    &|k| matches!(k, AstKind::Union(_)),
                    AstKind::Union,
                )?,
            };
        }
        self.nesting -= 1;
        Ok(left)
    }

    /// A unary sign, or a primary with its invocations.
    fn term(&mut self) -> Result<Ast, SyntaxError> {
        let at = self.at;
        if self.is_mark("-") || self.is_mark("+") {
            let negative = self.is_mark("-");
            self.advance()?;
            let operand = Box::new(self.expression(POWER_UNARY)?);
            return node(
                if negative {
                    AstKind::Negate(operand)
                } else {
                    AstKind::Plus(operand)
                },
                at,
            );
        }
        let mut left = self.primary()?;
        loop {
            let at = self.at;
            if self.is_mark(".") {
                self.advance()?;
                left = self.invocation(Some(left))?;
            } else if self.is_mark("[") {
                self.advance()?;
                let index = self.expression(0)?;
                self.expect("]")?;
                left = node(AstKind::Indexer(Box::new(left), Box::new(index)), at)?;
            } else {
                return Ok(left);
            }
        }
    }

    fn primary(&mut self) -> Result<Ast, SyntaxError> {
        let at = self.at;
        let kind = match &self.token {
            Token::Word("true") => AstKind::Literal(Item::Boolean(true)),
            Token::Word("false") => AstKind::Literal(Item::Boolean(false)),
            Token::Word(_) | Token::Delimited(_) | Token::Dollar(_) => {
                return self.invocation(None);
            }
            Token::String(s) => AstKind::Literal(Item::String(s.clone().into_owned().into())),
            Token::Number(text) => {
                let text = *text;
                return self.number(text);
            }
            Token::Date(text) => AstKind::Literal(literal::date(text, at)?),
            Token::Time(text) => AstKind::Literal(literal::time(text, at)?),
            Token::Percent(name) => AstKind::Constant(name.as_ref().into()),
            Token::Mark("(") => {
                self.advance()?;
                let inner = self.expression(0)?;
                self.expect(")")?;
                return Ok(inner);
            }
            Token::Mark("{") => {
                self.advance()?;
                self.expect("}")?;
                return node(AstKind::Empty, at);
            }
            _ => return Err(self.unexpected()),
        };
        self.advance()?;
        node(kind, at)
    }

    fn number(&mut self, text: &str) -> Result<Ast, SyntaxError> {
        let at = self.at;
        self.advance()?;
        let item = match &self.token {
            Token::String(unit) => literal::quantity(text, unit, false, at)?,
            Token::Word(word) if literal::is_calendar_word(word) => {
                literal::quantity(text, word, true, at)?
            }
            _ => return node(AstKind::Literal(literal::number(text, at)?), at),
        };
        self.advance()?;
        node(AstKind::Literal(item), at)
    }

    /// A member, a function call, or `$this`, `$index`, `$total`.
    fn invocation(&mut self, input: Option<Ast>) -> Result<Ast, SyntaxError> {
        let at = self.at;
        let name: Box<str> = match self.advance()? {
            Token::Word(word) => word.into(),
            Token::Delimited(name) => name.as_ref().into(),
            Token::Dollar(name) if input.is_none() => {
                return match name {
                    "this" => node(AstKind::This, at),
                    "index" => node(AstKind::Index, at),
                    "total" => node(AstKind::Total, at),
                    _ => Err(SyntaxError::new(at, "unknown $ variable")),
                };
            }
            _ => return Err(SyntaxError::new(at, "a name is expected")),
        };
        let input = input.map(Box::new);
        if !self.is_mark("(") {
            return node(AstKind::Member { input, name }, at);
        }
        self.advance()?;
        match &*name {
            "is" => self.type_call(input, TypeUse::Is, at),
            "as" => self.type_call(input, TypeUse::As, at),
            "ofType" => self.type_call(input, TypeUse::OfType, at),
            _ => self.call(input, &name, at),
        }
    }

    fn type_call(
        &mut self,
        input: Option<Box<Ast>>,
        how: TypeUse,
        at: usize,
    ) -> Result<Ast, SyntaxError> {
        let test = self.type_specifier(how)?;
        self.expect(")")?;
        node(AstKind::Type { input, how, test }, at)
    }

    fn call(&mut self, input: Option<Box<Ast>>, name: &str, at: usize) -> Result<Ast, SyntaxError> {
        let (function, least, most) =
            function::find(name).ok_or_else(|| SyntaxError::new(at, "unknown function"))?;
        let mut arguments = Vec::new();
        if !self.is_mark(")") {
            loop {
                arguments.push(self.argument(function)?);
                if !self.is_mark(",") {
                    break;
                }
                self.advance()?;
            }
        }
        self.expect(")")?;
        if !(usize::from(least)..=usize::from(most)).contains(&arguments.len()) {
            return Err(SyntaxError::new(at, "wrong number of arguments"));
        }
        node(
            AstKind::Call {
                input,
                function,
                arguments,
            },
            at,
        )
    }

    /// `sort(name desc)` is written with a word behind the key, or as a minus before it.
    fn argument(&mut self, function: Function) -> Result<Ast, SyntaxError> {
        let argument = self.expression(0)?;
        if function == Function::Sort {
            match self.token {
                Token::Word("desc") => {
                    let at = self.at;
                    self.advance()?;
                    return node(AstKind::Negate(Box::new(argument)), at);
                }
                Token::Word("asc") => {
                    self.advance()?;
                }
                _ => {}
            }
        }
        Ok(argument)
    }

    /// `Name` or `Namespace.Name`. An unknown name is an error except in `is`, where it is simply not so.
    fn type_specifier(&mut self, how: TypeUse) -> Result<TypeTest, SyntaxError> {
        let at = self.at;
        let first = self.name()?;
        let mut namespace = None;
        let mut name = first;
        if self.is_mark(".") && matches!(name.as_str(), "FHIR" | "System") {
            self.advance()?;
            namespace = Some(name);
            name = self.name()?;
        }
        match resolve_type(namespace.as_deref(), &name) {
            TypeTest::Unknown if how != TypeUse::Is => Err(SyntaxError::new(at, "unknown type")),
            test => Ok(test),
        }
    }

    fn name(&mut self) -> Result<String, SyntaxError> {
        let at = self.at;
        match self.advance()? {
            Token::Word(word) => Ok(word.to_owned()),
            Token::Delimited(name) => Ok(name.into_owned()),
            _ => Err(SyntaxError::new(at, "a type is expected")),
        }
    }
}

/// Without a namespace FHIR comes first, then System; `Quantity` is both.
fn resolve_type(namespace: Option<&str>, name: &str) -> TypeTest {
    let fhir = || ward_fhir::schema::r4().type_id(name);
    let system = || SystemType::named(name);
    match namespace {
        Some("System") => system().map_or(TypeTest::Unknown, TypeTest::System),
        Some(_) => fhir().map_or(TypeTest::Unknown, TypeTest::Fhir),
        None => match (fhir(), system()) {
            (Some(f), Some(s)) => TypeTest::Either(f, s),
            (Some(f), None) => TypeTest::Fhir(f),
            (None, Some(s)) => TypeTest::Loose(s),
            (None, None) => TypeTest::Unknown,
        },
    }
}

/// Appends to a chain of the same operator, or starts one.
fn chain(
    left: Ast,
    right: Ast,
    at: usize,
    is_same: &dyn Fn(&AstKind) -> bool,
    make: fn(Vec<Ast>) -> AstKind,
) -> Result<Ast, SyntaxError> {
    let same = is_same(&left.kind);
    let items = match left.kind {
        AstKind::And(mut items) | AstKind::Or(mut items) | AstKind::Union(mut items) if same => {
            items.push(right);
            items
        }
        kind => vec![Ast { kind, ..left }, right],
    };
    node(make(items), at)
}

fn node(kind: AstKind, at: usize) -> Result<Ast, SyntaxError> {
    let below = |asts: &[Ast]| asts.iter().map(|a| a.depth).max().unwrap_or(0);
    let of = |input: &Option<Box<Ast>>| input.as_ref().map_or(0, |i| i.depth);
    let depth = match &kind {
        AstKind::Member { input, .. } | AstKind::Type { input, .. } => of(input),
        AstKind::Call {
            input, arguments, ..
        } => of(input).max(below(arguments)),
        AstKind::Indexer(a, b) | AstKind::Binary(_, a, b) => a.depth.max(b.depth),
        AstKind::Negate(a) | AstKind::Plus(a) => a.depth,
        AstKind::And(items) | AstKind::Or(items) | AstKind::Union(items) => below(items),
        _ => 0,
    } + 1;
    if depth > DEPTH_MAX {
        return Err(too_deep(at));
    }
    Ok(Ast { kind, at, depth })
}

fn too_deep(at: usize) -> SyntaxError {
    SyntaxError::new(at, "the expression is nested too deeply")
}
