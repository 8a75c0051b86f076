//! The way from the scrapers to the sender: a queue bounded by bytes that never lets a scraper wait.
//!
//! # Invariants
//! - [`Queue::push`] takes no lock and waits for nobody: whoever passes the bound takes the oldest messages out itself.
//! - After a push at most the bound is queued. The oldest goes first, and each is counted with its reason.
//! - A message larger than the whole bound is given up alone; what was queued stays.

use super::batch::Batch;
use super::drops::{DropReason, Drops};
use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded, unbounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

/// Replies that may wait for one session; the server asks one thing at a time.
const REPLIES: usize = 64;

/// A handle to the queue; clones share it.
#[derive(Debug, Clone)]
pub struct Queue(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tx: Sender<Batch>,
    rx: Receiver<Batch>,
    /// Added before a message enters, taken off after it left: never below what is queued.
    bytes: AtomicUsize,
    bound: AtomicUsize,
    /// Time of the message taken out last, or of the first one in an empty queue: the oldest is no older.
    oldest_ms: AtomicI64,
    closed: AtomicBool,
    /// Holds one token while more than half of the bound is queued and nobody has looked.
    pressure: (Sender<()>, Receiver<()>),
    replies: (Sender<Batch>, Receiver<Batch>),
    drops: Arc<Drops>,
}

impl Queue {
    /// An empty queue of at most `bound` bytes.
    pub(super) fn new(bound: usize, drops: Arc<Drops>) -> Self {
        let (tx, rx) = unbounded();
        Self(Arc::new(Inner {
            tx,
            rx,
            bytes: AtomicUsize::new(0),
            bound: AtomicUsize::new(bound),
            oldest_ms: AtomicI64::new(0),
            closed: AtomicBool::new(false),
            pressure: bounded(1),
            replies: bounded(REPLIES),
            drops,
        }))
    }

    /// Hands a message over; never waits. What doesn't fit drops the oldest, counted.
    pub fn push(&self, batch: Batch) {
        let inner = &*self.0;
        if batch.packs.is_empty() {
            return;
        }
        let (weight, bound) = (batch.weight(), inner.bound.load(Ordering::Relaxed));
        if weight > bound {
            inner.drops.batch(DropReason::BatchTooLarge, &batch);
            return;
        }
        let queued = inner.bytes.fetch_add(weight, Ordering::AcqRel) + weight;
        if queued == weight {
            inner.oldest_ms.store(batch.time_ms, Ordering::Relaxed);
        }
        // cannot fail: this handle owns a receiver
        let _ = inner.tx.send(batch);
        if inner.closed.load(Ordering::Acquire) {
            self.shed(0, DropReason::Shutdown);
        } else if queued > bound {
            self.shed(bound, DropReason::QueueFull);
        }
        if queued > bound / 2 {
            let _ = inner.pressure.0.try_send(());
        }
    }

    /// Hands over the reply to a command: goes out before everything queued, and only to the session that asked.
    pub fn reply(&self, batch: Batch) {
        if let Err(refused) = self.0.replies.0.try_send(batch) {
            self.0.drops.batch(DropReason::ReplyLate, &refused.into_inner());
        }
    }

    /// Bytes queued now.
    pub fn bytes(&self) -> usize {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// Time of the oldest message, Unix milliseconds, one message early at most; `None` when nothing is queued.
    pub fn oldest_ms(&self) -> Option<i64> {
        (self.bytes() > 0).then(|| self.0.oldest_ms.load(Ordering::Relaxed))
    }

    /// Whether more than half of the bound is queued.
    pub(super) fn is_pressed(&self) -> bool {
        self.bytes() > self.0.bound.load(Ordering::Relaxed) / 2
    }

    /// Changes the bound; a smaller one drops the oldest at once.
    pub(super) fn rebound(&self, bound: usize) {
        self.0.bound.store(bound, Ordering::Relaxed);
        self.shed(bound, DropReason::QueueFull);
    }

    /// The oldest message, if any.
    pub(super) fn pop(&self) -> Option<Batch> {
        let batch = self.0.rx.try_recv().ok()?;
        self.taken(&batch);
        Some(batch)
    }

    /// The queue as a channel to wait on; each message taken is told to [`Queue::taken`].
    pub(super) fn receiver(&self) -> &Receiver<Batch> {
        &self.0.rx
    }

    /// Takes a message that came through [`Queue::receiver`] off the account.
    pub(super) fn taken(&self, batch: &Batch) {
        self.0.oldest_ms.store(batch.time_ms, Ordering::Relaxed);
        self.0.bytes.fetch_sub(batch.weight(), Ordering::AcqRel);
    }

    /// Replies that wait.
    pub(super) fn replies(&self) -> &Receiver<Batch> {
        &self.0.replies.1
    }

    /// Gets a token when the queue has passed half of its bound.
    pub(super) fn pressure(&self) -> &Receiver<()> {
        &self.0.pressure.1
    }

    /// From now on what is pushed is dropped, counted as lost to the shutdown.
    pub(super) fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
    }

