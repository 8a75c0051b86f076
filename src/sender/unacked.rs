//! The window of packs that are sent and may still be lost: what goes out first when the connection breaks.
//!
//! The protocol has no acknowledgement of data. TCP's own says only that the server's kernel has the bytes, and bytes
//! a closing server never read are lost with it. A time sync is echoed by the server program itself, in order, so its
//! echo shows that everything before it was read: that is what empties the window. For a server that doesn't echo,
//! TCP's acknowledgement has to do, and only beyond the bound: the last bytes stay to be sent again.
//!
//! # Invariants
//! - A pack leaves the window only by its echo, by TCP's acknowledgement beyond the bound, or by [`Unacked::take_back`].
//! - The window holds at most the bound and one pack.

use super::batch::Parcel;
use std::collections::VecDeque;
use std::time::Instant;

/// Marks kept for a server that never answers one.
const MAX_MARKS: usize = 64;

/// Time syncs in a full window: each echo makes room for so large a part.
const MARKS_PER_WINDOW: usize = 8;

/// Packs sent over the present session and not known to have been read.
#[derive(Debug)]
pub(super) struct Unacked {
    sent: VecDeque<Sent>,
    marks: VecDeque<Mark>,
    /// Weight of what is in it.
    bytes: usize,
    bound: usize,
    /// Weight sent since the last mark.
    unmarked: usize,
    /// Weight sent before it.
    marked: usize,
}

#[derive(Debug)]
struct Sent {
    /// Byte of the session's stream after the frame.
    end: u64,
    parcel: Parcel,
}

/// A time sync under way.
#[derive(Debug, Clone, Copy)]
struct Mark {
    agent_ms: i64,
    /// Byte of the session's stream before it.
    end: u64,
    at: Instant,
}

impl Unacked {
    /// An empty window; bound 0 keeps nothing.
    pub(super) fn new(bound: usize) -> Self {
        Self { sent: VecDeque::new(), marks: VecDeque::new(), bytes: 0, bound, unmarked: 0, marked: 0 }
    }

    /// Changes the bound.
    pub(super) fn rebound(&mut self, bound: usize) {
        self.bound = bound;
    }

    /// Bytes in it.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing sent may still be lost.
    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// Whether another pack may be sent.
    pub(super) fn has_room(&self) -> bool {
        self.bound == 0 || self.bytes < self.bound
    }

    /// Whether so much went since the last mark that another is due: behind the first pack, then at growing distances,
    /// so that a session that breaks early has moved something all the same.
    pub(super) fn wants_mark(&self) -> bool {
        self.unmarked > self.marked.min(self.bound / MARKS_PER_WINDOW)
    }

    /// Whether something was sent after the last mark.
    pub(super) fn has_unmarked(&self) -> bool {
        self.unmarked > 0
    }

    /// Takes in a pack whose frame ends at that byte of the stream; gives it back when nothing is kept.
    pub(super) fn push(&mut self, end: u64, parcel: Parcel) -> Option<Parcel> {
        if self.bound == 0 {
            return Some(parcel);
        }
        let weight = parcel.weight();
        self.bytes += weight;
        self.unmarked += weight;
        self.sent.push_back(Sent { end, parcel });
        None
    }

    /// A time sync was sent behind that byte of the stream.
    pub(super) fn mark(&mut self, agent_ms: i64, end: u64, at: Instant) {
        if self.marks.len() == MAX_MARKS {
            self.marks.pop_front();
        }
        self.marks.push_back(Mark { agent_ms, end, at });
        self.marked = self.marked.saturating_add(self.unmarked);
        self.unmarked = 0;
    }

    /// When the oldest time sync that is still unanswered was sent.
    pub(super) fn unanswered_since(&self) -> Option<Instant> {
        self.marks.front().map(|mark| mark.at)
    }

    /// The server echoed a time sync: everything before it is given to `done`. Returns when the sync was sent; `None`
    /// when there was none like it.
    pub(super) fn echoed(&mut self, agent_ms: i64, done: impl FnMut(Parcel)) -> Option<Instant> {
        let index = self.marks.iter().position(|mark| mark.agent_ms == agent_ms)?;
        let mark = self.marks.drain(..=index).next_back()?;
        self.release(|window| window.sent.front().is_some_and(|sent| sent.end <= mark.end), done);
        Some(mark.at)
    }

