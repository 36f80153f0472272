//! Query strings, both ways. <https://hl7.org/fhir/R4/search.html#escaping>

use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind};

pub type Pairs = Vec<(String, String)>;

/// `a=b&c=d` with percent-encoding and `+` for space, in order.
///
/// Errors: `Malformed` for what is not UTF-8 once decoded. Another character in its place would be another question.
pub fn decode_query(query: &str) -> Result<Pairs> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

fn decode(text: &str) -> Result<String> {
    if !text.contains(['+', '%']) {
        return Ok(text.to_owned());
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |n: usize| bytes.get(n).and_then(|b| (*b as char).to_digit(16));
        match bytes[at] {
            b'+' => out.push(b' '),
            b'%' => match (hex(at + 1), hex(at + 2)) {
                (Some(high), Some(low)) => {
                    out.push((high * 16 + low) as u8);
                    at += 2;
                }
                _ => out.push(b'%'),
            },
            byte => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8(out).map_err(|_| {
        let text = "the query is not UTF-8: percent-encode the bytes of each character in UTF-8 (%C3%A9 for é)";
        Failure::new(Kind::Malformed, text)
    })
}

/// The inverse, keeping those of the characters that FHIR queries are readable by which a query may hold as they are (`:`, `,`,
/// `/`, `$`; not `|`). <https://www.rfc-editor.org/rfc/rfc3986#section-3.4>
pub fn encode_query(pairs: &[(String, String)]) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        encode(name, &mut out);
        out.push('=');
        encode(value, &mut out);
    }
    out
}

/// Cursors are long, and nothing in them is escaped: what stays as it is goes over in one piece.
fn encode(text: &str, out: &mut String) {
    out.reserve(text.len());
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| !PLAIN[usize::from(byte)]) {
        let (plain, escaped) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = escaped.chars();
        let escaped_bytes = chars.next().map_or(0, char::len_utf8);
        for byte in escaped.bytes().take(escaped_bytes) {
            out.push('%');
            out.extend([byte >> 4, byte & 15].map(|digit| char::from(HEX[usize::from(digit)])));
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";
/// Bytes that are written as they are; none of them is part of a longer character.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        plain[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let kept = b"-._~:,/$*@()";
    let mut at = 0;
    while at < kept.len() {
        plain[kept[at] as usize] = true;
        at += 1;
    }
    plain
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_survive_encoding() {
        let pairs = vec![
            ("identifier".to_owned(), "http://a b|ü+&=%".to_owned()),
            ("_sort".to_owned(), "-date".to_owned()),
        ];
        assert_eq!(decode_query(&encode_query(&pairs)).unwrap(), pairs);
        assert_eq!(
            encode_query(&pairs),
            "identifier=http://a%20b%7C%C3%BC%2B%26%3D%25&_sort=-date"
        );
        assert_eq!(encode_query(&[]), "");
        assert_eq!(
            decode_query("a=%zz&b").unwrap(),
            vec![("a".into(), "%zz".into()), ("b".into(), String::new())]
        );
    }

    #[test]
    fn what_is_not_utf8_is_refused() {
        for query in ["name=%FF", "na%C3me=x", "a=b&name=caf%e9"] {
            assert_eq!(decode_query(query).unwrap_err().kind, Kind::Malformed);
        }
    }
}
