//! Tokens whose syntax errors end the reading. <https://www.rfc-editor.org/rfc/rfc8259>

use super::{Reader, Step};
use crate::json::scan::{self, Span, Syntax};

impl Reader<'_> {
    /// A member name and its colon; ends at the value.
    #[inline(always)]
    pub(super) fn name(&mut self) -> Step<Span> {
        if self.scan.peek() != b'"' {
            return self.syntax(Err(self.scan.or_end(scan::NAME)));
        }
        self.scan.at += 1;
        let name = self.string()?;
        let colon = self.scan.token(b':', scan::COLON);
        self.syntax(colon)?;
        Ok(name)
    }

    #[inline(always)]
    pub(super) fn string(&mut self) -> Step<Span> {
        let span = self.scan.string();
        self.syntax(span)
    }

    pub(super) fn unescaped(&mut self, span: Span) -> Step<String> {
        let mut text = String::new();
        let done = self.scan.unescape(span, &mut text);
        self.syntax(done)?;
        Ok(text)
    }

    /// After a value: a comma means more, `close` the end.
    #[inline(always)]
    pub(super) fn more(&mut self, close: u8) -> Step<bool> {
        self.scan.space();
        let byte = self.scan.peek();
        if byte == b',' {
            self.scan.at += 1;
            self.scan.space();
            return Ok(true);
        }
        if byte == close {
            self.scan.at += 1;
            return Ok(false);
        }
        let wrong = if close == b'}' {
            scan::COMMA_OR_BRACE
        } else {
            scan::COMMA_OR_BRACKET
        };
        self.syntax(Err(self.scan.or_end(wrong)))
    }

    #[inline(always)]
    pub(super) fn syntax<T>(&mut self, result: std::result::Result<T, Syntax>) -> Step<T> {
        match result {
            Ok(value) => Ok(value),
            Err(wrong) => self.malformed(wrong),
        }
    }
}
