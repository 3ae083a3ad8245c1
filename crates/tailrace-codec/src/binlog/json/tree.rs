//! A document that can be changed: taken apart only along the paths that a difference names.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::binary::{check_end, deeper, write_utf8, write_value};
use super::scalar::{Container, Value, fault};
use crate::error::Result;

/// A value that is untouched, or a container of which some element was touched.
#[derive(Debug)]
pub(super) enum Node<'a> {
    Whole(Value<'a>),
    Array(Vec<Node<'a>>),
    Object(Vec<(Cow<'a, [u8]>, Node<'a>)>),
}

/// Elements that may still be taken apart.
#[derive(Debug)]
pub(super) struct Budget {
    pub(super) nodes: usize,
}

impl Budget {
    fn spend(&mut self, nodes: usize) -> Result<()> {
        match self.nodes.checked_sub(nodes) {
            Some(left) => {
                self.nodes = left;
                Ok(())
            }
            None => Err(fault(0, "tree_nodes_max is reached")),
        }
    }
}

/// Order of keys in an object: short ones first, then by bytes.
pub(super) fn key_order(a: &[u8], b: &[u8]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

impl<'a> Node<'a> {
    /// Takes a container apart, one level.
    pub(super) fn open(&mut self, budget: &mut Budget) -> Result<()> {
        if let Self::Whole(Value::Container(container)) = self {
            budget.spend(container.len())?;
            *self = Self::opened(*container)?;
        }
        Ok(())
    }

    fn opened(container: Container<'a>) -> Result<Self> {
        let element = |index| container.element(index).map(Node::Whole);
        let indices = 0..container.len();
        Ok(if container.is_object {
            let pair = |i| Ok((Cow::Borrowed(container.key(i)?), element(i)?));
            Self::Object(indices.map(pair).collect::<Result<_>>()?)
        } else {
            Self::Array(indices.map(element).collect::<Result<_>>()?)
        })
    }

    /// Appends the text of a node that lies inside `depth` containers. Nodes are nested no deeper
    /// than [`deeper`] lets them, so recursion is bounded.
    pub(super) fn write(&self, depth: usize, text_end_max: usize, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Whole(value) => return write_value(*value, depth, text_end_max, out),
            Self::Array(elements) => {
                let depth = deeper(depth)?;
                out.push(b'[');
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        out.extend_from_slice(b", ");
                    }
                    element.write(depth, text_end_max, out)?;
                }
                out.push(b']');
            }
            Self::Object(members) => {
                let depth = deeper(depth)?;
                out.push(b'{');
                for (index, (key, member)) in members.iter().enumerate() {
                    if index > 0 {
                        out.extend_from_slice(b", ");
                    }
                    write_utf8(key, out)?;
                    out.extend_from_slice(b": ");
                    member.write(depth, text_end_max, out)?;
                }
                out.push(b'}');
            }
        }
        check_end(text_end_max, out)
    }
}
