//! What a target brings to each of its samples, worked out once per target: its labels joined and encoded, external
//! labels, `pcode`, and the names a sample's own label may clash with.

use super::known::shelf::Kind;
use crate::config::job::Limits;
use crate::discovery::Target;
use crate::encode::EncodedLabels;
use crate::exposition::Format;
use crate::labels::{LabelBuf, Labels};
use foldhash::fast::FixedState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// The label that names the WhaTap project, put on every sample last.
pub const PCODE: &str = "pcode";
/// The label of addNodeLabel.
const NODE: &str = "node";
/// Scrapes for which a target goes alone.
const ALONE: u32 = 60;
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
    /// What a series' record depends on but for its own text and the values of `encoded`.
    terms: u64,
    /// The shape of the target's last exposition, 0 before the first.
    shape: AtomicU64,
    /// What the others of its kind have taught does not fit this target: it has a kind of its own.
    own_kind: AtomicBool,
    /// Scrapes to go as if nothing were known.
    alone: AtomicU32,
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
        let terms = {
            let Limits { labels: most, label_name_bytes, label_value_bytes, .. } = target.job.limits;
            let limits = (labels.len(), most, label_name_bytes, label_value_bytes);
            FixedState::default().hash_one((limits, &reserved.names, &target.job.keep_names))
        };
        Self {
            target,
            labels,
            external,
            pcode,
            encoded,
            reserved,
            terms,
            shape: AtomicU64::default(),
            own_kind: AtomicBool::default(),
            alone: AtomicU32::default(),
        }
    }

    /// Notes the shape of an exposition that was read whole.
    pub fn set_shape(&self, shape: u64) {
        self.shape.store(shape, Ordering::Relaxed);
    }

    /// The exposition was not like what is known of its kind: from now on the target has a kind of its own. When it had
    /// that already, it changes too much: the next scrapes are made as if nothing were known.
    pub fn part_from(&self, kind: Kind) {
        self.own_kind.store(true, Ordering::Relaxed);
        if kind.is_own {
            self.alone.store(ALONE, Ordering::Relaxed);
        }
    }

    /// What the exposition of the scrape that begins is expected to be like, in that format; `None` when nothing is known
    /// of this target, or what is known did not fit lately.
    pub fn kind(&self, format: Format) -> Option<Kind> {
        let less = |alone: u32| alone.checked_sub(1);
        if self.alone.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok() {
            return None;
        }
        let shape = self.shape.load(Ordering::Relaxed);
        let is_own = self.own_kind.load(Ordering::Relaxed);
        let terms = if is_own { self.terms ^ self.target.id().0 } else { self.terms };
        (shape != 0).then_some(Kind { shape, terms, format, is_own })
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
