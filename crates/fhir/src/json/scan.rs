//! JSON tokens over UTF-8 bytes: spans, no allocation. <https://www.rfc-editor.org/rfc/rfc8259>

/// What is wrong, at `Scanner::at`.
pub(super) type Syntax = &'static str;
type Scan<T> = Result<T, Syntax>;

/// Content of a string, without the quotes.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub start: usize,
    pub end: usize,
    pub escaped: bool,
}

/// A position in text that is known to be UTF-8. Reading past the end gives 0, which no JSON token starts with.
pub(super) struct Scanner<'a> {
    pub text: &'a str,
    pub bytes: &'a [u8],
    pub at: usize,
}

const END: Syntax = "the text ends too early";
const CONTROL: Syntax = "a control character in a string must be escaped";
const ESCAPE: Syntax = "an escape that JSON does not know";
const SURROGATE: Syntax = "a lone surrogate is not a character";
const NUMBER: Syntax = "not a JSON number";
const VALUE: Syntax = "a value was expected";
pub(super) const NAME: Syntax = "a member name in quotes was expected";
pub(super) const COLON: Syntax = "a colon was expected";
pub(super) const COMMA_OR_BRACE: Syntax = "a comma or a closing brace was expected";
pub(super) const COMMA_OR_BRACKET: Syntax = "a comma or a closing bracket was expected";
pub(super) const TOO_DEEP: Syntax = "nested too deeply";
/// Nesting of values that are passed over (unknown elements, members before `resourceType`).
const SKIP_DEPTH_MAX: usize = 256;

impl<'a> Scanner<'a> {
    pub fn new(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        Self { text, bytes, at: 0 }
    }

