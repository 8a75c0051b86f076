//! What a target brings to each of its samples, worked out once per target: its labels joined and encoded, external
//! labels, `pcode`, and the names a sample's own label may clash with.

use crate::discovery::Target;
use crate::encode::EncodedLabels;
use crate::labels::{LabelBuf, Labels};
use std::sync::Arc;

/// The label that names the WhaTap project, put on every sample last.
pub const PCODE: &str = "pcode";
/// The label of addNodeLabel.
const NODE: &str = "node";
/// Where Kubernetes discovery tells the node.
const NODE_SOURCES: [&str; 2] = ["__meta_kubernetes_pod_node_name", "__meta_kubernetes_endpoint_node_name"];

/// A target ready to be scraped.
#[derive(Debug)]
pub struct Prepared {
    /// The target itself.
    pub target: Arc<Target>,
    /// Labels that every sample gets before the rules see it: the target's, `node` among them.
    pub labels: Labels,
    /// Labels added after the rules, unless the sample has them: external labels.
    pub external: Labels,
    /// The project code as a label value.
    pub pcode: String,
    /// `labels`, `external` and `pcode` in record form, for samples that clash with none of them.
    pub encoded: EncodedLabels,
    /// How many labels `encoded` holds that count against label limits: those of `labels`.
    reserved: NameTable,
}

impl Prepared {
    /// Joins and encodes; `pcode` is the licence's project.
    pub fn new(target: Arc<Target>, pcode: i64) -> Self {
        let labels = with_node(&target);
        let external: Labels = {
            let own = |name: &str| labels.value(name).is_some() || name == PCODE;
            target.job.external_labels.iter().filter(|(name, _)| !own(name)).collect()
        };
        let pcode = pcode.to_string();
        let mut all = LabelBuf::new();
        all.extend(labels.view());
        all.remove(PCODE);
        all.extend(external.view());
        all.push(PCODE, &pcode);
        let reserved = NameTable::new(all.view().iter().map(|(name, _)| name));
        let encoded = EncodedLabels::new(all.view());
        Self { target, labels, external, pcode, encoded, reserved }
    }

    /// Whether a sample's own label of that name meets one that the target or the agent sets.
    #[inline]
    pub fn clashes(&self, name: &str) -> bool {
        self.reserved.contains(name)
    }
}

fn with_node(target: &Target) -> Labels {
    let node = NODE_SOURCES.iter().find_map(|source| target.discovered.value(source));
    match node {
        Some(node) if target.job.add_node_label && target.labels.value(NODE).is_none() => {
            target.labels.iter().chain([(NODE, node)]).collect()
        }
        _ => target.labels.clone(),
    }
}

/// A few names, asked about for every label of every sample: a bit per length turns most questions away.
#[derive(Debug)]
struct NameTable {
    lengths: u64,
    names: Box<[Box<str>]>,
}

impl NameTable {
    fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let names: Box<[Box<str>]> = names.map(Box::from).collect();
        let lengths = names.iter().fold(0, |bits, name| bits | Self::bit(name));
        Self { lengths, names }
    }

    #[inline]
    fn contains(&self, name: &str) -> bool {
        self.lengths & Self::bit(name) != 0 && self.names.iter().any(|own| **own == *name)
    }

    #[inline]
    fn bit(name: &str) -> u64 {
        1 << (name.len() & 63)
    }
}
