//! What a stored ValueSet or CodeSystem says. <https://hl7.org/fhir/R4/valueset.html#compositions>

use std::collections::{BTreeSet, HashMap};
use ward_fhir::Node;
use ward_fhir::schema::r4;
use ward_search::normal::lower_case;

pub enum Content {
    Set {
        include: Vec<Part>,
        exclude: Vec<Part>,
        /// The codes that its `expansion` lists, where those are all.
        expansion: Option<BTreeSet<(String, String)>>,
    },
    /// Each code with the codes directly above it; `complete`: there are no others.
    System {
        parents: HashMap<String, Vec<String>>,
        complete: bool,
    },
}

/// `ValueSet.compose.include` or `.exclude`.
#[derive(Default)]
pub struct Part {
    pub system: Option<String>,
    pub codes: Vec<String>,
    /// Operator and code of filters on `concept`; any other filter has an empty operator, which nobody computes.
    pub filters: Vec<(String, String)>,
    pub imports: Vec<String>,
}

impl Content {
    pub fn read(root: Node<'_>) -> Content {
        if root.type_name() == "CodeSystem" {
            let mut parents = HashMap::new();
            concepts(root, None, &mut parents);
            return Content::System {
                parents,
                complete: root.text("content") == Some("complete"),
            };
        }
        let parts = |name: &str| -> Vec<Part> {
            let compose = root.get("compose");
            compose
                .iter()
                .flat_map(|c| c.all(name))
                .map(Part::read)
                .collect()
        };
        Content::Set {
            include: parts("include"),
            exclude: parts("exclude"),
            expansion: root.get("expansion").and_then(expansion),
        }
    }

    /// Other value sets and code systems that it cannot be computed without.
    pub fn needs(&self) -> impl Iterator<Item = &str> {
        let parts: Vec<&Part> = match self {
            Content::Set {
                include, exclude, ..
            } => include.iter().chain(exclude).collect(),
            Content::System { .. } => Vec::new(),
        };
        parts.into_iter().flat_map(|part| {
            let system = part.system.as_deref().filter(|_| part.codes.is_empty());
            part.imports.iter().map(String::as_str).chain(system)
        })
    }

    /// Every code of a code system that is here completely.
    pub fn all(&self) -> Option<Vec<String>> {
        match self {
            Content::System { parents, complete } if *complete => {
                Some(parents.keys().cloned().collect())
            }
            _ => None,
        }
    }

    /// `None`: it is none of its codes. `system`: its own url.
    pub fn ancestors(&self, system: &str, code: &str) -> Option<Vec<String>> {
        let Content::System { parents, .. } = self else {
            return None;
        };
        let code = own(parents, system, code)?;
        let mut found = BTreeSet::new();
        let mut open: Vec<&String> = parents.get(code)?.iter().collect();
        while let Some(above) = open.pop() {
            if found.insert(above.clone()) {
                open.extend(parents.get(above).into_iter().flatten());
            }
        }
        Some(found.into_iter().collect())
    }

    /// `None`: it is none of its codes. `system`: its own url.
    pub fn descendants(&self, system: &str, code: &str) -> Option<Vec<String>> {
        let Content::System { parents, .. } = self else {
            return None;
        };
        let code = own(parents, system, code)?;
        let mut below: HashMap<&str, Vec<&str>> = HashMap::new();
        for (child, above) in parents {
            for parent in above {
                below.entry(parent).or_default().push(child);
            }
        }
        let mut found = BTreeSet::new();
        let mut open = vec![code];
        while let Some(at) = open.pop() {
            for child in below.get(at).into_iter().flatten() {
                if found.insert((*child).to_owned()) {
                    open.push(child);
                }
            }
        }
        Some(found.into_iter().collect())
    }
}

/// The code as the system spells it.
fn own<'c>(parents: &'c HashMap<String, Vec<String>>, system: &str, code: &str) -> Option<&'c str> {
    if let Some((known, _)) = parents.get_key_value(code) {
        return Some(known);
    }
    if r4().is_case_sensitive(system) {
        return None;
    }
    let wanted = lower_case(code);
    let spelled = parents.keys().filter(|known| lower_case(known) == wanted);
    spelled.min().map(String::as_str)
}

impl Part {
    fn read(node: Node<'_>) -> Part {
        let filter = |f: Node<'_>| {
            let operator = f
                .text("op")
                .filter(|_| f.text("property") == Some("concept"));
            let operator = operator.unwrap_or_default().to_owned();
            (operator, f.text("value").unwrap_or_default().to_owned())
        };
        Part {
            system: node.text("system").map(str::to_owned),
            codes: node
                .all("concept")
                .filter_map(|c| Some(c.text("code")?.to_owned()))
                .collect(),
            filters: node.all("filter").map(filter).collect(),
            imports: node
                .all("valueSet")
                .filter_map(|v| v.value().map(str::to_owned))
                .collect(),
        }
    }
}

/// Recursion: the depth of the document, here and below.
fn concepts(node: Node<'_>, above: Option<&str>, parents: &mut HashMap<String, Vec<String>>) {
    for concept in node.all("concept") {
        let Some(code) = concept.text("code") else {
            continue;
        };
        let stated = concept
            .all("property")
            .filter(|p| p.text("code") == Some("parent"))
            .filter_map(|p| p.text("value"));
        let all = above.into_iter().chain(stated).map(str::to_owned);
        parents.entry(code.to_owned()).or_default().extend(all);
        concepts(concept, Some(code), parents);
    }
}

/// `None`: it is one page of several, or its `total` says that there is more.
fn expansion(node: Node<'_>) -> Option<BTreeSet<(String, String)>> {
    let number = |name: &str| node.text(name).and_then(|n| n.parse::<u64>().ok());
    let mut codes = BTreeSet::new();
    let listed = expanded(node, &mut codes);
    let is_whole =
        number("offset").unwrap_or(0) == 0 && number("total").is_none_or(|n| n <= listed);
    is_whole.then_some(codes)
}

/// How many entries there are, those that only group others too. Recursion: the depth of the document.
fn expanded(node: Node<'_>, codes: &mut BTreeSet<(String, String)>) -> u64 {
    let mut listed = 0;
    for contains in node.all("contains") {
        if let Some(code) = contains
            .text("code")
            .filter(|_| contains.text("abstract") != Some("true"))
        {
            let system = contains.text("system").unwrap_or_default();
            codes.insert((system.to_owned(), code.to_owned()));
        }
        listed += 1 + expanded(contains, codes);
    }
    listed
}
