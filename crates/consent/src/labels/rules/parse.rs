//! The text of label rules, read line by line; a mistake names its line.
//!
//! | line | says |
//! |---|---|
//! | `ward-labels 1` | the first line: the form of the file |
//! | `# ...` | a comment |
//! | `system NAME URI...` | a short name of a code system, with every URI it goes by; the first one is written |
//! | `handling URI` | labels of this system say how to handle data, not how sensitive they are |
//! | `catalog TYPE...` | types that are in nobody's record: what rules find in them is for what refers to them |
//! | `label LABEL LEVEL` | a sensitivity; below it `about`, `within`, `also`, `basis`, `default`, `mask`, `redact` |
//! | `rule NAME LABEL...` | what gives it; below it `about`, `in`, `at`, `code`, `codes`, `value-set`, `canonical`, `reference` |
//! | `without rule NAME` | takes a rule of an earlier file away |
//!
//! A label is `SUD` (a code of v3-ActCode) or `name:CODE`. What is below a line is indented.

use super::LabelDefault;
use crate::labels::groups::{Group, Masking};
use crate::sensitivity::Confidentiality;

/// Bytes of one text.
pub const TEXT_BYTES_MAX: usize = 4 << 20;

/// What is wrong in the text of rules, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Which of the texts, from 0.
    pub text: usize,
    /// From 1.
    pub line: usize,
    pub what: String,
}

/// What was read, each with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lined<T> {
    pub text: usize,
    pub line: usize,
    pub value: T,
}

