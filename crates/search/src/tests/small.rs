//! A handful of resources in memory, asked by query text.

use super::sample::{KEY, document, extractor};
use crate::check::{Split, loosen, split};
use crate::entries::Entries;
use crate::evaluate::{Candidate, Others, Undecided, World, matches};
use crate::plan::{Filter, Plan};
use crate::query::{Options, Used, parse};
use crate::terminology::Embedded;
use ward_fhir::schema::r4;
use ward_fhir::tree::Document;
use ward_fhir::{Failure, Kind, TypeId};

pub struct Small(Vec<(Document, Entries)>);

impl Small {
    pub fn new(resources: &[&str]) -> Small {
        let read = |json: &&str| {
            let document = document(json);
            let entries = extractor().extract(document.root(), &|_| None);
            (document, entries)
        };
        Small(resources.iter().map(read).collect())
    }

    fn candidates(&self) -> impl Iterator<Item = Candidate<'_>> {
        self.0.iter().map(|(document, entries)| Candidate {
            id: document.root().text("id").unwrap_or_default(),
            ty: document.root().ty(),
            updated_us: 1_500_000_000_000_000,
            entries,
            node: Some(document.root()),
        })
    }

    /// `Type/id` of the matches of `Type?a=b&c=d`, in the order of the resources, separated by spaces.
    pub fn find(&self, query: &str) -> String {
        let (plan, _) = read(query, true).unwrap_or_else(|f| panic!("{query}: {:?}", f.issues));
        self.matching(&plan.types, &plan.filter)
    }

    /// The same through the index filter and the checks, as a store answers.
    pub fn find_split(&self, query: &str) -> String {
        let (plan, _) = read(query, true).unwrap_or_else(|f| panic!("{query}: {:?}", f.issues));
        let split = split(plan.filter.clone(), &extractor());
        self.find_by(query, &plan, split)
    }

    /// The same where too many entries of the index fit what `wide` names.
    pub fn find_loosened(&self, query: &str, wide: u64) -> String {
        let (plan, _) = read(query, true).unwrap_or_else(|f| panic!("{query}: {:?}", f.issues));
        let split = loosen(plan.filter.clone(), wide, &extractor());
        self.find_by(query, &plan, split)
    }

    fn find_by(&self, query: &str, plan: &Plan, split: Result<Split, Failure>) -> String {
        let split = split.unwrap_or_else(|f| panic!("{query}: {:?}", f.issues));
        let rows = self.rows(&plan.types, &split.index);
        let passed = rows.filter(|c| {
            let node = c.node.unwrap();
            split.checks.iter().all(|check| (check.test)(node))
        });
        names(passed)
    }

    pub fn matching(&self, types: &[TypeId], filter: &Filter) -> String {
        names(self.rows(types, filter))
    }

    fn rows<'a>(
        &'a self,
        types: &'a [TypeId],
        filter: &'a Filter,
    ) -> impl Iterator<Item = Candidate<'a>> {
        self.candidates().filter(move |c| {
            let world = World {
                key: Some(&KEY),
                others: Some(self),
            };
            (types.is_empty() || types.contains(&c.ty)) && matches(filter, *c, world).unwrap()
        })
    }
}

fn names<'a>(found: impl Iterator<Item = Candidate<'a>>) -> String {
    let name = |c: Candidate<'_>| format!("{}/{}", r4().ty(c.ty).name, c.id);
    found.map(name).collect::<Vec<_>>().join(" ")
}

impl Others for Small {
    fn any(
        &self,
        ty: TypeId,
        test: &mut dyn FnMut(Candidate<'_>) -> Result<bool, Undecided>,
    ) -> Result<bool, Undecided> {
        for candidate in self.candidates().filter(|c| c.ty == ty) {
            if test(candidate)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// `Type?a=b&c=d`; no type before the question mark searches all.
pub fn read(query: &str, strict: bool) -> Result<(Plan, Used), Failure> {
    let (ty, text) = query.split_once('?').unwrap();
    let types: Vec<TypeId> = r4().resource_type(ty).into_iter().collect();
    let pairs: Vec<(&str, &str)> = text.split('&').filter_map(|p| p.split_once('=')).collect();
    let options = Options {
        strict,
        now_us: 1_600_000_000_000_000,
        count_default: 20,
        count_max: 100,
        terminology: &Embedded,
    };
    parse(&extractor(), &types, &pairs, &options)
}

/// The kind of refusal, and its text.
pub fn refusal(query: &str) -> (Kind, String) {
    let failure = read(query, true).map(|_| ()).unwrap_err();
    (failure.kind, failure.issues[0].diagnostics.clone())
}

pub fn kind(query: &str) -> Kind {
    refusal(query).0
}
