//! `_include` and `_revinclude`: what else comes with the matches. <https://hl7.org/fhir/R4/search.html#include>
//!
//! Parsed here, resolved by `resources` page by page under the caller's access: forward from the page's bodies
//! ([`Include::targets`]), reverse by a search for the terms that refer to them ([`Include::referring`]).

use super::criterion::{demand_indexed, short};
use super::{Ignored, Reader};
use crate::entries::{Term, TermKey};
use crate::extract::Extractor;
use crate::groups::Groups;
use crate::nearest::nearest;
use crate::param::{Form, may_refer, reference_targets};
use crate::program::{Program, Visitor};
use crate::registry::{Parameter, TypeParameters};
use std::collections::BTreeMap;
use ward_fhir::reference::{Reference, parse};
use ward_fhir::schema::{SearchType, TypeKind};
use ward_fhir::{Failure, Kind, Node, TypeId};

/// Includes of one query.
pub const INCLUDES_MAX: usize = 20;

/// One `_include` or `_revinclude`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Include {
    /// `:iterate`: from what was included as well.
    pub iterate: bool,
    /// `_revinclude`: what refers to the matches instead of what they refer to.
    pub reverse: bool,
    /// Type that holds the reference; `None`: any.
    pub source: Option<TypeId>,
    /// Reference parameter of it; `None`: any.
    pub param: Option<Box<str>>,
    /// Only references to this type.
    pub target: Option<TypeId>,
}

/// What a resource refers to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Including {
    Resource {
        ty: TypeId,
        id: String,
        /// Of a versioned reference; the current version is included all the same.
        version: Option<String>,
    },
    /// A canonical `url` or `url|version`: the resource that has it.
    Canonical(String),
}

impl Reader<'_> {
    /// `name` is `_include` or `_revinclude` with modifiers. `false`: ignored as unknown.
    pub(super) fn include(&mut self, name: &str, value: &str) -> Result<bool, Failure> {
        let (code, modifier) = name
            .split_once(':')
            .map_or((name, None), |(code, modifier)| (code, Some(modifier)));
        let iterate = match modifier {
            None => false,
            Some("iterate") => true,
            Some("recurse") => {
                let text =
                    format!("'{code}:recurse' is of an older version; use '{code}:iterate'.");
                return Err(Failure::new(Kind::NotSupported, text));
            }
            Some(_) => return Err(invalid(code, "has no modifier but ':iterate'")),
        };
        if self.used.includes.len() == INCLUDES_MAX {
            let text = format!("A search may have {INCLUDES_MAX} includes at most.");
            return Err(Failure::new(Kind::TooCostly, text));
        }
        let mut include = Include {
            iterate,
            reverse: code == "_revinclude",
            source: None,
            param: None,
            target: None,
        };
        if value != "*" && !self.read_include(code, value, &mut include)? {
            return Ok(false);
        }
        if include.reverse && !self.registry.custom().is_empty() {
            self.custom.set(true);
        }
        self.used.includes.push(include);
        Ok(true)
    }

    /// `Type:parameter[:Target]`, the parameter `*` for all.
    fn read_include(
        &mut self,
        code: &str,
        value: &str,
        include: &mut Include,
    ) -> Result<bool, Failure> {
        let mut parts = value.split(':');
        let (source, param, target) = (parts.next(), parts.next(), parts.next());
        let (Some(source), Some(param), None) = (source, param, parts.next()) else {
            return Err(invalid(
                code,
                "must be 'Type:parameter', 'Type:parameter:Target', 'Type:*' or '*'",
            ));
        };
        let ty = self.type_named(code, source)?;
        include.source = Some(ty);
        if let Some(target) = target.filter(|t| !t.is_empty()) {
            include.target = Some(self.type_named(code, target)?);
        }
        if !include.iterate
            && !include.reverse
            && !self.plan.types.is_empty()
            && !self.plan.types.contains(&ty)
        {
            let text = format!(
                "names the type {}, which is not searched; use '{code}:iterate' for what was included",
                short(source)
            );
            return Err(invalid(code, &text));
        }
        if param == "*" {
            return Ok(true);
        }
        let all = self.registry.of(ty);
        if all.hides(param) {
            return Err(self.hidden(param, ty));
        }
        let Some(parameter) = all.find(param).filter(|p| is_reference(p)) else {
            let near = nearest(param, references(all).map(Parameter::code));
            let ignored = Ignored {
                what: "reference parameter",
                name: param.to_owned(),
                nearest: near.into_iter().map(str::to_owned).collect(),
                lacking: None,
                is_blank: false,
                why: None,
            };
            return self.ignore(ignored).map(|()| false);
        };
        if include.reverse {
            demand_indexed(parameter, "'_revinclude'")?;
        }
        let possible = reference_targets(self.registry.schema(), parameter);
        if include.target.is_some_and(|t| !possible.contains(&t)) {
            return Err(invalid(
                code,
                "names a target type that the parameter never refers to",
            ));
        }
        let reaches = |t: &TypeId| possible.contains(t);
        let searched = &self.plan.types;
        if include.reverse
            && !include.iterate
            && !searched.is_empty()
            && !searched.iter().any(reaches)
        {
            return Err(invalid(
                code,
                "names a parameter that never refers to the resources searched",
            ));
        }
        include.param = Some(parameter.code().into());
        Ok(true)
    }

    fn type_named(&self, code: &str, name: &str) -> Result<TypeId, Failure> {
        self.resource_type(name).ok_or_else(|| {
            invalid(
                code,
                &format!("names '{}', which is no resource type", short(name)),
            )
        })
    }
}

