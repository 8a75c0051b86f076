//! What a target brings to each of its samples, worked out once per target: its labels joined and encoded, external
//! labels, `pcode`, and the names a sample's own label may clash with.

use crate::discovery::Target;
use crate::encode::EncodedLabels;
use crate::labels::{LabelBuf, Labels};
use std::hash::{BuildHasher, Hash};
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
    hasher: SeriesHasher,
    labels_hash: u64,
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
        let hasher = SeriesHasher::default();
        let labels_hash = labels.iter().fold(0_u64, |sum, label| sum.wrapping_add(hasher.of(label)));
        let reserved = NameTable::new(all.view().iter().map(|(name, _)| name));
        let encoded = EncodedLabels::new(all.view());
        Self { target, labels, external, pcode, encoded, reserved, hasher, labels_hash }
    }

    /// Whether a sample's own label of that name meets one that the target or the agent sets.
    #[inline]
    pub fn clashes(&self, name: &str) -> bool {
        self.reserved.contains(name)
    }

    /// The sum of label hashes that a sample starts from: its name and the target's labels.
    ///
    /// Hashes are added up, so the order of labels makes no difference.
    #[inline]
    pub fn series_hash(&self, name: &str) -> u64 {
        self.name_hash(name).wrapping_add(self.labels_hash)
    }

    /// The hash of a metric name alone.
    #[inline]
    pub fn name_hash(&self, name: &str) -> u64 {
        self.hasher.of(name)
    }

    /// What one label adds to a series' hash.
    #[inline]
    pub fn label_hash(&self, name: &str, value: &str) -> u64 {
        self.hasher.of((name, value))
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

/// Hashes pieces of a series with a seed of this process.
#[derive(Debug, Default, Clone)]
struct SeriesHasher(foldhash::fast::RandomState);

impl SeriesHasher {
    #[inline]
    fn of(&self, piece: impl Hash) -> u64 {
        self.0.hash_one(piece)
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
