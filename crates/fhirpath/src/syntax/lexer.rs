//! Tokens. <http://hl7.org/fhirpath/N1/#lexical-elements>

use std::borrow::Cow;

use super::literal::unescape;
use crate::error::SyntaxError;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'t> {
    /// A bare word; may be a keyword.
    Word(&'t str),
    /// A word in back ticks: never a keyword.
    Delimited(Cow<'t, str>),
    String(Cow<'t, str>),
    /// Digits, perhaps with a point.
    Number(&'t str),
    /// After `@`: a date or date and time.
    Date(&'t str),
    /// After `@T`.
    Time(&'t str),
    /// `$this`, `$index`, `$total` without the `$`.
    Dollar(&'t str),
    /// `%name` without the `%`.
    Percent(Cow<'t, str>),
    /// Operators and punctuation.
    Mark(&'static str),
    End,
}

const MARKS: [&str; 24] = [
    "!=", "!~", "<=", ">=", "(", ")", "[", "]", "{", "}", ".", ",", "+", "-", "*", "/", "&", "|",
    "=", "~", "<", ">", ":", ";",
];

pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    pub fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// The next token and where it starts.
    pub fn next(&mut self) -> Result<(Token<'t>, usize), SyntaxError> {
        self.skip_blank()?;
        let start = self.at;
        let rest = &self.text[start..];
        let Some(first) = rest.chars().next() else {
            return Ok((Token::End, start));
        };
        let token = match first {
            'a'..='z' | 'A'..='Z' | '_' => Token::Word(self.take(word_len(rest))),
            '0'..='9' => self.number(rest),
            '\'' => Token::String(self.quoted('\'')?),
            '`' => Token::Delimited(self.quoted('`')?),
            '@' => self.date_or_time(rest)?,
            '$' => {
                self.at += 1;
                Token::Dollar(self.take(word_len(&rest[1..])))
            }
            '%' => self.percent(rest)?,
            _ => {
                let mark = MARKS.iter().find(|m| rest.starts_with(**m));
                let mark = mark.ok_or_else(|| SyntaxError::new(start, "unexpected character"))?;
                self.at += mark.len();
                Token::Mark(mark)
            }
        };
        Ok((token, start))
    }

    fn take(&mut self, len: usize) -> &'t str {
        let taken = &self.text[self.at..self.at + len];
        self.at += len;
        taken
    }

    /// White space and comments.
    fn skip_blank(&mut self) -> Result<(), SyntaxError> {
        loop {
            let rest = &self.text[self.at..];
            self.at += rest.len() - rest.trim_start().len();
            let rest = rest.trim_start();
            if rest.starts_with("//") {
                self.at += rest.find(['\n', '\r']).unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                let end = rest
                    .find("*/")
                    .ok_or_else(|| SyntaxError::new(self.at, "comment without end"))?;
                self.at += end + 2;
            } else {
                return Ok(());
            }
        }
    }

    fn number(&mut self, rest: &'t str) -> Token<'t> {
        let whole = digits_len(rest);
        let fraction = rest[whole..].strip_prefix('.').map_or(0, digits_len);
        Token::Number(self.take(if fraction > 0 {
            whole + 1 + fraction
        } else {
            whole
        }))
    }

    /// A string up to the closing quote, escapes resolved.
    fn quoted(&mut self, quote: char) -> Result<Cow<'t, str>, SyntaxError> {
        let start = self.at;
        let body = &self.text[start + 1..];
        let mut escaped = false;
        for (i, c) in body.char_indices() {
            if escaped {
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else if c == quote {
                self.at = start + 1 + i + 1;
                return unescape(&body[..i])
                    .ok_or_else(|| SyntaxError::new(start, "unknown escape in string"));
            }
        }
        Err(SyntaxError::new(start, "string without end"))
    }

    /// `@2015-02-04T14:34:28.123+09:00`, `@T14:30`. The form is checked by the reader of the value.
    fn date_or_time(&mut self, rest: &'t str) -> Result<Token<'t>, SyntaxError> {
        let body = &rest[1..];
        if let Some(time) = body.strip_prefix('T') {
            let len = time_len(time);
            self.at += 2;
            return Ok(Token::Time(self.take(len)));
        }
        let mut len = digits_len(body);
        while body[len..].starts_with('-') && digits_len(&body[len + 1..]) == 2 && len < 10 {
            len += 3;
        }
        if body[len..].starts_with('T') {
            len += 1;
            let time = time_len(&body[len..]);
            len += time;
            if time > 0 {
                len += offset_len(&body[len..]);
            }
        }
        self.at += 1;
        Ok(Token::Date(self.take(len)))
    }

    fn percent(&mut self, rest: &'t str) -> Result<Token<'t>, SyntaxError> {
        let body = &rest[1..];
        self.at += 1;
        match body.chars().next() {
            Some('`') => Ok(Token::Percent(self.quoted('`')?)),
            Some('\'') => Ok(Token::Percent(self.quoted('\'')?)),
            // Before 2.0 names with a hyphen were written in double quotes.
            Some('"') => Ok(Token::Percent(self.quoted('"')?)),
            _ => match word_len(body) {
                0 => Err(SyntaxError::new(self.at, "a name is expected after %")),
                len => Ok(Token::Percent(Cow::Borrowed(self.take(len)))),
            },
        }
    }
}

fn word_len(text: &str) -> usize {
    text.bytes()
        .take_while(|b| b.is_ascii_alphanumeric() || *b == b'_')
        .count()
}

fn digits_len(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// `hh[:mm[:ss[.f+]]]`
fn time_len(text: &str) -> usize {
    let mut len = digits_len(text);
    for _ in 0..2 {
        match text[len..].strip_prefix(':').map_or(0, digits_len) {
            0 => return len,
            digits => len += 1 + digits,
        }
    }
    match text[len..].strip_prefix('.').map_or(0, digits_len) {
        0 => len,
        digits => len + 1 + digits,
    }
}

fn offset_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    match bytes.first() {
        Some(b'Z') => 1,
        Some(b'+' | b'-')
            if digit(1) && digit(2) && bytes.get(3) == Some(&b':') && digit(4) && digit(5) =>
        {
            6
        }
        _ => 0,
    }
}