impl Include {
    /// Forward: what `node` refers to by it, sorted and once each; nothing for a reverse include. Linear in the resource.
    pub fn targets(&self, extractor: &Extractor, node: Node<'_>) -> Vec<Including> {
        if self.reverse || self.source.is_some_and(|s| s != node.ty()) {
            return Vec::new();
        }
        self.read(extractor, node, self.target)
    }

    /// What `node` refers to by its parameters, to resources of one type `only`, sorted and once each.
    pub(super) fn read(
        &self,
        extractor: &Extractor,
        node: Node<'_>,
        only: Option<TypeId>,
    ) -> Vec<Including> {
        let schema = extractor.registry().schema();
        let mut program = Program::new(schema, node.ty());
        for parameter in self.parameters(extractor.registry().of(node.ty())) {
            for atom in &parameter.atoms {
                if let Some(form) = Form::of(schema, SearchType::Reference, atom.leaf) {
                    program.add(schema, atom, form);
                }
            }
        }
        let mut found = Found {
            base: extractor.base(),
            only,
            including: Vec::new(),
        };
        program.walk(node, &mut found);
        found.including.sort_unstable();
        found.including.dedup();
        found.including
    }

    /// Reverse: for each type that may refer to one of `hits` by it, the terms of those that do, by the groups that must be shown
    /// ([`Filter::Shows`](crate::plan::Filter::Shows)); nothing for a forward include. Linear in the hits and the parameters.
    pub fn referring(
        &self,
        extractor: &Extractor,
        hits: &[Node<'_>],
    ) -> Vec<(TypeId, Groups, Vec<Term>)> {
        if !self.reverse {
            return Vec::new();
        }
        let key = extractor.key();
        let seen = hits.iter().map(|node| Hit::of(key, *node));
        let seen: Vec<Hit> = seen
            .filter(|hit| self.target.is_none_or(|t| t == hit.ty))
            .collect();
        let mut types: Vec<TypeId> = seen.iter().map(|hit| hit.ty).collect();
        types.sort_unstable();
        types.dedup();
        let all = extractor.registry().schema().types.iter();
        let sources = all.filter(|def| {
            let is_concrete = def.kind == TypeKind::Resource && !def.is_abstract;
            is_concrete && self.source.is_none_or(|s| s == def.id)
        });
        let mut found = Vec::new();
        for source in sources {
            let registry = extractor.registry();
            let mut terms: BTreeMap<Groups, Vec<Term>> = BTreeMap::new();
            let parameters = self.parameters(registry.of(source.id));
            for parameter in parameters.filter(|p| p.indexed) {
                if types.iter().any(|ty| may_refer(parameter, *ty)) {
                    let groups = registry.read_by(source.id, parameter);
                    refer(key, parameter, &seen, terms.entry(groups).or_default());
                }
            }
            for (groups, mut terms) in terms {
                terms.sort_unstable();
                terms.dedup();
                if !terms.is_empty() {
                    found.push((source.id, groups, terms));
                }
            }
        }
        found
    }

    /// Whether it reads canonicals of a type of resources.
    pub(super) fn is_of_canonicals(&self, extractor: &Extractor, ty: TypeId) -> bool {
        let mut parameters = self.parameters(extractor.registry().of(ty));
        parameters.any(|p| p.forms.contains(&Form::Canonical))
    }

    fn parameters<'a>(&'a self, all: &'a TypeParameters) -> impl Iterator<Item = &'a Parameter> {
        let code = self.param.as_deref();
        references(all).filter(move |p| code.is_none_or(|c| c == p.code()))
    }
}

/// What others may refer to.
struct Hit<'n> {
    ty: TypeId,
    /// Of its identity, whatever the parameter.
    target: Option<Term>,
    url: Option<&'n str>,
}

