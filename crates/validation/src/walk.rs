//! One pass over the nodes of a resource, in document order. <https://hl7.org/fhir/R4/validation.html>

use ward_fhir::schema::ElementDef;
use ward_fhir::{Issue, Kind, Node, Severity};

use crate::bundle;
use crate::plan::{Check, Plan, Rule, TypePlan};
use crate::reference::Targets;
use crate::{Context, ISSUES_MAX};

pub(crate) struct Walk<'a> {
    plan: &'a Plan,
    context: &'a Context<'a>,
    targets: Targets<'a>,
    root: Node<'a>,
    issues: Vec<Issue>,
}

impl<'a> Walk<'a> {
    pub fn new(plan: &'a Plan, context: &'a Context<'a>, root: Node<'a>) -> Self {
        let targets = Targets::new(plan.schema, context, root);
        Self {
            plan,
            context,
            targets,
            root,
            issues: Vec::new(),
        }
    }

    pub fn run(mut self) -> Vec<Issue> {
        for node in self.root.descendants_and_self() {
            self.node(node);
            if self.issues.len() >= ISSUES_MAX {
                self.issues.truncate(ISSUES_MAX);
                break;
            }
        }
        self.issues
    }

    fn node(&mut self, node: Node<'a>) {
        let plan = self.plan;
        let ty = &plan.types[node.ty().0 as usize];
        let present = if node.has_children() {
            self.cardinality(node, ty)
        } else {
            self.nothing(node, ty)
        };
        // A primitive with a value satisfies ele-1, the only rule of primitive types.
        if !ty.is_primitive || node.value().is_none() {
            for check in &ty.checks {
                self.check(node, present, check);
            }
        }
        if ty.is_bundle {
            bundle::check(node, self.context, &mut self.issues);
        }
        let Some(element) = node.element_id() else {
            return;
        };
        let element = &plan.elements[element.0 as usize];
        for (of_type, check) in &element.checks {
            if *of_type == node.ty() {
                self.check(node, present, check);
            }
        }
        if let Some(set) = element.code_set {
            self.issues.extend(plan.code_sets[set as usize].check(node));
        }
        if ty.is_reference {
            let issue = self.targets.check(node, element.targets);
            self.issues.extend(issue);
        }
        if ty.is_canonical {
            let allowed = element.canonical_targets;
            self.issues
                .extend(self.targets.check_canonical(node, allowed));
        }
        if Some(node.ty()) == plan.xhtml {
            self.narrative(node);
        }
    }

    /// Counts the children; answers the set of elements present.
    fn cardinality(&mut self, node: Node<'a>, ty: &TypePlan) -> u64 {
        let mut present = 0;
        for child in node.children() {
            let Some(member) = child.member() else {
                continue;
            };
            let member = self.plan.members[member.0 as usize];
            if member.is_single && present & member.bit != 0 {
                self.repeated(child);
            }
            present |= member.bit;
        }
        self.missing(node, ty.required & !present);
        present
    }

    fn nothing(&mut self, node: Node<'a>, ty: &TypePlan) -> u64 {
        self.missing(node, ty.required);
        0
    }

    fn repeated(&mut self, child: Node<'a>) {
        let path = child.element().map_or("", |e| e.path);
        let text = format!("{path} may be given once only");
        self.issues
            .push(Issue::error(Kind::Cardinality, text).at(child.expression()));
    }

    fn missing(&mut self, node: Node<'a>, bits: u64) {
        if bits == 0 {
            return;
        }
        let is_missing = |e: &&ElementDef| e.min > 0 && bits & (1 << e.order.min(63)) != 0;
        for element in self
            .plan
            .schema
            .elements_of(node.ty())
            .iter()
            .filter(is_missing)
        {
            let text = format!("{} is required", element.path);
            self.issues
                .push(Issue::error(Kind::Cardinality, text).at(node.expression()));
        }
    }

    fn check(&mut self, node: Node<'a>, present: u64, check: &Check) {
        let (Check::Existence { rule, .. } | Check::Other { rule }) = check;
        let rule = &self.plan.rules[*rule as usize];
        if !rule.invariant.is_error && !self.context.warnings {
            return;
        }
        let holds = match check {
            Check::Existence { program, .. } => Some(program.holds(present)),
            Check::Other { .. } => rule
                .native
                .and_then(|native| native(&mut self.targets, node)),
        };
        match holds {
            Some(true) => {}
            Some(false) => self.violated(node, rule),
            None => self.by_path(node, rule),
        }
    }

    /// An expression that could not be compiled is in `Validator::unsupported`; one that cannot be evaluated is told.
    fn by_path(&mut self, node: Node<'a>, rule: &Rule) {
        match rule.path.as_ref().map(|path| path.holds(node)) {
            Some(Ok(false)) => self.violated(node, rule),
            Some(Err(fault)) => self
                .issues
                .push(fault.issue(rule.invariant).at(node.expression())),
            Some(Ok(true)) | None => {}
        }
    }

    fn violated(&mut self, node: Node<'a>, rule: &Rule) {
        let invariant = rule.invariant;
        let text = format!(
            "{}: {} [{}]",
            invariant.key, invariant.human, invariant.expression
        );
        let severity = if invariant.is_error {
            Severity::Error
        } else {
            Severity::Warning
        };
        self.issues.push(
            Issue::error(Kind::Invariant, text)
                .severity(severity)
                .at(node.expression()),
        );
    }

    /// txt-1, txt-2
    fn narrative(&mut self, node: Node<'a>) {
        if let Some(what) = node.value().and_then(ward_fhir::narrative::check) {
            self.issues
                .push(Issue::error(Kind::Invariant, what).at(node.expression()));
        }
    }
}
