//! From what was read to what is looked up: names resolved, value sets expanded, codes hashed.

use super::parse::{LabelText, Lined, Mistake, RuleText, SignalText, Source};
use super::{Definition, Expand, Listed, Path, Rule, RuleId, RuleSet, above};
use crate::labels::held::Label;
use crate::labels::{ACT_CODE, CONFIDENTIALITY};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use ward_fhir::schema::{TypeKind, r4};
use ward_fhir::{TypeId, reference};

/// Rules of one set, and codes that one value set may bring.
const RULES_MAX: usize = 10_000;
const CODES_MAX: usize = 1_000_000;

pub fn compile(source: Source<'_>, expand: Expand<'_>) -> Result<RuleSet, Vec<Mistake>> {
    let mut compiler = Compiler {
        systems: HashMap::new(),
        set: RuleSet::empty(),
        mistakes: Vec::new(),
        codes: 0,
        expand,
    };
    compiler.systems(&source);
    compiler.types(&source.catalog);
    let labels = &source.labels;
    labels.iter().for_each(|label| compiler.definition(label));
    compiler.widen(labels);
    compiler.follow(labels);
    source.rules.iter().for_each(|rule| compiler.rule(rule));
    match compiler.mistakes.is_empty() {
        true => Ok(compiler.set),
        false => Err(compiler.mistakes),
    }
}

struct Compiler<'a> {
    /// By short name: the URIs, the one that is written first.
    systems: HashMap<&'a str, Vec<&'a str>>,
    set: RuleSet,
    mistakes: Vec<Mistake>,
    codes: usize,
    expand: Expand<'a>,
}

impl<'a> Compiler<'a> {
    fn mistake<T>(&mut self, at: &Lined<T>, what: impl Into<String>) {
        self.mistakes.push(Mistake {
            text: at.text,
            line: at.line,
            what: what.into(),
        });
    }

    /// A system that an earlier text has gets further URIs.
    fn systems(&mut self, source: &Source<'a>) {
        for lined in &source.systems {
            let (name, uris) = &lined.value;
            self.systems.entry(name).or_default().extend(uris);
        }
        let handling = source.handling.iter().map(|uri| (*uri).into());
        self.set.handling = handling.collect();
    }

    fn types(&mut self, catalog: &[Lined<&str>]) {
        for lined in catalog {
            match r4().resource_type(lined.value) {
                Some(ty) => drop(self.set.catalog.insert(ty)),
                None => self.mistake(lined, no_type(lined.value)),
            }
        }
    }

    fn definition(&mut self, text: &Lined<LabelText<'a>>) {
        let Some(label) = self.label(text, text.value.name) else {
            return;
        };
        let wider = above(&label).filter(|code| !code.starts_with('_'));
        let definition = Definition {
            about: text.value.about.into(),
            level: text.value.level,
            basis: text.value.basis.map(Into::into),
            also: Vec::new(),
            within: wider.map(Label::act).collect(),
            defaults: text.value.defaults.iter().copied().collect(),
            masking: text.value.masking.clone(),
            label: label.clone(),
        };
        self.set.definitions.insert(label, definition);
    }

    fn label<T>(&mut self, at: &Lined<T>, name: &str) -> Option<Label> {
        let Some((system, code)) = name.split_once(':') else {
            return Some(Label::new(ACT_CODE, name));
        };
        let uri = self.systems.get(system).and_then(|uris| uris.first());
        match uri.copied() {
            Some(CONFIDENTIALITY) => self.mistake(at, "a level is no label"),
            Some(uri) => return Some(Label::new(uri, code)),
            None => self.mistake(at, format!("'{system}' is no system of these rules")),
        }
        None
    }

    /// The labels that a line names, all of which the rules define.
    fn defined<T>(&mut self, at: &Lined<T>, names: &[&str]) -> Vec<Label> {
        let mut labels = Vec::new();
        for name in names {
            let Some(label) = self.label(at, name) else {
                continue;
            };
            match self.set.definitions.contains_key(&label) {
                true => labels.push(label),
                false => self.mistake(at, format!("no line 'label {name}' defines it")),
            }
        }
        labels
    }

    /// `within`, and what is above those in turn.
    fn widen(&mut self, texts: &[Lined<LabelText<'a>>]) {
        let direct = self.relation(texts, |text| &text.within);
        for (label, wide) in &direct {
            let mut open = wide.clone();
            let mut found = BTreeSet::new();
            while let Some(next) = open.pop() {
                if next != *label && found.insert(next.clone()) {
                    open.extend(direct.get(&next).into_iter().flatten().cloned());
                    let definition = self.set.definitions.get(&next);
                    found.extend(definition.into_iter().flat_map(|d| d.within.clone()));
                }
            }
            if let Some(definition) = self.set.definitions.get_mut(label) {
                definition.within.extend(found);
            }
        }
    }

    /// `also`, and what follows from those in turn.
    fn follow(&mut self, texts: &[Lined<LabelText<'a>>]) {
        let direct = self.relation(texts, |text| &text.also);
        for label in direct.keys() {
            let mut found = BTreeSet::from([label.clone()]);
            let mut open = vec![label.clone()];
            while let Some(next) = open.pop() {
                for more in direct.get(&next).into_iter().flatten() {
                    if found.insert(more.clone()) {
                        open.push(more.clone());
                    }
                }
            }
            found.remove(label);
            if let Some(definition) = self.set.definitions.get_mut(label) {
                definition.also = found.into_iter().collect();
            }
        }
    }

    fn relation<'t>(
        &mut self,
        texts: &'t [Lined<LabelText<'a>>],
        named: impl Fn(&'t LabelText<'a>) -> &'t Vec<&'a str>,
    ) -> BTreeMap<Label, Vec<Label>> {
        let mut direct = BTreeMap::new();
        for text in texts {
            if let Some(label) = self.label(text, text.value.name) {
                direct.insert(label, self.defined(text, named(&text.value)));
            }
        }
        direct
    }

