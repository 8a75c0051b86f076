//! The last lines of a stream, in bounded memory.

/// Bytes kept.
const KEPT: usize = 4 << 10;

/// Lines told.
const LINES: usize = 20;

/// The end of what was written.
#[derive(Debug, Default)]
pub(super) struct Tail {
    bytes: Vec<u8>,
}

impl Tail {
    /// Appends; what is more than [`KEPT`] bytes back is forgotten.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes.get(bytes.len().saturating_sub(KEPT)..).unwrap_or_default());
        let surplus = self.bytes.len().saturating_sub(KEPT);
        self.bytes.drain(..surplus);
    }

    /// The last lines, oldest first, without empty ones.
    pub(super) fn lines(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.bytes);
        let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        lines.iter().skip(lines.len().saturating_sub(LINES)).map(|&line| line.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_stay() {
        let mut tail = Tail::default();
        for i in 0..1_000 {
            tail.push(format!("line {i}\n\n").as_bytes());
        }
        let lines = tail.lines();
        assert_eq!(lines.len(), LINES);
        assert_eq!((lines[0].as_str(), lines[LINES - 1].as_str()), ("line 980", "line 999"));
    }

    #[test]
    fn memory_is_bounded_and_broken_text_is_borne() {
        let mut tail = Tail::default();
        tail.push(&[0xff; 100_000]);
        tail.push(b"\xea\xb0");
        assert!(tail.bytes.len() <= KEPT && tail.bytes.capacity() <= 4 * KEPT);
        assert_eq!(tail.lines().len(), 1);
        assert!(Tail::default().lines().is_empty());
    }
}
