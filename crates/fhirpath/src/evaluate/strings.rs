//! String functions: characters are Unicode scalar values. <http://hl7.org/fhirpath/N1/#string-manipulation>

mod encoding;

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};

use super::run::{Result, Run, Scope, text_of};
use crate::compile::{Call, Op};
use crate::error::EvaluationError;
use crate::function::Function;
use crate::value::{Collection, Item};
use crate::{REGEX_BYTES_MAX, REGEX_PROGRAM_BYTES_MAX};

/// What compiling a pattern that is not a literal costs, in steps: a base and per byte.
const REGEX_STEPS: usize = 2_000;
const REGEX_STEPS_PER_BYTE: usize = 100;

impl<'a> Run<'a, '_> {
    /// Empty where the input or an argument is.
    pub fn string(
        &self,
        call: &'a Call,
        scope: &Scope<'a, '_>,
        out: &mut Collection<'a>,
    ) -> Result<()> {
        let function = call.function;
        let at = function.name();
        if function == Function::Join {
            return self.join(call, scope, out);
        }
        let Some(text) = self.single_text(&call.input, scope, at)? else {
            return Ok(());
        };
        self.charge_text(text.len())?;
        if function == Function::Substring {
            return self.substring(call, text, scope, out);
        }
        let mut arguments: [Cow<'a, str>; 2] = Default::default();
        for (slot, argument) in arguments.iter_mut().zip(&call.arguments) {
            let Some(value) = self.single_text(argument, scope, at)? else {
                return Ok(());
            };
            *slot = value;
        }
        self.apply(call, text, arguments, out)
    }

    fn apply(
        &self,
        call: &'a Call,
        text: Cow<'a, str>,
        [a, b]: [Cow<'a, str>; 2],
        out: &mut Collection<'a>,
    ) -> Result<()> {
        use Function::*;
        let string = |s: String| Item::String(Cow::Owned(s));
        let result = match call.function {
            IndexOf => position(&text, text.find(&*a)),
            LastIndexOf => position(&text, text.rfind(&*a)),
            StartsWith => Item::Boolean(text.starts_with(&*a)),
            EndsWith => Item::Boolean(text.ends_with(&*a)),
            Contains => Item::Boolean(text.contains(&*a)),
            Upper => string(text.to_uppercase()),
            Lower => string(text.to_lowercase()),
            Length => Item::Integer(text.chars().count() as i64),
            Trim => string(text.trim().to_owned()),
            Replace => {
                let hits = text.matches(&*a).count();
                self.charge_text(text.len() + hits * b.len())?;
                string(text.replace(&*a, &b))
            }
            Matches => Item::Boolean(self.with_regex(call, &a, false, |r| r.is_match(&text))?),
            MatchesFull => Item::Boolean(self.with_regex(call, &a, true, |r| r.is_match(&text))?),
            ReplaceMatches if a.is_empty() => Item::String(text),
            ReplaceMatches => return self.replace_matches(call, &text, &a, &b, out),
            Encode => match encoding::encode(&text, &a) {
                Some(encoded) => string(encoded),
                None => return Ok(()),
            },
            Decode => match encoding::decode(&text, &a) {
                Some(decoded) => string(decoded),
                None => return Ok(()),
            },
            Escape => match encoding::escape(&text, &a) {
                Some(escaped) => string(escaped),
                None => return Ok(()),
            },
            Unescape => match encoding::unescape(&text, &a) {
                Some(plain) => string(plain),
                None => return Ok(()),
            },
            ToChars => {
                self.charge(text.len())?;
                out.extend(
                    text.chars()
                        .map(|c| Item::String(Cow::Owned(c.to_string()))),
                );
                return Ok(());
            }
            _ => {
                self.charge(text.len())?;
                match a.is_empty() {
                    true => out.push(Item::String(text)),
                    false => out.extend(
                        text.split(&*a)
                            .map(|part| Item::String(Cow::Owned(part.to_owned()))),
                    ),
                }
                return Ok(());
            }
        };
        out.push(result);
        Ok(())
    }

    fn substring(
        &self,
        call: &'a Call,
        text: Cow<'a, str>,
        scope: &Scope<'a, '_>,
        out: &mut Collection<'a>,
    ) -> Result<()> {
        const AT: &str = "substring";
        let Some(start) = self.single_integer(&call.arguments[0], scope, AT)? else {
            return Ok(());
        };
        let length = match call.arguments.get(1) {
            None => usize::MAX,
            Some(argument) => match self.single_integer(argument, scope, AT)? {
                Some(length) => usize::try_from(length).unwrap_or(0),
                None => usize::MAX,
            },
        };
        let Ok(start) = usize::try_from(start) else {
            return Ok(());
        };
        let Some((from, _)) = text.char_indices().nth(start) else {
            return Ok(());
        };
        let rest = &text[from..];
        let to = rest
            .char_indices()
            .nth(length)
            .map_or(rest.len(), |(i, _)| i);
        out.push(Item::String(match &text {
            Cow::Borrowed(whole) => Cow::Borrowed(&whole[from..from + to]),
            Cow::Owned(_) => Cow::Owned(rest[..to].to_owned()),
        }));
        Ok(())
    }

    fn join(&self, call: &'a Call, scope: &Scope<'a, '_>, out: &mut Collection<'a>) -> Result<()> {
        const AT: &str = "join";
        let separator = match call.arguments.first() {
            None => Cow::Borrowed(""),
            Some(argument) => self.single_text(argument, scope, AT)?.unwrap_or_default(),
        };
        let (mut joined, mut any) = (String::new(), false);
        for item in self
            .collect(&call.input, scope)?
            .into_iter()
            .filter(|i| !i.is_valueless())
        {
            let text = text_of(item, AT)?;
            self.charge_text(joined.len() + separator.len() + text.len())?;
            if any {
                joined.push_str(&separator);
            }
            joined.push_str(&text);
            any = true;
        }
        out.extend(any.then(|| Item::text(joined)));
        Ok(())
    }

    fn replace_matches(
        &self,
        call: &'a Call,
        text: &str,
        pattern: &str,
        by: &str,
        out: &mut Collection<'a>,
    ) -> Result<()> {
        let replaced = self.with_regex(call, pattern, false, |regex| {
            let mut replaced = String::new();
            let mut last = 0;
            for found in regex.captures_iter(text) {
                let Some(whole) = found.get(0) else { continue };
                replaced.push_str(&text[last..whole.start()]);
                found.expand(by, &mut replaced);
                last = whole.end();
                self.charge_text(replaced.len() + text.len() - last)?;
            }
            replaced.push_str(&text[last..]);
            Ok(replaced)
        })??;
        out.push(Item::text(replaced));
        Ok(())
    }

    /// Runs `work` with the pattern's regular expression: kept with the expression when the pattern is a literal.
    fn with_regex<T>(
        &self,
        call: &'a Call,
        pattern: &str,
        full: bool,
        work: impl FnOnce(&Regex) -> T,
    ) -> Result<T> {
        if matches!(call.arguments.first(), Some(Op::Items(_))) {
            let regex = call.regex.get_or_init(|| compile(pattern, full).ok());
            return regex.as_ref().map(work).ok_or(EvaluationError::Regex);
        }
        self.charge(
            REGEX_STEPS.saturating_add(pattern.len().saturating_mul(REGEX_STEPS_PER_BYTE)),
        )?;
        compile(pattern, full).map(|r| work(&r))
    }
}

/// The dot matches line ends, as FHIRPath's single-line mode wants.
fn compile(pattern: &str, full: bool) -> Result<Regex> {
    if pattern.len() > REGEX_BYTES_MAX {
        return Err(EvaluationError::Regex);
    }
    let anchored = if full {
        Cow::Owned(format!("\\A(?:{pattern})\\z"))
    } else {
        Cow::Borrowed(pattern)
    };
    RegexBuilder::new(&anchored)
        .dot_matches_new_line(true)
        .size_limit(REGEX_PROGRAM_BYTES_MAX)
        .build()
        .map_err(|_| EvaluationError::Regex)
}

fn position(text: &str, at: Option<usize>) -> Item<'static> {
    Item::Integer(at.map_or(-1, |i| text[..i].chars().count() as i64))
}