    fn rule(&mut self, text: &Lined<RuleText<'a>>) {
        if self.set.rules.len() == RULES_MAX {
            return self.mistake(text, format!("there are more than {RULES_MAX} rules"));
        }
        let id = self.set.rules.len() as RuleId;
        let mut gives = self.defined(text, &text.value.gives);
        let followed = gives.iter().map(|label| &self.set.definitions[label]);
        let also: Vec<Label> = followed.flat_map(|d| d.also.clone()).collect();
        gives.extend(also);
        gives.sort();
        gives.dedup();
        let rule = Rule {
            name: text.value.name.into(),
            about: text.value.about.into(),
            gives,
            types: self.named_types(text),
            paths: self.paths(text),
            codes: Vec::new(),
        };
        self.set.rules.push(rule);
        if text.value.signals.is_empty() {
            self.mistake(text, "nothing triggers the rule");
        }
        for signal in &text.value.signals {
            self.signal(id, signal);
        }
    }

    fn named_types(&mut self, text: &Lined<RuleText<'a>>) -> Vec<TypeId> {
        let mut types = Vec::new();
        for name in &text.value.types {
            match r4().resource_type(name) {
                Some(ty) => types.push(ty),
                None => self.mistake(text, no_type(name)),
            }
        }
        types
    }

    fn paths(&mut self, text: &Lined<RuleText<'a>>) -> Vec<Path> {
        let mut paths = Vec::new();
        for name in &text.value.paths {
            match path(name) {
                Some(path) => paths.push(path),
                None => self.mistake(text, format!("'{name}' is no element of R4")),
            }
        }
        paths
    }

    fn signal(&mut self, id: RuleId, signal: &Lined<SignalText<'a>>) {
        match signal.value {
            SignalText::Code(system, code, about) => match self.systems.get(system).cloned() {
                None => self.mistake(signal, format!("'{system}' is no system of these rules")),
                Some(uris) => self.code(id, &uris, code, about),
            },
            SignalText::ValueSet(url) => self.value_set(id, url, signal),
            SignalText::Canonical(url) => note(&mut self.set.canonicals, url, id),
            SignalText::Reference(text) => match reference::parse(text, None) {
                Some(reference::Reference::Local { version: None, .. }) => {
                    note(&mut self.set.references, text, id);
                }
                _ => self.mistake(signal, format!("'{text}' is no 'Type/id'")),
            },
        }
    }

    fn code(&mut self, id: RuleId, uris: &[&str], code: &str, about: &str) {
        let upper = code.to_ascii_uppercase();
        for uri in uris {
            let codes = self.set.by_system.entry((*uri).into()).or_default();
            match upper.strip_suffix('*') {
                None => note(&mut codes.exact, &upper, id),
                Some(beginning) => {
                    codes.lengths.insert(beginning.len());
                    note(&mut codes.beginnings, beginning, id);
                }
            }
        }
        let listed = Listed {
            system: uris.first().copied().unwrap_or_default().into(),
            code: code.into(),
            about: about.into(),
        };
        self.set.rules[id as usize].codes.push(listed);
    }

    fn value_set(&mut self, id: RuleId, url: &str, at: &Lined<SignalText<'a>>) {
        let Some(codes) = (self.expand)(url) else {
            return self.mistake(at, format!("the value set '{url}' cannot be expanded"));
        };
        self.codes += codes.len();
        if self.codes > CODES_MAX {
            return self.mistake(at, format!("value sets bring more than {CODES_MAX} codes"));
        }
        for (system, code) in codes {
            // A system of these rules goes by all of its URIs.
            let aliases = self.systems.values().find(|uris| uris.contains(&&*system));
            let uris = aliases.cloned().unwrap_or_else(|| vec![&*system]);
            for uri in uris {
                let codes = self.set.by_system.entry(uri.into()).or_default();
                note(&mut codes.exact, &code.to_ascii_uppercase(), id);
            }
        }
    }
}

fn note(map: &mut HashMap<Box<str>, Vec<RuleId>>, key: &str, id: RuleId) {
    let ids = map.entry(key.into()).or_default();
    if ids.last() != Some(&id) {
        ids.push(id);
    }
}

fn no_type(name: &str) -> String {
    format!("'{name}' is no resource type of R4")
}

/// `Condition.code`, with every name an element of what is before it. A choice has its FHIRPath name (`value`).
fn path(text: &str) -> Option<Path> {
    let (ty, rest) = text.split_once('.')?;
    let ty = r4().resource_type(ty)?;
    let mut at = vec![ty];
    for name in rest.split('.') {
        let elements = at.iter().flat_map(|ty| r4().elements_of(*ty));
        let named = elements.filter(|element| element.name == name);
        at = named.flat_map(|e| e.types.iter().map(|t| t.ty)).collect();
        if at.is_empty() {
            return None;
        }
    }
    debug_assert!(matches!(r4().ty(ty).kind, TypeKind::Resource));
    Some(Path {
        ty,
        elements: rest.split('.').map(Into::into).collect(),
    })
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "text {}, line {}: {}",
            self.text + 1,
            self.line,
            self.what
        )
    }
}
