//! What a `_text` or `_content` asks for: words, `AND`, `OR`, `NOT` in any case, brackets and quotes.
//! <https://hl7.org/fhir/R4/search.html#content>
//!
//! What stands side by side is asked for together, and binds closer than `OR`: `(bone OR liver) and metastases`.

use super::{Content, check};
use crate::full_text::Words;
use crate::normal::words;
use crate::plan::{Check, Filter};
use crate::query::chain::{one_and, one_or};
use std::iter::Peekable;
use std::vec::IntoIter;

/// Words of one query.
pub const WORDS_MAX: usize = 50;
/// Brackets within brackets.
pub const DEPTH_MAX: usize = 8;

/// Recursion over it: `DEPTH_MAX`.
#[derive(Debug, PartialEq)]
pub enum Query {
    /// Side by side; the last by its beginning.
    Words(Vec<String>),
    Not(Box<Query>),
    All(Vec<Query>),
    Any(Vec<Query>),
}

impl Query {
    /// `None`: no word, too many, brackets that do not close or are too deep, or an alternative of excluded words alone, which
    /// would find nearly everything.
    pub fn read(value: &str) -> Option<Query> {
        let mut tokens = tokens(value).into_iter().peekable();
        let query = alternatives(&mut tokens, 0)?;
        let is_read = tokens.peek().is_none();
        (is_read && query.finds() && query.count() <= WORDS_MAX).then_some(query)
    }

    /// Whether there is a word that must be there, whichever alternative holds.
    fn finds(&self) -> bool {
        match self {
            Query::Words(_) => true,
            Query::Not(_) => false,
            Query::All(parts) => parts.iter().any(Query::finds),
            Query::Any(parts) => !parts.is_empty() && parts.iter().all(Query::finds),
        }
    }

    fn count(&self) -> usize {
        match self {
            Query::Words(words) => words.len(),
            Query::Not(part) => part.count(),
            Query::All(parts) | Query::Any(parts) => parts.iter().map(Query::count).sum(),
        }
    }

    /// As the index is asked.
    pub fn by(self, index: &Words<'_>, content: &Content) -> Filter {
        let of = |parts: Vec<Query>| parts.into_iter().map(|p| p.by(index, content)).collect();
        match self {
            Query::Words(words) => words_by(words, index, content),
            Query::Not(part) => Filter::Not(Box::new(part.by(index, content))),
            Query::All(parts) => one_and(of(parts)),
            Query::Any(parts) => one_or(of(parts)),
        }
    }

    /// What the index finds that has more words than are asked about: what is excluded may be excluded by one of those, and is left to
    /// the resource.
    pub fn narrowed(&self, index: &Words<'_>, content: &Content) -> Filter {
        let of = |parts: &[Query]| -> Vec<Filter> {
            let kept = parts.iter().filter(|part| part.finds());
            kept.map(|part| part.narrowed(index, content)).collect()
        };
        match self {
            Query::Words(words) => words_by(words.clone(), index, content),
            Query::Not(_) => Filter::All,
            Query::All(parts) => one_and(of(parts)),
            Query::Any(parts) => one_or(of(parts)),
        }
    }

    pub fn holds(&self, texts: &[Vec<String>]) -> bool {
        match self {
            Query::Words(words) => is_in(words, texts),
            Query::Not(part) => !part.holds(texts),
            Query::All(parts) => parts.iter().all(|p| p.holds(texts)),
            Query::Any(parts) => parts.iter().any(|p| p.holds(texts)),
        }
    }

    /// How often the words occur that are not excluded.
    pub fn occurrences(&self, texts: &[Vec<String>]) -> usize {
        match self {
            Query::Words(words) => texts.iter().map(|text| occurrences(words, text)).sum(),
            Query::Not(_) => 0,
            Query::All(parts) | Query::Any(parts) => {
                parts.iter().map(|p| p.occurrences(texts)).sum()
            }
        }
    }
}

enum Token {
    Open,
    Close,
    And,
    Or,
    Not,
    Words(Vec<String>),
}

/// What stands between white space, commas and brackets, and what is quoted. What has no letter and no digit is nothing.
fn tokens(value: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (at, part) in value.split('"').enumerate() {
        if at % 2 == 1 {
            tokens.extend(words_of(part));
            continue;
        }
        let is_end = |c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')');
        for piece in part.split_inclusive(is_end) {
            let end = piece.chars().next_back().filter(|c| is_end(*c));
            tokens.extend(plain(piece.trim_end_matches(is_end)));
            tokens.extend(match end {
                Some('(') => Some(Token::Open),
                Some(')') => Some(Token::Close),
                _ => None,
            });
        }
    }
    tokens
}

fn plain(piece: &str) -> Option<Token> {
    match piece.to_ascii_uppercase().as_str() {
        "OR" | "|" => Some(Token::Or),
        "AND" | "&" => Some(Token::And),
        "NOT" => Some(Token::Not),
        _ => words_of(piece),
    }
}

