//! Hot paths allocate nothing in their steady state: one test binary with an allocator that counts.
//!
//! Each module pins one hot path; [`allocations`] counts those of the calling thread alone, so tests run in parallel.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

mod alloc {
    pub mod relabel;
    pub mod scrape;
}

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count_one() {
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every call is handed to the system's allocator unchanged; the counting beside it allocates nothing.
#[allow(unsafe_code, reason = "a global allocator cannot be written without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count_one();
        // SAFETY: the caller's promises are passed on as they are.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above; what is freed came from the system's allocator.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count_one();
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, new_size) }
    }
}

/// How often the calling thread allocates or grows memory while `work` runs.
pub fn allocations(work: impl FnOnce()) -> u64 {
    let before = COUNT.with(Cell::get);
    work();
    COUNT.with(Cell::get) - before
}
