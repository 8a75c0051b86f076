//! The two buffers of a connection: empty while it is idle, small for small answers, 32 KiB at most.
//!
//! `ureq`'s own are 128 KiB each and live as long as the connection: a thousand idle targets would hold 256 MB.

use ureq::unversioned::transport::Buffers;

/// Input bytes of a connection that has just begun to answer.
const INPUT_MIN: usize = 4 << 10;
/// Input bytes at most; the head of an answer must fit in.
pub(super) const INPUT_MAX: usize = 32 << 10;
/// Output bytes: the longest header line (a token, a URL with parameters) must fit in.
const OUTPUT: usize = 32 << 10;
/// What `ureq` needs beside the output to send a request's body.
const SCRATCH: usize = 10 << 10;

/// Buffers that are there only while they are used.
#[derive(Debug, Default)]
pub(super) struct Window {
    input: Vec<u8>,
    consumed: usize,
    filled: usize,
    output: Vec<u8>,
    /// Whether the last look at the input took anything; if not, more must come before another look.
    progress: bool,
    /// Whether the last read filled the buffer: the answer is large, so the next read may be larger.
    brimful: bool,
}

impl Window {
    /// Gives the memory back; input that nobody consumed stays.
    pub(super) fn release(&mut self) {
        self.output = Vec::new();
        if self.consumed == self.filled {
            (self.consumed, self.filled) = (0, 0);
            self.input = Vec::new();
            self.brimful = false;
        }
    }

    /// The request is on its way: only the input is used from here on.
    pub(super) fn sent(&mut self) {
        self.output = Vec::new();
    }

    fn make_room(&mut self) {
        if self.consumed == self.filled {
            (self.consumed, self.filled) = (0, 0);
        } else if self.filled == self.input.len() && self.consumed > 0 {
            self.input.copy_within(self.consumed..self.filled, 0);
            (self.consumed, self.filled) = (0, self.filled - self.consumed);
        }
        let full = self.filled == self.input.len() || self.brimful;
        if full && self.input.len() < INPUT_MAX {
            let wanted = (self.input.len() * 2).clamp(INPUT_MIN, INPUT_MAX);
            if self.filled == 0 {
                self.input = vec![0; wanted]; // nothing is in it that would have to be carried over
            } else {
                self.input.resize(wanted, 0);
            }
        }
        self.brimful = false;
    }
}

impl Buffers for Window {
    fn output(&mut self) -> &mut [u8] {
        self.output.resize(OUTPUT, 0);
        &mut self.output
    }

    fn input(&self) -> &[u8] {
        &self.input[self.consumed..self.filled]
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        self.make_room();
        &mut self.input[self.filled..]
    }

    fn input_appended(&mut self, amount: usize) {
        self.filled += amount;
        self.brimful = self.filled == self.input.len();
    }

    fn input_consume(&mut self, amount: usize) {
        self.progress = amount > 0;
        self.consumed += amount;
        assert!(self.consumed <= self.filled, "no more is consumed than there was");
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        self.output.resize(OUTPUT, 0);
        if self.input.len() - self.filled < SCRATCH {
            self.input.resize(self.filled + SCRATCH, 0);
        }
        (&mut self.input[self.filled..], &mut self.output)
    }

    fn can_use_input(&self) -> bool {
        self.consumed < self.filled && self.progress
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(window: &mut Window, bytes: usize) -> usize {
        let room = window.input_append_buf().len();
        window.input_appended(bytes.min(room));
        room
    }

    #[test]
    fn grows_with_a_large_answer_and_no_further_than_its_bound() {
        let mut window = Window::default();
        let mut rooms = Vec::new();
        for _ in 0..6 {
            rooms.push(append(&mut window, usize::MAX));
            let taken = window.input().len();
            window.input_consume(taken);
        }
        assert_eq!(rooms, [4 << 10, 8 << 10, 16 << 10, 32 << 10, 32 << 10, 32 << 10]);
    }

    #[test]
    fn stays_small_with_a_small_answer() {
        let mut window = Window::default();
        for _ in 0..5 {
            assert_eq!(append(&mut window, 100), 4 << 10);
            window.input_consume(100);
        }
    }

    #[test]
    fn an_unconsumed_head_grows_to_the_bound_and_then_has_no_room() {
        let mut window = Window::default();
        let mut total = 0;
        while total < INPUT_MAX {
            total += append(&mut window, usize::MAX);
            window.input_consume(0);
            assert!(!window.can_use_input());
        }
        assert_eq!((total, window.input_append_buf().len()), (INPUT_MAX, 0));
    }

    #[test]
    fn what_was_not_consumed_is_moved_to_the_front_intact() {
        let mut window = Window::default();
        let room = window.input_append_buf();
        for (i, byte) in room.iter_mut().enumerate() {
            *byte = i as u8;
        }
        window.input_appended(4 << 10);
        window.input_consume((4 << 10) - 3);
        let _ = append(&mut window, 1);
        assert_eq!(&window.input()[..3], &[253, 254, 255]);
    }

    #[test]
    fn idle_means_no_memory() {
        let mut window = Window::default();
        let _ = window.output();
        append(&mut window, 5);
        window.release();
        assert_eq!((window.input().len(), window.output.capacity()), (5, 0));
        window.input_consume(5);
        window.release();
        assert_eq!((window.input.capacity(), window.output.capacity()), (0, 0));
    }
}