impl<'n> Hit<'n> {
    fn of(key: &TermKey, node: Node<'n>) -> Hit<'n> {
        let id = node.text("id");
        Hit {
            ty: node.ty(),
            target: id.map(|id| key.target(node.type_name(), id)),
            url: node.text("url"),
        }
    }
}

/// The terms by which others refer to the hits: their identity, and their canonical url.
fn refer(key: &TermKey, parameter: &Parameter, hits: &[Hit<'_>], terms: &mut Vec<Term>) {
    let is_canonical = parameter.forms.contains(&Form::Canonical);
    for owner in &parameter.owners {
        let spread = key.spread(owner.param);
        let reached = hits.iter().filter(|hit| {
            may_refer(parameter, hit.ty) && owner.only.is_none_or(|only| only == hit.ty)
        });
        for hit in reached {
            terms.extend(hit.target.map(|target| target ^ spread));
            if let Some(url) = hit.url.filter(|_| is_canonical) {
                terms.push(key.url(owner.param, url));
            }
        }
    }
}

struct Found<'b> {
    base: Option<&'b str>,
    only: Option<TypeId>,
    including: Vec<Including>,
}

impl Found<'_> {
    fn local<'n>(&self, node: Node<'n>) -> Option<(TypeId, &'n str, Option<&'n str>)> {
        match parse(node.text("reference")?, self.base)? {
            Reference::Local { ty, id, version } => Some((ty, id, version)),
            _ => None,
        }
    }
}

impl Visitor<Form> for Found<'_> {
    fn leaf(&mut self, node: Node<'_>, form: &Form) {
        match form {
            Form::Reference => {
                if let Some((ty, id, version)) = self
                    .local(node)
                    .filter(|(ty, ..)| self.only.is_none_or(|only| only == *ty))
                {
                    self.including.push(Including::Resource {
                        ty,
                        id: id.to_owned(),
                        version: version.map(str::to_owned),
                    });
                }
            }
            Form::Canonical => {
                let url = node.value().and_then(|v| v.split('#').next());
                let url = url.filter(|u| !u.is_empty());
                self.including
                    .extend(url.map(|u| Including::Canonical(u.to_owned())));
            }
            _ => {}
        }
    }

    fn resolves_to(&mut self, node: Node<'_>, ty: TypeId) -> bool {
        self.local(node).is_some_and(|(found, ..)| found == ty)
    }
}

pub(super) fn references(all: &TypeParameters) -> impl Iterator<Item = &Parameter> {
    all.served().filter(|p| is_reference(p))
}

fn is_reference(parameter: &Parameter) -> bool {
    parameter.ty() == SearchType::Reference && parameter.is_served()
}

fn invalid(code: &str, what: &str) -> Failure {
    Failure::new(Kind::Invalid, format!("The value of '{code}' {what}."))
}