    #[inline(always)]
    pub fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    #[inline(always)]
    pub fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\t' | b'\r') {
            self.at += 1;
        }
    }

    /// Consumes `byte` and the space around it, or says `otherwise`.
    #[inline(always)]
    pub fn token(&mut self, byte: u8, otherwise: Syntax) -> Scan<()> {
        self.space();
        if self.peek() != byte {
            return Err(self.or_end(otherwise));
        }
        self.at += 1;
        self.space();
        Ok(())
    }

    /// After the opening quote; ends after the closing one.
    #[inline(always)]
    pub fn string(&mut self) -> Scan<Span> {
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at = special(self.bytes, self.at);
            match self.peek() {
                b'"' => {
                    self.at += 1;
                    let end = self.at - 1;
                    return Ok(Span {
                        start,
                        end,
                        escaped,
                    });
                }
                b'\\' => {
                    escaped = true;
                    // Whatever is escaped is judged by `unescape`; here it only must not end the string.
                    self.at += 2;
                }
                _ if self.at >= self.bytes.len() => return Err(END),
                _ => return Err(CONTROL),
            }
        }
    }

    /// Appends the text of an escaped span.
    pub fn unescape(&mut self, span: Span, out: &mut String) -> Scan<()> {
        let after = self.at;
        let mut at = span.start;
        while at < span.end {
            let next = special(&self.bytes[..span.end], at);
            // Both ends stand at ASCII characters (or the span's ends), so the cut is legal.
            out.push_str(&self.text[at..next]);
            at = next;
            if at < span.end {
                // The place of an error is the backslash.
                self.at = at;
                at = escape(&self.bytes[..span.end], at, out)?;
            }
        }
        self.at = after;
        Ok(())
    }

    /// The text of a number, checked against the grammar of JSON.
    #[inline(always)]
    pub fn number(&mut self) -> Scan<(usize, usize)> {
        let start = self.at;
        let end = number_end(self.bytes, start).ok_or(NUMBER)?;
        self.at = end;
        Ok((start, end))
    }

    /// `true`, `false` or `null`.
    #[inline]
    pub fn word(&mut self, word: &'static str) -> Scan<(usize, usize)> {
        let start = self.at;
        if !self.bytes[start.min(self.bytes.len())..].starts_with(word.as_bytes()) {
            return Err(self.or_end(VALUE));
        }
        self.at += word.len();
        Ok((start, self.at))
    }

    /// Passes over any one value, checking its syntax.
    pub fn skip(&mut self) -> Scan<()> {
        // One bit per open container: 1 is an object.
        let mut open = [0u64; SKIP_DEPTH_MAX / 64];
        let mut depth = 0;
        let mut scratch = String::new();
        loop {
            // A value starts here.
            self.space();
            match self.peek() {
                container @ (b'{' | b'[') => {
                    let object = container == b'{';
                    self.at += 1;
                    self.space();
                    if self.peek() == if object { b'}' } else { b']' } {
                        self.at += 1;
                    } else if depth == SKIP_DEPTH_MAX {
                        return Err(TOO_DEEP);
                    } else {
                        let (word, bit) = (depth / 64, 1 << (depth % 64));
                        open[word] = open[word] & !bit | if object { bit } else { 0 };
                        depth += 1;
                        if object {
                            self.skip_name(&mut scratch)?;
                        }
                        continue;
                    }
                }
                b'"' => self.skip_string(&mut scratch)?,
                b't' => drop(self.word("true")?),
                b'f' => drop(self.word("false")?),
                b'n' => drop(self.word("null")?),
                b'-' | b'0'..=b'9' => drop(self.number()?),
                _ => return Err(self.or_end(VALUE)),
            }
            // A value has ended: close what ends with it.
            loop {
                if depth == 0 {
                    return Ok(());
                }
                let object = open[(depth - 1) / 64] >> ((depth - 1) % 64) & 1 == 1;
                self.space();
                match (self.peek(), object) {
                    (b',', true) => {
                        self.at += 1;
                        self.space();
                        self.skip_name(&mut scratch)?;
                        break;
                    }
                    (b',', false) => {
                        self.at += 1;
                        break;
                    }
                    (b'}', true) | (b']', false) => {
                        self.at += 1;
                        depth -= 1;
                    }
                    (_, true) => return Err(self.or_end(COMMA_OR_BRACE)),
                    (_, false) => return Err(self.or_end(COMMA_OR_BRACKET)),
                }
            }
        }
    }

    fn skip_string(&mut self, scratch: &mut String) -> Scan<()> {
        self.at += 1;
        let span = self.string()?;
        if span.escaped {
            scratch.clear();
            self.unescape(span, scratch)?;
        }
        Ok(())
    }

    fn skip_name(&mut self, scratch: &mut String) -> Scan<()> {
        if self.peek() != b'"' {
            return Err(self.or_end(NAME));
        }
        self.skip_string(scratch)?;
        self.token(b':', COLON)
    }

    pub fn or_end(&self, otherwise: Syntax) -> Syntax {
        if self.at >= self.bytes.len() {
            END
        } else {
            otherwise
        }
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// First position from `at` on that holds a quote, a backslash or a control character, else the length.
#[inline(always)]
pub(super) fn special(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..at + 8).and_then(|c| c.first_chunk::<8>()) {
        let w = u64::from_le_bytes(*chunk);
        let (quote, slash) = (w ^ (ONES * 0x22), w ^ (ONES * 0x5c));
        // Each term marks its lowest hit exactly; false marks come only above a true one.
        let hits = (quote.wrapping_sub(ONES) & !quote
            | slash.wrapping_sub(ONES) & !slash
            | w.wrapping_sub(ONES * 0x20) & !w)
            & HIGHS;
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while at < bytes.len() && !matches!(bytes[at], b'"' | b'\\' | 0..=0x1f) {
        at += 1;
    }
    at.min(bytes.len())
}

/// End of the longest JSON number at `start`; `None` when there is none or it runs into a letter, digit or dot.
#[inline]
pub(crate) fn number_end(bytes: &[u8], start: usize) -> Option<usize> {
    let byte = |i: usize| bytes.get(i).copied().unwrap_or(0);
    let digits = |mut i: usize| {
        let from = i;
        while byte(i).is_ascii_digit() {
            i += 1;
        }
        (i > from).then_some(i)
    };
    let mut at = start + usize::from(byte(start) == b'-');
    at = if byte(at) == b'0' {
        at + 1
    } else {
        digits(at)?
    };
    if byte(at) == b'.' {
        at = digits(at + 1)?;
    }
    if byte(at) | 0x20 == b'e' {
        at += 1;
        at = digits(at + usize::from(matches!(byte(at), b'+' | b'-')))?;
    }
    let over = byte(at).is_ascii_alphanumeric() || matches!(byte(at), b'.' | b'+' | b'-');
    (!over).then_some(at)
}

/// One escape at `at`; the position after it.
fn escape(bytes: &[u8], at: usize, out: &mut String) -> Scan<usize> {
    let plain = match bytes.get(at + 1).ok_or(ESCAPE)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(bytes, at, out),
        _ => return Err(ESCAPE),
    };
    out.push(plain);
    Ok(at + 2)
}

fn unicode(bytes: &[u8], at: usize, out: &mut String) -> Scan<usize> {
    let first = hex4(bytes, at + 2)?;
    if !(0xD800..0xE000).contains(&first) {
        out.push(char::from_u32(first).ok_or(SURROGATE)?);
        return Ok(at + 6);
    }
    if first >= 0xDC00 || bytes.get(at + 6..at + 8) != Some(b"\\u") {
        return Err(SURROGATE);
    }
    let second = hex4(bytes, at + 8)?;
    if !(0xDC00..0xE000).contains(&second) {
        return Err(SURROGATE);
    }
    let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
    out.push(char::from_u32(code).ok_or(SURROGATE)?);
    Ok(at + 12)
}

fn hex4(bytes: &[u8], at: usize) -> Scan<u32> {
    let digits = bytes.get(at..at + 4).ok_or(ESCAPE)?;
    digits.iter().try_fold(0, |code, digit| {
        let value = char::from(*digit).to_digit(16).ok_or(ESCAPE)?;
        Ok(code << 4 | value)
    })
}
