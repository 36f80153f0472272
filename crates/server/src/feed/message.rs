//! A syslog message: its header, and the text behind it. <https://www.rfc-editor.org/rfc/rfc5424#section-6>

use std::fmt::Write;

/// What is kept of a message that came.
#[derive(Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// As it stands there; `None`: the sender does not know the time.
    pub timestamp: Option<&'a str>,
    pub text: &'a str,
}

/// Errors: which part of the message is not as it should be; never anything of it.
pub fn parse(message: &[u8]) -> Result<Message<'_>, &'static str> {
    let text = std::str::from_utf8(message).map_err(|_| "it is not UTF-8")?;
    let rest = text.strip_prefix('<').ok_or("it has no priority")?;
    let (priority, rest) = rest.split_once('>').ok_or("it has no priority")?;
    let known = priority.len() <= 3
        && priority
            .parse()
            .is_ok_and(|number: u16| number <= PRIORITY_MAX);
    if !known {
        return Err("its priority is no number from 0 to 191");
    }
    let mut rest = rest.strip_prefix("1 ").ok_or("it is not of version 1")?;
    let mut fields = [""; 5];
    for field in &mut fields {
        let (value, after) = rest.split_once(' ').ok_or("its header ends too early")?;
        let is_plain = value.bytes().all(|byte| byte.is_ascii_graphic());
        if value.is_empty() || value.len() > FIELD_BYTES_MAX || !is_plain {
            return Err("a field of its header is empty, too long or not printable");
        }
        (*field, rest) = (value, after);
    }
    let rest = after_structured_data(rest)?;
    let text = match rest.strip_prefix(' ') {
        Some(text) => text.strip_prefix(BOM).unwrap_or(text),
        None if rest.is_empty() => "",
        None => return Err("something follows its structured data"),
    };
    Ok(Message {
        timestamp: Some(fields[0]).filter(|at| *at != "-"),
        text,
    })
}

fn after_structured_data(rest: &str) -> Result<&str, &'static str> {
    if let Some(after) = rest.strip_prefix('-') {
        return Ok(after);
    }
    let mut rest = rest;
    if !rest.starts_with('[') {
        return Err("it has no structured data, and does not say so");
    }
    while rest.starts_with('[') {
        rest = after_element(&rest[1..]).ok_or("its structured data does not end")?;
    }
    Ok(rest)
}

/// Behind the `]` of an element: within quotes it is escaped, as the quotes are.
fn after_element(rest: &str) -> Option<&str> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b']' if !quoted => return Some(&rest[at + 1..]),
            _ => {}
        }
    }
    None
}

/// Who sends, as it stands in each header.
pub struct Sender {
    pub host: String,
}

/// How urgent a message is. <https://www.rfc-editor.org/rfc/rfc5424#section-6.2.1>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Alert = 1,
    Warning = 4,
    Notice = 5,
}

impl Sender {
    /// One message. Departs: MSGID is the id of the event, by which a collector knows what it has already, and not the kind of message.
    pub fn write(&self, severity: Severity, at: &str, id: &str, body: &[u8], out: &mut Vec<u8>) {
        let priority = SECURITY_FACILITY * 8 + severity as u8;
        let host = header_field(&self.host, 255);
        let id = header_field(id, 32);
        let mut header = String::with_capacity(128);
        // Writing to a string does not fail.
        let _ = write!(header, "<{priority}>1 {at} {host} ward - {id} - {BOM}");
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(body);
    }
}

fn header_field(text: &str, bytes_max: usize) -> String {
    let plain = text.chars().filter(char::is_ascii_graphic).take(bytes_max);
    match plain.collect::<String>() {
        plain if plain.is_empty() => "-".to_owned(),
        plain => plain,
    }
}

const BOM: char = '\u{feff}';
const PRIORITY_MAX: u16 = 191;
const FIELD_BYTES_MAX: usize = 255;
/// security/authorization, as ITI-20 asks for.
const SECURITY_FACILITY: u8 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let sender = Sender {
            host: "ward.example".into(),
        };
        let mut out = Vec::new();
        sender.write(
            Severity::Notice,
            "2026-11-30T10:00:00.000Z",
            "abc-2",
            b"{\"a\":1}",
            &mut out,
        );
        let text = std::str::from_utf8(&out).unwrap();
        assert_eq!(
            text,
            "<85>1 2026-11-30T10:00:00.000Z ward.example ward - abc-2 - \u{feff}{\"a\":1}"
        );
        let message = parse(&out).unwrap();
        assert_eq!(message.timestamp, Some("2026-11-30T10:00:00.000Z"));
        assert_eq!(message.text, "{\"a\":1}");
    }

    #[test]
    fn structured_data_is_passed_over() {
        for (sent, text) in [
            ("<13>1 - h a p m - x", "x"),
            ("<13>1 - - - - - -", ""),
            (r#"<13>1 - h a p m [a@1 b="c"] x"#, "x"),
            (r#"<13>1 - h a p m [a@1 b="\"]\\" c="]"][d@1] <a/>"#, "<a/>"),
        ] {
            assert_eq!(parse(sent.as_bytes()).map(|m| m.text), Ok(text), "{sent}");
        }
    }

    #[test]
    fn other_messages_are_refused() {
        for sent in [
            "",
            "x",
            "<192>1 - h a p m - x",
            "<0013>1 - h a p m - x",
            "<13>2 - h a p m - x",
            "<13>1 - h a p m",
            "<13>1 - h  p m - x",
            "<13>1 - h a p m x",
            "<13>1 - h a p m [a x",
            "<13>1 - h a p m [a]x",
        ] {
            assert!(parse(sent.as_bytes()).is_err(), "{sent}");
        }
        assert!(parse(b"<13>1 - h a p m - \xff").is_err());
    }
}
