//! The style sheet and the script of the pages. The name of each has a hash of what is in it, so it may be kept for as long as
//! anybody likes: a new one has a new name.

use std::sync::LazyLock;

/// A file that pages refer to.
#[derive(Debug)]
pub struct File {
    pub content_type: &'static str,
    pub text: &'static str,
    path: LazyLock<String>,
}

pub static STYLE: File = File {
    content_type: "text/css; charset=utf-8",
    text: STYLE_TEXT,
    path: LazyLock::new(|| named("style", "css", STYLE_TEXT)),
};

pub static PASSKEY: File = File {
    content_type: "text/javascript; charset=utf-8",
    text: PASSKEY_TEXT,
    path: LazyLock::new(|| named("passkey", "js", PASSKEY_TEXT)),
};

/// The path of a file below the server's origin.
pub fn path(file: &'static File) -> &'static str {
    &file.path
}

/// The file at a path below the origin.
pub fn at(path: &str) -> Option<&'static File> {
    [&STYLE, &PASSKEY]
        .into_iter()
        .find(|file| file.path.as_str() == path)
}

fn named(stem: &str, ending: &str, text: &str) -> String {
    let hash = ward_seal::hash::sha256(text.as_bytes());
    let digits: String = hash[..HASH_BYTES]
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    format!("{FOLDER}/{stem}-{digits}.{ending}")
}

const FOLDER: &str = "/auth/files";
const HASH_BYTES: usize = 8;
const STYLE_TEXT: &str = include_str!("style.css");
const PASSKEY_TEXT: &str = include_str!("passkey.js");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_what_is_in_the_files() {
        assert!(path(&STYLE).starts_with("/auth/files/style-"));
        assert_eq!(at(path(&PASSKEY)).map(|f| f.text), Some(PASSKEY_TEXT));
        assert!(at("/auth/files/style.css").is_none());
        assert_ne!(named("a", "css", "x"), named("a", "css", "y"));
    }

    #[test]
    fn nothing_is_fetched_from_elsewhere() {
        for text in [STYLE_TEXT, PASSKEY_TEXT] {
            for word in ["http:", "https:", "@import", "url(", "eval", "innerHTML"] {
                assert!(!text.contains(word), "{word}");
            }
        }
    }
}
