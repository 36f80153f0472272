//! `encode`, `decode`, `escape`, `unescape`. <http://hl7.org/fhirpath/#encodeformat--string--string>

use std::fmt::Write;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// `None`: unknown format.
pub(super) fn encode(text: &str, format: &str) -> Option<String> {
    Some(match format {
        "hex" => text
            .bytes()
            .fold(String::with_capacity(text.len() * 2), |mut out, b| {
                // Writing to a String cannot fail.
                let _ = write!(out, "{b:02x}");
                out
            }),
        "base64" => base64(text.as_bytes(), BASE64),
        "urlbase64" => base64(text.as_bytes(), BASE64_URL),
        _ => return None,
    })
}

/// `None`: unknown format, or not well-formed.
pub(super) fn decode(text: &str, format: &str) -> Option<String> {
    let bytes = match format {
        "hex" => {
            let digits = text
                .bytes()
                .map(|b| char::from(b).to_digit(16))
                .collect::<Option<Vec<_>>>()?;
            digits.len().is_multiple_of(2).then(|| {
                digits
                    .chunks_exact(2)
                    .map(|p| (p[0] * 16 + p[1]) as u8)
                    .collect()
            })?
        }
        "base64" => unbase64(text, BASE64)?,
        "urlbase64" => unbase64(text, BASE64_URL)?,
        _ => return None,
    };
    String::from_utf8(bytes).ok()
}

fn base64(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = (0..3).fold(0u32, |g, i| {
            g << 8 | u32::from(chunk.get(i).copied().unwrap_or(0))
        });
        for i in 0..4 {
            match i <= chunk.len() {
                true => out.push(char::from(alphabet[(group >> (18 - 6 * i) & 63) as usize])),
                false => out.push('='),
            }
        }
    }
    out
}

fn unbase64(text: &str, alphabet: &[u8; 64]) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    if digits.len() % 4 == 1 {
        return None;
    }
    let mut out = Vec::with_capacity(digits.len() * 3 / 4);
    for chunk in digits.chunks(4) {
        let mut group = 0u32;
        for i in 0..4 {
            let digit = match chunk.get(i) {
                Some(b) => alphabet.iter().position(|a| a == b)?,
                None => 0,
            };
            group = group << 6 | digit as u32;
        }
        out.extend_from_slice(&group.to_be_bytes()[1..chunk.len()]);
    }
    Some(out)
}

/// `html` or `json`; `None`: unknown target.
pub(super) fn escape(text: &str, target: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match (target, c) {
            ("html", '<') => out.push_str("&lt;"),
            ("html", '>') => out.push_str("&gt;"),
            ("html", '&') => out.push_str("&amp;"),
            ("html", '"') => out.push_str("&quot;"),
            ("html", '\'') => out.push_str("&#39;"),
            ("json", '"') => out.push_str("\\\""),
            ("json", '\\') => out.push_str("\\\\"),
            ("json", '\n') => out.push_str("\\n"),
            ("json", '\r') => out.push_str("\\r"),
            ("json", '\t') => out.push_str("\\t"),
            ("json", c) if u32::from(c) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            ("html" | "json", c) => out.push(c),
            _ => return None,
        }
    }
    Some(out)
}

pub(super) fn unescape(text: &str, target: &str) -> Option<String> {
    match target {
        "html" => Some(unescape_html(text)),
        "json" => unescape_json(text),
        _ => None,
    }
}

fn unescape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find(';').filter(|e| *e <= 10);
        match end.and_then(|e| Some((e, entity(&rest[1..e])?))) {
            Some((end, c)) => {
                out.push(c);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn entity(name: &str) -> Option<char> {
    Some(match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}

fn unescape_json(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next()? {
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'u' => {
                let code = u32::from_str_radix(chars.as_str().get(..4)?, 16).ok()?;
                chars = chars.as_str()[4..].chars();
                out.push(char::from_u32(code)?);
            }
            other => out.push(other),
        }
    }
    Some(out)
}