#[derive(Debug, Default)]
pub struct Source<'a> {
    pub systems: Vec<Lined<(&'a str, Vec<&'a str>)>>,
    pub handling: Vec<&'a str>,
    pub catalog: Vec<Lined<&'a str>>,
    pub labels: Vec<Lined<LabelText<'a>>>,
    pub rules: Vec<Lined<RuleText<'a>>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelText<'a> {
    pub name: &'a str,
    pub level: Confidentiality,
    pub about: &'a str,
    pub within: Vec<&'a str>,
    pub also: Vec<&'a str>,
    pub basis: Option<&'a str>,
    pub defaults: Vec<LabelDefault>,
    pub masking: Masking,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleText<'a> {
    pub name: &'a str,
    pub gives: Vec<&'a str>,
    pub about: &'a str,
    pub types: Vec<&'a str>,
    pub paths: Vec<&'a str>,
    pub signals: Vec<Lined<SignalText<'a>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalText<'a> {
    /// Short name of the system, code (`F11*` for all that begin with it), words about it.
    Code(&'a str, &'a str, &'a str),
    ValueSet(&'a str),
    Canonical(&'a str),
    Reference(&'a str),
}

type Step<T = ()> = Result<T, String>;

/// Reads the texts in order: a label or a rule of a later one takes the place of the one with its name.
pub fn parse<'a>(texts: &[&'a str]) -> Result<Source<'a>, Vec<Mistake>> {
    let mut source = Source::default();
    let mut mistakes = Vec::new();
    for (number, text) in texts.iter().enumerate() {
        Reader {
            source: &mut source,
            mistakes: &mut mistakes,
            text: number,
            line: 0,
            block: Block::None,
            has_head: false,
        }
        .read(text);
    }
    match mistakes.is_empty() {
        true => Ok(source),
        false => Err(mistakes),
    }
}

/// What the indented lines belong to.
#[derive(Clone, Copy, PartialEq)]
enum Block {
    None,
    Label(usize),
    Rule(usize),
    /// After a mistake in its head.
    Lost,
}

struct Reader<'s, 'a> {
    source: &'s mut Source<'a>,
    mistakes: &'s mut Vec<Mistake>,
    text: usize,
    line: usize,
    block: Block,
    has_head: bool,
}

impl<'a> Reader<'_, 'a> {
    fn read(mut self, text: &'a str) {
        if text.len() > TEXT_BYTES_MAX {
            self.mistake(format!("the text is longer than {TEXT_BYTES_MAX} bytes"));
            return;
        }
        for (number, line) in text.lines().enumerate() {
            self.line = number + 1;
            let content = line.trim();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let step = match line.starts_with([' ', '\t']) {
                true => self.inside(content),
                false => self.head(content),
            };
            if let Err(what) = step {
                self.mistake(what);
            }
        }
        if !self.has_head {
            self.line = self.line.max(1);
            self.mistake("the first line must be 'ward-labels 1'".to_owned());
        }
    }

    fn mistake(&mut self, what: String) {
        self.mistakes.push(Mistake {
            text: self.text,
            line: self.line,
            what,
        });
    }

    fn lined<T>(&self, value: T) -> Lined<T> {
        Lined {
            text: self.text,
            line: self.line,
            value,
        }
    }

    fn head(&mut self, content: &'a str) -> Step {
        self.block = Block::Lost;
        let (word, rest) = split(content);
        if !self.has_head {
            self.has_head = true;
            self.block = Block::None;
            return match (word, rest) {
                ("ward-labels", "1") => Ok(()),
                _ => Err("the first line must be 'ward-labels 1'".to_owned()),
            };
        }
        let words: Vec<&str> = rest.split_whitespace().collect();
        match word {
            "system" => {
                let (name, uris) = first(&words, "a short name and URIs")?;
                demand(!uris.is_empty(), "a system has at least one URI")?;
                self.source.systems.push(self.lined((name, uris.to_vec())));
            }
            "handling" => self.source.handling.extend(&words),
            "catalog" => {
                let lined: Vec<_> = words.iter().map(|w| self.lined(*w)).collect();
                self.source.catalog.extend(lined);
            }
            "label" => return self.label(&words),
            "rule" => return self.rule(&words),
            "without" => return self.without(&words),
            _ => return Err(format!("'{word}' is no word of a first column")),
        }
        self.block = Block::None;
        Ok(())
    }

    fn label(&mut self, words: &[&'a str]) -> Step {
        let [name, level] = words else {
            return Err("a label has a name and a level".to_owned());
        };
        let level = Confidentiality::parse(level)
            .ok_or_else(|| format!("'{level}' is no level: U, L, M, N, R or V"))?;
        let label = self.lined(LabelText {
            name,
            level,
            about: "",
            within: Vec::new(),
            also: Vec::new(),
            basis: None,
            defaults: Vec::new(),
            masking: Masking::default(),
        });
        let labels = &mut self.source.labels;
        let at = placed(labels, label, |label| label.name)?;
        self.block = Block::Label(at);
        Ok(())
    }

    fn rule(&mut self, words: &[&'a str]) -> Step {
        let (name, gives) = first(words, "a name and labels")?;
        demand(!gives.is_empty(), "a rule gives at least one label")?;
        let rule = self.lined(RuleText {
            name,
            gives: gives.to_vec(),
            about: "",
            types: Vec::new(),
            paths: Vec::new(),
            signals: Vec::new(),
        });
        let at = placed(&mut self.source.rules, rule, |rule| rule.name)?;
        self.block = Block::Rule(at);
        Ok(())
    }

    fn without(&mut self, words: &[&'a str]) -> Step {
        let ["rule", name] = words else {
            return Err("'without' is followed by 'rule' and its name".to_owned());
        };
        let before = self.source.rules.len();
        let text = self.text;
        let taken = |rule: &Lined<RuleText<'_>>| rule.value.name == *name && rule.text < text;
        self.source.rules.retain(|rule| !taken(rule));
        demand(
            self.source.rules.len() < before,
            "no earlier text has a rule of this name",
        )?;
        self.block = Block::None;
        Ok(())
    }

    fn inside(&mut self, content: &'a str) -> Step {
        let (word, rest) = split(content);
        demand(!rest.is_empty(), "nothing follows the word")?;
        match self.block {
            Block::None => Err("an indented line belongs to a label or a rule".to_owned()),
            Block::Lost => Ok(()),
            Block::Label(at) => label_line(&mut self.source.labels[at].value, word, rest),
            Block::Rule(at) => {
                let lined = self.lined(());
                let rule = &mut self.source.rules[at].value;
                for signal in rule_line(rule, word, rest)? {
                    rule.signals.push(Lined {
                        text: lined.text,
                        line: lined.line,
                        value: signal,
                    });
                }
                Ok(())
            }
        }
    }
}

/// In the place of one with its name from an earlier text, else at the end. A second one in the same text is a mistake.
fn placed<'a, T>(
    all: &mut Vec<Lined<T>>,
    new: Lined<T>,
    name: impl Fn(&T) -> &'a str,
) -> Step<usize> {
    let same = |old: &Lined<T>| name(&old.value) == name(&new.value);
    let Some(at) = all.iter().position(same) else {
        all.push(new);
        return Ok(all.len() - 1);
    };
    if all[at].text == new.text {
        let name = name(&new.value);
        return Err(format!("'{name}' stands in line {} too", all[at].line));
    }
    all[at] = new;
    Ok(at)
}

fn label_line<'a>(label: &mut LabelText<'a>, word: &str, rest: &'a str) -> Step {
    let words = rest.split_whitespace();
    match word {
        "about" => label.about = rest,
        "within" => label.within.extend(words),
        "also" => label.also.extend(words),
        "basis" => label.basis = Some(rest),
        "default" => {
            for word in words {
                let default = LabelDefault::of(word);
                let known = default.ok_or_else(|| format!("'{word}' is no default of a label"))?;
                label.defaults.push(known);
            }
        }
        "mask" => label.masking.masked.extend(groups(words)?),
        "redact" => label.masking.redacted.extend(groups(words)?),
        _ => return Err(format!("'{word}' is no word of a label")),
    }
    Ok(())
}

fn groups<'a>(words: impl Iterator<Item = &'a str>) -> Step<Vec<Group>> {
    let group =
        |word| Group::of_word(word).ok_or_else(|| format!("'{word}' is no group of elements"));
    words.map(group).collect()
}

fn rule_line<'a>(rule: &mut RuleText<'a>, word: &str, rest: &'a str) -> Step<Vec<SignalText<'a>>> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let each = |of: fn(&'a str) -> SignalText<'a>| words.iter().map(|word| of(word)).collect();
    Ok(match word {
        "about" => {
            rule.about = rest;
            Vec::new()
        }
        "in" => {
            rule.types.extend(words);
            Vec::new()
        }
        "at" => {
            rule.paths.extend(words);
            Vec::new()
        }
        "code" => {
            let (system, rest) = split(rest);
            let (code, about) = split(rest);
            demand(!code.is_empty(), "a system and a code")?;
            vec![SignalText::Code(system, code, about)]
        }
        "codes" => {
            let (system, codes) = first(&words, "a system and codes")?;
            demand(!codes.is_empty(), "a system and codes")?;
            let code = |code: &&'a str| SignalText::Code(system, code, "");
            codes.iter().map(code).collect()
        }
        "value-set" => each(SignalText::ValueSet),
        "canonical" => each(SignalText::Canonical),
        "reference" => each(SignalText::Reference),
        _ => return Err(format!("'{word}' is no word of a rule")),
    })
}

fn split(content: &str) -> (&str, &str) {
    let (word, rest) = content
        .split_once(char::is_whitespace)
        .unwrap_or((content, ""));
    (word, rest.trim())
}

fn first<'w, 'a>(words: &'w [&'a str], what: &str) -> Step<(&'a str, &'w [&'a str])> {
    let (first, rest) = words.split_first().ok_or_else(|| what.to_owned())?;
    Ok((first, rest))
}

fn demand(is_so: bool, what: &str) -> Step {
    match is_so {
        true => Ok(()),
        false => Err(what.to_owned()),
    }
}
