//! Parsing takes no memory per sample: a body ten times as long makes as many allocations as the short one.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod counting {
    #![allow(unsafe_code, reason = "an allocator cannot be written without it")]

    use std::alloc::{GlobalAlloc, Layout, System};
    use std::cell::Cell;

    thread_local! {
        static COUNT: Cell<u64> = const { Cell::new(0) };
    }

    /// Counts the allocations of each thread.
    struct Counting;

    // SAFETY: every call goes to the system's allocator unchanged.
    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            COUNT.with(|count| count.set(count.get() + 1));
            // SAFETY: the caller's promise, passed on.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
            // SAFETY: the caller's promise, passed on.
            unsafe { System.dealloc(pointer, layout) }
        }

        unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            COUNT.with(|count| count.set(count.get() + 1));
            // SAFETY: the caller's promise, passed on.
            unsafe { System.realloc(pointer, layout, size) }
        }
    }

    #[global_allocator]
    static ALLOCATOR: Counting = Counting;

    /// Allocations of this thread so far.
    pub fn count() -> u64 {
        COUNT.with(Cell::get)
    }
}

#[path = "../benches/bodies.rs"]
mod bodies;

use openagent::exposition::{Flow, Format, Options, Parser, Sample, Sink, Window, pump};

#[derive(Default)]
struct Sum {
    samples: u64,
    bytes: usize,
}

impl Sink for Sum {
    fn sample(&mut self, sample: &Sample<'_>) -> Flow {
        self.samples += 1;
        self.bytes += sample.labels.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        Flow::Continue(())
    }
}

/// Allocations that a body makes on a parser and a window that have seen one.
fn allocations(format: Format, body: &[u8]) -> (u64, u64) {
    let mut parser = Parser::new(format, Options::default());
    let mut window = Window::default();
    pump(&mut &body[..], &mut window, &mut parser, &mut Sum::default()).unwrap();
    let before = counting::count();
    let mut sum = Sum::default();
    pump(&mut &body[..], &mut window, &mut parser, &mut sum).unwrap();
    (counting::count() - before, sum.samples)
}

#[test]
fn text_makes_none() {
    let body = bodies::node_exporter(64, 32) + "esc{x=\"a\\\\b\\n\"} 1\n# HELP esc \\\\ \\n\n";
    let (count, samples) = allocations(Format::Text, body.as_bytes());
    assert!(samples > 1000);
    assert_eq!(count, 0);
}

#[test]
fn openmetrics_makes_none() {
    let (count, samples) = allocations(Format::OpenMetrics, bodies::openmetrics(256).as_bytes());
    assert!(samples > 1000);
    assert_eq!(count, 0);
}

#[test]
fn protobuf_makes_none() {
    let (count, samples) = allocations(Format::Protobuf, &bodies::protobuf(64));
    assert!(samples > 1000);
    assert_eq!(count, 0);
}
