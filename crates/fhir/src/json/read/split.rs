//! A primitive is split over `name` and `_name`; here the halves become one node.
//! <https://hl7.org/fhir/R4/json.html#primitive>

use super::{Reader, Stop};
use crate::issue::Kind;
use crate::schema::{MemberId, r4};
use crate::tree::{NULL, NodeData, SPLIT, UNMERGED, expression};

/// Children of one member from one half, in order.
struct Run {
    member: u32,
    extension: bool,
    children: Vec<u32>,
    /// Of a value run: the extension run that belongs to it. Of an extension run: itself, once taken.
    partner: Option<usize>,
}

/// Joins the halves among the children of `node`, the result standing where `name` stood. Called only where halves
/// came apart: in arrays, in other orders than `name`, `_name`, and when `_name` stands alone.
/// Cost: linear in the subtree when something is joined, else in the children; at most once per object.
pub(super) fn merge(reader: &mut Reader<'_>, node: u32) -> Result<(), Stop> {
    let mut runs = runs(&reader.nodes, node);
    for at in 0..runs.len() {
        if runs[at].extension {
            let member = runs[at].member;
            let partner = runs.iter().position(|r| r.member == member && !r.extension);
            if let Some(partner) = partner {
                runs[partner].partner = Some(at);
                runs[at].partner = Some(at);
            }
        }
    }
    let mut joined = false;
    for run in &runs {
        match run.partner {
            None => alone(reader, run)?,
            Some(_) if run.extension => {}
            Some(partner) => {
                joined = true;
                together(reader, node, run, &runs[partner])?;
            }
        }
    }
    if !reader.has_issues() {
        if joined {
            rebuild(&mut reader.nodes, node, &runs);
        }
        clear(&mut reader.nodes, node);
    }
    Ok(())
}

fn runs(nodes: &[NodeData], node: u32) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut at = node + 1;
    while (at as usize) < nodes.len() {
        let n = &nodes[at as usize];
        let extension = n.flags & SPLIT != 0;
        match runs.last_mut() {
            Some(run) if run.member == n.member && run.extension == extension => {
                run.children.push(at)
            }
            _ => runs.push(Run {
                member: n.member,
                extension,
                children: vec![at],
                partner: None,
            }),
        }
        at = n.end;
    }
    runs
}

const LONELY: &str = "null may stand only where the other array of the primitive has something";

fn alone(reader: &mut Reader<'_>, run: &Run) -> Result<(), Stop> {
    for child in &run.children {
        if reader.nodes[*child as usize].flags & NULL != 0 {
            reader.issue(*child, Kind::Structure, LONELY.into())?;
        }
    }
    Ok(())
}

fn together(
    reader: &mut Reader<'_>,
    node: u32,
    values: &Run,
    extensions: &Run,
) -> Result<(), Stop> {
    if values.children.len() != extensions.children.len() {
        let member = r4().member(MemberId(values.member));
        let place = format!(
            "{}.{}",
            expression(&reader.nodes, node),
            r4().element(member.element).name
        );
        let text = format!(
            "`{0}` and `_{0}` must have the same length",
            member.json_name
        );
        return reader.issue_at(place, Kind::Structure, text);
    }
    for (value, extension) in values.children.iter().zip(&extensions.children) {
        let both = reader.nodes[*value as usize].flags & reader.nodes[*extension as usize].flags;
        if both & NULL != 0 {
            reader.issue(*value, Kind::Structure, LONELY.into())?;
        }
    }
    Ok(())
}

/// Writes the children of `node` anew, each value followed by the children of its extension half.
fn rebuild(nodes: &mut Vec<NodeData>, node: u32, runs: &[Run]) {
    let base = node + 1;
    let old = nodes.split_off(base as usize);
    let block = |from: u32, to: u32| &old[(from - base) as usize..(to - base) as usize];
    for run in runs.iter().filter(|r| !r.extension || r.partner.is_none()) {
        for (i, child) in run.children.iter().enumerate() {
            let top = nodes.len() as u32;
            let end = block(*child, child + 1)[0].end;
            append(nodes, block(*child, end), *child, node, node);
            if let Some(partner) = run.partner {
                let extension = runs[partner].children[i];
                let end = block(extension, extension + 1)[0].end;
                append(
                    nodes,
                    block(extension + 1, end),
                    extension + 1,
                    extension,
                    top,
                );
                nodes[top as usize].end = nodes.len() as u32;
            }
        }
    }
}

/// Appends nodes that stood at `from`; those whose parent was `old_parent` go under `new_parent`.
fn append(
    nodes: &mut Vec<NodeData>,
    block: &[NodeData],
    from: u32,
    old_parent: u32,
    new_parent: u32,
) {
    let shift = (nodes.len() as u32).wrapping_sub(from);
    nodes.extend(block.iter().map(|n| {
        let mut n = *n;
        n.end = n.end.wrapping_add(shift);
        n.parent = if n.parent == old_parent {
            new_parent
        } else {
            n.parent.wrapping_add(shift)
        };
        n
    }));
}

fn clear(nodes: &mut [NodeData], node: u32) {
    nodes[node as usize].flags &= !UNMERGED;
    let mut at = node as usize + 1;
    while at < nodes.len() {
        nodes[at].flags &= !(SPLIT | NULL);
        at = nodes[at].end as usize;
    }
}
