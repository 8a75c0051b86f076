//! The jobs of a lane: handed out first come first served, to the worker that fell idle last.
//!
//! That worker's stack, buffers and caches are the warmest; while scrapes don't overlap one thread does them all. A
//! channel would wake its receivers in turn, and has them spin before they sleep.
//!
//! # Invariants
//! - A job pushed before [`Jobs::close`] is taken by some worker.
//! - A worker is among the idle ones exactly while it sleeps or is about to.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

/// A queue of jobs and the workers that wait for them.
#[derive(Debug)]
pub(super) struct Jobs<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<T>,
    idle: Vec<Thread>,
    closed: bool,
}

impl<T> Default for Jobs<T> {
    fn default() -> Self {
        Self(Mutex::new(State { waiting: VecDeque::new(), idle: Vec::new(), closed: false }))
    }
}

impl<T> Jobs<T> {
    /// Hands a job over; never waits for a worker.
    pub fn push(&self, job: T) {
        let worker = {
            let mut state = self.lock();
            state.waiting.push_back(job);
            state.idle.pop()
        };
        if let Some(worker) = worker {
            worker.unpark();
        }
    }

    /// The next job, waited for; `None` once the queue is closed and empty.
    pub fn next(&self) -> Option<T> {
        let me = thread::current();
        loop {
            {
                let mut state = self.lock();
                // a sleep may end without anybody having ended it
                state.idle.retain(|idle| idle.id() != me.id());
                if let Some(job) = state.waiting.pop_front() {
                    return Some(job);
                }
                if state.closed {
                    return None;
                }
                state.idle.push(me.clone());
            }
            thread::park();
        }
    }

    /// No more jobs come; workers leave when those waiting are taken.
    pub fn close(&self) {
        let idle = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.idle)
        };
        idle.iter().for_each(Thread::unpark);
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, Instant};

    #[test]
    fn every_job_is_taken_once_whoever_pushes_and_whoever_takes() {
        let (jobs, sum, taken) = (Jobs::default(), AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        while let Some(job) = jobs.next() {
                            sum.fetch_add(job, Ordering::Relaxed);
                            taken.fetch_add(1, Ordering::Relaxed);
                        }
                    })
                })
                .collect();
            let pushers: Vec<_> =
                (0..3).map(|_| scope.spawn(|| (1..=2_000_u64).for_each(|job| jobs.push(job)))).collect();
            pushers.into_iter().for_each(|pusher| pusher.join().unwrap());
            jobs.close();
            workers.into_iter().for_each(|worker| worker.join().unwrap());
        });
        assert_eq!((taken.into_inner(), sum.into_inner()), (6_000, 3 * 2_000 * 2_001 / 2));
    }

    #[test]
    fn the_worker_that_fell_idle_last_is_woken_first() {
        let jobs = Jobs::default();
        let (done, answers) = crossbeam_channel::unbounded();
        let idle = |count: usize| {
            let deadline = Instant::now() + Duration::from_secs(10);
            while jobs.lock().idle.len() != count {
                assert!(Instant::now() < deadline, "the workers never fell idle");
                thread::yield_now();
            }
        };
        thread::scope(|scope| {
            for count in 1..=3 {
                let done = done.clone();
                let jobs = &jobs;
                scope.spawn(move || {
                    while let Some(job) = jobs.next() {
                        done.send((count, job)).unwrap();
                    }
                });
                idle(count);
            }
            for job in 0..5 {
                jobs.push(job);
                assert_eq!(answers.recv().unwrap(), (3, job));
                idle(3);
            }
            jobs.close();
        });
    }
}