fn words_of(text: &str) -> Option<Token> {
    let words: Vec<String> = words(text).collect();
    (!words.is_empty()).then_some(Token::Words(words))
}

/// Up to the bracket that closes, or the end; `None`: too deep. Recursion: `DEPTH_MAX`.
fn alternatives(tokens: &mut Peekable<IntoIter<Token>>, depth: usize) -> Option<Query> {
    let (mut any, mut all, mut is_excluded) = (Vec::new(), Vec::new(), false);
    while let Some(token) = tokens.next_if(|t| !matches!(t, Token::Close)) {
        let part = match token {
            Token::Words(words) => Query::Words(words),
            Token::Open if depth < DEPTH_MAX => {
                let part = alternatives(tokens, depth + 1)?;
                // It has ended at its own bracket, or at the end of the value.
                tokens.next()?;
                part
            }
            Token::Or => {
                any.extend(one(std::mem::take(&mut all), Query::All));
                continue;
            }
            Token::Not => {
                is_excluded = !is_excluded;
                continue;
            }
            Token::And => continue,
            Token::Open | Token::Close => return None,
        };
        let part = Some(part).filter(|p| p.count() > 0);
        all.extend(part.map(|part| match is_excluded {
            true => Query::Not(Box::new(part)),
            false => part,
        }));
        is_excluded = false;
    }
    any.extend(one(all, Query::All));
    Some(one(any, Query::Any).unwrap_or(Query::Any(Vec::new())))
}

/// Of one part nothing but itself, of none nothing.
fn one(mut parts: Vec<Query>, several: fn(Vec<Query>) -> Query) -> Option<Query> {
    match parts.len() {
        0 | 1 => parts.pop(),
        _ => Some(several(parts)),
    }
}

/// Of several words the index proposes what has those that are whole.
fn words_by(words: Vec<String>, index: &Words<'_>, content: &Content) -> Filter {
    let check =
        |words: Vec<String>| -> Check { check(content.clone(), move |texts| is_in(&words, texts)) };
    match words.as_slice() {
        [word] => index.beginning(word, check(words.clone())),
        _ => {
            let whole = &words[..words.len().saturating_sub(1)];
            let mut all: Vec<Filter> = whole.iter().filter_map(|w| index.whole(w)).collect();
            all.push(Filter::Check(check(words)));
            one_and(all)
        }
    }
}

fn is_in(words: &[String], texts: &[Vec<String>]) -> bool {
    texts.iter().any(|text| occurrences(words, text) > 0)
}

fn occurrences(words: &[String], text: &[String]) -> usize {
    let Some((last, before)) = words.split_last() else {
        return 0;
    };
    text.windows(words.len())
        .filter(|w| w[..before.len()] == *before && w[before.len()].starts_with(last.as_str()))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(query: &str, text: &str) -> bool {
        let text: Vec<String> = words(text).collect();
        Query::read(query).is_some_and(|q| q.holds(&[text]))
    }

    #[test]
    fn words_alternatives_and_quotes() {
        let text = "Chronic Kidney disease, stage 3 (Müller)";
        for query in [
            "kidney",
            "KIDNEY chronic",
            "muller",
            "kid",
            "liver OR kidney",
            "liver or kidney",
            "\"kidney disease\"",
            "kidney NOT liver",
            "kidney and not liver",
            "kidney AND disease",
            "\"chronic kid\"",
            "(kidney)",
            "stage OR",
        ] {
            assert!(found(query, text), "{query}");
        }
        for query in [
            "liver",
            "kidney liver",
            "idney",
            "\"disease kidney\"",
            "kidney NOT disease",
            "kidney not (liver or disease)",
            "NOT liver",
            "",
            "OR",
            "()",
            "\"kidney or\"",
        ] {
            assert!(!found(query, text), "{query}");
        }
    }

    /// The example of R4.
    #[test]
    fn brackets_keep_alternatives_together() {
        let query = "(bone OR liver) and metastases";
        for text in ["bone metastases", "metastases of the liver"] {
            assert!(found(query, text), "{text}");
        }
        for text in ["bone", "liver and bone", "metastases", "and"] {
            assert!(!found(query, text), "{text}");
        }
        assert!(
            found("bone OR liver metastases", "bone"),
            "AND binds closer"
        );
        assert!(found("scan NOT (bone (x OR y))", "scan of the bone"));
        assert!(!found("scan NOT (bone (x OR y))", "scan of the bone, y"));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let deep = |n: usize| format!("{}x{}", "(".repeat(n), ")".repeat(n));
        assert!(Query::read(&deep(DEPTH_MAX)).is_some());
        assert!(Query::read(&"x ".repeat(WORDS_MAX)).is_some());
        for query in [
            "(bone",
            "bone)",
            ")(bone",
            "bone OR NOT liver",
            "NOT (NOT bone)",
            &deep(DEPTH_MAX + 1),
            &"(".repeat(100_000),
            &"x ".repeat(WORDS_MAX + 1),
        ] {
            assert_eq!(Query::read(query), None, "{query:.40}");
        }
    }
}
