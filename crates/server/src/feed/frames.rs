//! Octet counting: how long a message is, a space, the message. <https://www.rfc-editor.org/rfc/rfc5425#section-4.3>

/// Longest message that is taken; of what is longer its sender's connection is closed, because nothing says where the next one begins.
pub const MESSAGE_BYTES_MAX: usize = 512 * 1024;
/// Digits of the length.
const DIGITS_MAX: usize = 7;

/// What is not framed as it should be. Whatever follows cannot be told apart any more.
#[derive(Debug, PartialEq, Eq)]
pub struct Unframed(pub &'static str);

/// Takes messages out of what came so far.
#[derive(Default)]
pub struct Frames {
    pending: Vec<u8>,
    /// Bytes of it that were taken.
    taken: usize,
}

impl Frames {
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.drain(..std::mem::take(&mut self.taken));
        self.pending.extend_from_slice(bytes);
    }

    /// The next message that is whole.
    pub fn message(&mut self) -> Result<Option<&[u8]>, Unframed> {
        let rest = &self.pending[self.taken..];
        let head = &rest[..rest.len().min(DIGITS_MAX + 1)];
        let Some(space) = head.iter().position(|byte| !byte.is_ascii_digit()) else {
            return match head.len() > DIGITS_MAX {
                true => Err(Unframed("a length has too many digits")),
                false => Ok(None),
            };
        };
        let length = length(&rest[..=space])?;
        let (from, until) = (space + 1, space + 1 + length);
        if rest.len() < until {
            return Ok(None);
        }
        let at = self.taken;
        self.taken += until;
        Ok(Some(&self.pending[at + from..at + until]))
    }

    /// Whether a message has begun that is not whole.
    pub fn is_torn(&self) -> bool {
        self.taken < self.pending.len()
    }
}

/// `1234 `
fn length(head: &[u8]) -> Result<usize, Unframed> {
    let (Some(b' '), digits) = (head.last(), &head[..head.len() - 1]) else {
        return Err(Unframed("no length before a message"));
    };
    let number = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok());
    match number {
        _ if digits.first() == Some(&b'0') => Err(Unframed("a length begins with 0")),
        None => Err(Unframed("no length before a message")),
        Some(length) if length > MESSAGE_BYTES_MAX => Err(Unframed("a message is too long")),
        Some(length) => Ok(length),
    }
}

/// Appends a message with its length before it.
pub fn frame(message: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(message.len().to_string().as_bytes());
    out.push(b' ');
    out.extend_from_slice(message);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_however_they_are_cut() {
        let mut sent = Vec::new();
        let messages: [&[u8]; 4] = [b"a", b"12 34", b"\n", &[b'x'; 300]];
        for message in messages {
            frame(message, &mut sent);
        }
        for part in [1, 2, 3, 7, 1000] {
            let (mut frames, mut found) = (Frames::default(), Vec::new());
            for bytes in sent.chunks(part) {
                frames.push(bytes);
                while let Some(message) = frames.message().unwrap() {
                    found.push(message.to_vec());
                }
            }
            assert_eq!(found, messages, "in parts of {part}");
            assert!(!frames.is_torn());
        }
    }

    #[test]
    fn what_is_not_framed_is_refused() {
        for sent in [
            "<85>1 ",
            "01 a",
            " a",
            "99999999 a",
            "12345678",
            "524289 ",
            "5x",
            "\n5 hello",
        ] {
            let mut frames = Frames::default();
            frames.push(sent.as_bytes());
            assert!(frames.message().is_err(), "{sent}");
        }
        let mut frames = Frames::default();
        frames.push(b"5 hell");
        assert_eq!(frames.message(), Ok(None));
        assert!(frames.is_torn());
    }
}