    /// Drops the oldest until at most `bound` bytes are queued.
    pub(super) fn shed(&self, bound: usize, reason: DropReason) {
        while self.0.bytes.load(Ordering::Acquire) > bound {
            match self.0.rx.try_recv() {
                Ok(oldest) => {
                    self.taken(&oldest);
                    self.0.drops.batch(reason, &oldest);
                }
                // another thread took it, or has counted its message and not yet sent it: that one will shed
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::pack::EncodedPack;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    fn batch(number: i64, bytes: usize) -> Batch {
        Batch { time_ms: number, packs: vec![EncodedPack { pack_type: 1, body: vec![0; bytes], records: 1 }] }
    }

    fn queue(bound: usize) -> (Queue, Arc<Drops>) {
        let drops = Arc::new(Drops::default());
        (Queue::new(bound, Arc::clone(&drops)), drops)
    }

    #[test]
    fn one_oversized_message_goes_alone_and_the_queue_works_on() {
        let (queue, drops) = queue(10_000);
        queue.push(batch(1, 100));
        queue.push(batch(2, 20_000));
        queue.push(batch(3, 100));
        assert_eq!(drops.packs(DropReason::BatchTooLarge), 1);
        assert_eq!([queue.pop().unwrap().time_ms, queue.pop().unwrap().time_ms], [1, 3]);
        assert_eq!((queue.pop(), queue.bytes()), (None, 0));
    }

    #[test]
    fn a_closed_queue_counts_what_comes_late() {
        let (queue, drops) = queue(10_000);
        queue.close();
        queue.push(batch(1, 10));
        assert_eq!((drops.packs(DropReason::Shutdown), queue.bytes()), (1, 0));
    }

    #[test]
    fn pressure_is_told_past_half_of_the_bound() {
        let (queue, _) = queue(1_000);
        queue.push(batch(1, 100));
        assert!(queue.pressure().try_recv().is_err());
        queue.push(batch(2, 300));
        assert!(queue.is_pressed() && queue.pressure().try_recv().is_ok());
    }

    #[test]
    fn too_many_replies_are_refused_and_counted() {
        let (queue, drops) = queue(1_000);
        (0..70).for_each(|n| queue.reply(batch(n, 1)));
        assert_eq!((queue.replies().len(), drops.packs(DropReason::ReplyLate)), (64, 6));
    }

    #[test]
    fn many_pushers_lose_nothing_uncounted_and_keep_the_bound() {
        let bound = 50_000;
        let (queue, drops) = queue(bound);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..5_000).for_each(|n| queue.push(batch(n, 200))));
            }
        });
        let left = std::iter::from_fn(|| queue.pop()).map(|batch| batch.weight()).collect::<Vec<_>>();
        assert!(left.iter().sum::<usize>() <= bound);
        assert_eq!(left.len() as u64 + drops.packs(DropReason::QueueFull), 20_000);
        assert_eq!(queue.bytes(), 0);
    }

    proptest! {
        #[test]
        fn keeps_the_newest_that_fit_as_a_plain_list_does(sizes in prop::collection::vec(0_usize..3_000, 0..60)) {
            let bound = 8_000;
            let (queue, _) = queue(bound);
            let mut model = VecDeque::new();
            for (number, size) in sizes.into_iter().enumerate() {
                let batch = batch(number as i64, size);
                model.push_back(batch.clone());
                queue.push(batch);
                while model.iter().map(Batch::weight).sum::<usize>() > bound {
                    model.pop_front();
                }
            }
            prop_assert_eq!(std::iter::from_fn(|| queue.pop()).collect::<VecDeque<_>>(), model);
        }
    }
}
