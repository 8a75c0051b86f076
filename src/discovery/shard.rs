//! Which of several agents scrapes a target.
//!
//! # Invariants
//! Every target belongs to exactly one of `members`; which one depends on nothing but its key, so all agents agree
//! without talking. One more member takes over only the targets it gets itself.
//! Rule: Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm" (jump hash), over FNV-1a.

/// This agent among its replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    member: u32,
    members: u32,
}

impl Shard {
    /// The only one: every target is its own.
    pub const ALONE: Self = Self { member: 0, members: 1 };

    /// Member `member` (from 0) of `members`.
    ///
    /// # Errors
    /// When there is no such member.
    pub fn new(member: u32, members: u32) -> Result<Self, String> {
        if members == 0 {
            return Err("cluster_members is 0; there is at least one member, this one".to_owned());
        }
        if member >= members {
            return Err(format!(
                "cluster_member {member} is not below cluster_members {members}; members count from 0"
            ));
        }
        Ok(Self { member, members })
    }

    /// From the settings `cluster_members` and `cluster_member`; the latter is by default the ordinal at the end of
    /// the pod's name, as a StatefulSet gives it (`openagent-2`).
    ///
    /// # Errors
    /// What is out of range, or cannot be told from the pod's name.
    pub fn from_settings(members: u64, member: Option<u64>, pod_name: Option<&str>) -> Result<Self, String> {
        let ordinal = || pod_name.and_then(|name| name.rsplit_once('-')?.1.parse().ok());
        let member = match member {
            _ if members == 1 && member.is_none() => return Ok(Self::ALONE),
            Some(member) => member,
            None => ordinal().ok_or_else(|| {
                let name = pod_name.unwrap_or_default();
                format!(
                    "cluster_members is {members}, but cluster_member is not set and POD_NAME {name:?} ends in no number"
                )
            })?,
        };
        Self::new(u32::try_from(member).unwrap_or(u32::MAX), u32::try_from(members).unwrap_or(u32::MAX))
    }

    /// Whether a target is this member's, by its job's name and its URL.
    pub fn owns(self, job: &str, url: &str) -> bool {
        self.members == 1 || jump(mixed(job, url), self.members) == self.member
    }

    /// Which member this is, from 0.
    pub fn member(self) -> u32 {
        self.member
    }

    /// How many there are.
    pub fn members(self) -> u32 {
        self.members
    }
}

/// FNV-1a over both texts, with a byte between them that neither can hold.
fn mixed(job: &str, url: &str) -> u64 {
    let bytes = job.bytes().chain(std::iter::once(0xff)).chain(url.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The bucket of a key among `buckets`.
fn jump(mut key: u64, buckets: u32) -> u32 {
    let (mut bucket, mut next) = (0_u32, 0_u64);
    while next < u64::from(buckets) {
        bucket = next as u32;
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        next = ((f64::from(bucket) + 1.0) * ((1_u64 << 31) as f64 / ((key >> 33) + 1) as f64)) as u64;
    }
    bucket
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls() -> impl Iterator<Item = String> {
        (0..10_000).map(|i| format!("http://10.0.{}.{}:9100/metrics", i / 250, i % 250))
    }

    #[test]
    fn every_target_belongs_to_exactly_one_member() {
        for members in [1, 2, 3, 7] {
            let shards: Vec<_> = (0..members).map(|member| Shard::new(member, members).unwrap()).collect();
            let mut counts = vec![0; members as usize];
            for url in urls() {
                let owners: Vec<_> = shards.iter().filter(|shard| shard.owns("node", &url)).collect();
                assert_eq!(owners.len(), 1, "{url}");
                counts[owners[0].member() as usize] += 1;
            }
            let fair = 10_000 / members;
            assert!(counts.iter().all(|count| (fair * 9 / 10..=fair * 11 / 10).contains(count)), "{counts:?}");
        }
    }

    #[test]
    fn one_more_member_moves_only_what_it_takes() {
        let owner =
            |url: &str, members| (0..members).find(|m| Shard::new(*m, members).unwrap().owns("node", url)).unwrap();
        let moved: Vec<_> = urls().filter(|url| owner(url, 4) != owner(url, 5)).collect();
        assert!(moved.iter().all(|url| owner(url, 5) == 4));
        assert!((1_600..2_400).contains(&moved.len()), "{}", moved.len());
    }

    #[test]
    fn the_hash_never_changes() {
        let owners: Vec<_> = ["http://10.0.0.1:9100/metrics", "http://[fd00::1]:80/", "https://a/metrics"]
            .iter()
            .map(|url| (0..5).find(|member| Shard::new(*member, 5).unwrap().owns("job", url)).unwrap())
            .collect();
        assert_eq!(owners, OWNERS, "agents of different versions must agree");
    }

    /// Computed once with another program of the same algorithm.
    const OWNERS: [u32; 3] = [1, 4, 2];

    #[test]
    fn settings_and_the_ordinal_of_the_pod() {
        let from = Shard::from_settings;
        assert_eq!(from(1, None, Some("openagent-7d9f-x2x4q")), Ok(Shard::ALONE));
        assert_eq!(from(3, None, Some("openagent-2")), Shard::new(2, 3));
        assert_eq!(from(3, Some(1), Some("openagent-2")), Shard::new(1, 3));
        for (members, member, pod, text) in [
            (0, Some(0), None, "cluster_members is 0"),
            (3, Some(3), None, "cluster_member 3 is not below"),
            (3, None, Some("openagent-7d9f-x2x4q"), "POD_NAME \"openagent-7d9f-x2x4q\" ends in no number"),
            (3, None, Some("openagent-5"), "cluster_member 5 is not below"),
            (2, None, None, "POD_NAME \"\" ends in no number"),
        ] {
            let error = from(members, member, pod).unwrap_err();
            assert!(error.contains(text), "{error}");
        }
    }
}
