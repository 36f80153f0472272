//! JSON Pointer. <https://www.rfc-editor.org/rfc/rfc6901>

use super::super::DEPTH_MAX;

/// Reference tokens, unescaped. Empty: the whole document.
pub(super) struct Pointer(Vec<String>);

impl Pointer {
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err("a pointer starts with `/`");
        };
        let mut tokens = Vec::new();
        for token in rest.split('/') {
            if tokens.len() == DEPTH_MAX {
                return Err("the pointer is too long");
            }
            tokens.push(unescape(token)?);
        }
        Ok(Self(tokens))
    }

    pub fn tokens(&self) -> &[String] {
        &self.0
    }

    pub fn depth(&self) -> usize {
        self.0.len()
    }

    /// The last token and those before it.
    pub fn last(&self) -> Option<(&str, &[String])> {
        self.0
            .split_last()
            .map(|(last, parent)| (last.as_str(), parent))
    }

    /// Strictly below `other`.
    pub fn is_within(&self, other: &Pointer) -> bool {
        self.0.len() > other.0.len() && self.0.starts_with(&other.0)
    }
}

/// An array index: digits, no leading zero.
pub(super) fn index(token: &str) -> Option<usize> {
    let plain =
        token.bytes().all(|b| b.is_ascii_digit()) && (token == "0" || !token.starts_with('0'));
    if plain { token.parse().ok() } else { None }
}

fn unescape(token: &str) -> Result<String, &'static str> {
    let mut parts = token.split('~');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (c, rest) = match part.as_bytes().first() {
            Some(b'0') => ('~', &part[1..]),
            Some(b'1') => ('/', &part[1..]),
            _ => return Err("`~` must be followed by 0 or 1"),
        };
        out.push(c);
        out.push_str(rest);
    }
    Ok(out)
}