    /// TCP has acknowledged the stream up to that byte: what is beyond the bound and before it is given to `done`.
    pub(super) fn acknowledged(&mut self, end: u64, done: impl FnMut(Parcel)) {
        self.release(|window| !window.has_room() && window.sent.front().is_some_and(|sent| sent.end <= end), done);
    }

    /// The server closed the connection while the oldest pack was the first that it had not shown to have.
    pub(super) fn strike(&mut self) {
        if let Some(oldest) = self.sent.front_mut() {
            oldest.parcel.strikes = oldest.parcel.strikes.saturating_add(1);
        }
    }

    /// Everything in it, oldest first, because the session is over.
    pub(super) fn take_back(&mut self) -> impl DoubleEndedIterator<Item = Parcel> + use<> {
        self.marks.clear();
        (self.bytes, self.unmarked, self.marked) = (0, 0, 0);
        std::mem::take(&mut self.sent).into_iter().map(|sent| Parcel { again: true, ..sent.parcel })
    }

    fn release(&mut self, mut goes: impl FnMut(&Self) -> bool, mut done: impl FnMut(Parcel)) {
        while goes(self) {
            let Some(sent) = self.sent.pop_front() else { return };
            self.bytes -= sent.parcel.weight();
            done(sent.parcel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::Origin;
    use super::*;
    use crate::wire::pack::EncodedPack;

    fn parcel(number: i64) -> Parcel {
        let pack = EncodedPack { pack_type: 1, body: vec![0; 904], records: 1 };
        Parcel { time_ms: number, pack, origin: Origin::Queue, again: false, strikes: 0 }
    }

    /// A window of ten packs of 1000 bytes each.
    fn window() -> Unacked {
        let mut window = Unacked::new(10_000);
        (1..=10).for_each(|n| assert_eq!(window.push(n * 1_000, parcel(n as i64)), None));
        window
    }

    fn times(parcels: &[Parcel]) -> Vec<i64> {
        parcels.iter().map(|parcel| parcel.time_ms).collect()
    }

    #[test]
    fn an_echo_releases_what_was_sent_before_its_sync() {
        let mut window = window();
        let now = Instant::now();
        window.mark(7, 3_000, now);
        window.mark(7, 6_000, now);
        window.mark(8, 9_500, now);
        let mut done = Vec::new();
        assert_eq!(window.echoed(7, |p| done.push(p)), Some(now));
        assert_eq!(times(&done), [1, 2, 3]);
        assert_eq!(window.echoed(99, |p| done.push(p)), None);
        window.echoed(8, |p| done.push(p));
        assert_eq!((times(&done), window.bytes()), ((1..=9).collect(), 1_000));
        assert_eq!(window.unanswered_since(), None);
    }

    #[test]
    fn tcp_releases_only_what_is_beyond_the_bound() {
        let mut window = window();
        assert!(!window.has_room());
        let mut done = Vec::new();
        window.acknowledged(999, |p| done.push(p));
        assert_eq!(times(&done), [0_i64; 0]);
        window.acknowledged(10_000, |p| done.push(p));
        assert_eq!(times(&done), [1]);
        assert!(window.has_room());
    }

    #[test]
    fn what_is_left_is_taken_back_in_order() {
        let mut window = window();
        window.mark(1, 2_000, Instant::now());
        window.echoed(1, drop);
        assert_eq!(times(&window.take_back().collect::<Vec<_>>()), (3..=10).collect::<Vec<_>>());
        assert!(window.is_empty() && window.bytes() == 0 && window.unanswered_since().is_none());
    }

    #[test]
    fn a_window_of_nothing_keeps_nothing_and_never_blocks() {
        let mut window = Unacked::new(0);
        assert_eq!(window.push(1, parcel(1)), Some(parcel(1)));
        assert!(window.has_room() && window.is_empty());
    }

    #[test]
    fn a_mark_is_due_behind_the_first_pack_and_then_ever_more_rarely() {
        let mut window = Unacked::new(80_000);
        let mut marks = Vec::new();
        for n in 1..=70 {
            window.push(n, parcel(n as i64));
            if window.wants_mark() {
                window.mark(n as i64, n, Instant::now());
                marks.push(n);
            }
        }
        assert_eq!(marks, [1, 3, 7, 15, 26, 37, 48, 59, 70]);
    }

    #[test]
    fn marks_of_a_silent_server_are_bounded() {
        let mut window = Unacked::new(1_000);
        (0..1_000).for_each(|n| window.mark(n, 0, Instant::now()));
        assert_eq!(window.marks.len(), MAX_MARKS);
    }
}
