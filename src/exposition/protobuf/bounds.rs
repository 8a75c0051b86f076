//! Label values of `le` and `quantile`, written as Prometheus writes them when it reads protobuf: Go's shortest `%g`
//! with `.0` behind whole numbers.
//!
//! # Invariants
//! - Metrics of one family share their bounds, so each bound is written once a family, not once a metric.

use crate::labels::{LabelSpan, Span};
use std::fmt::Write as _;

/// The bounds written so far, and the label names they belong to.
#[derive(Debug)]
pub(super) struct Bounds {
    text: String,
    spans: Vec<(u64, Span)>,
}

/// Which label a bound is the value of.
#[derive(Debug, Clone, Copy)]
pub(super) enum BoundLabel {
    Le,
    Quantile,
}

const NAMES: &str = "lequantile";

impl Default for Bounds {
    fn default() -> Self {
        Self { text: NAMES.to_owned(), spans: Vec::new() }
    }
}

impl Bounds {
    /// Forgets the last family's bounds.
    pub fn clear(&mut self) {
        self.text.truncate(NAMES.len());
        self.spans.clear();
    }

    /// The text that the spans of [`Bounds::label`] lie in.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The label of the bound at `index` of its metric.
    pub fn label(&mut self, label: BoundLabel, index: usize, bound: f64) -> LabelSpan {
        let name = match label {
            BoundLabel::Le => Span::scratch(0, 2),
            BoundLabel::Quantile => Span::scratch(2, NAMES.len()),
        };
        LabelSpan { name, value: self.value(index, bound) }
    }

    fn value(&mut self, index: usize, bound: f64) -> Span {
        match self.spans.get(index) {
            Some((bits, span)) if *bits == bound.to_bits() => *span,
            _ => self.write(index, bound),
        }
    }

    #[cold]
    fn write(&mut self, index: usize, bound: f64) -> Span {
        // Bounds after a changed one belong to another shape of metric; their text goes with the next family.
        if self.text.len() > 64 * 1024 {
            self.clear(); // a family whose every metric has other bounds
        }
        self.spans.truncate(index);
        while self.spans.len() < index {
            self.spans.push((f64::NAN.to_bits() ^ 1, Span::default()));
        }
        let start = self.text.len();
        write_bound(bound, &mut self.text);
        let span = Span::scratch(start, self.text.len());
        self.spans.push((bound.to_bits(), span));
        span
    }
}

/// Appends a bound.
fn write_bound(bound: f64, out: &mut String) {
    if bound.is_nan() {
        return out.push_str("NaN");
    }
    if bound.is_infinite() {
        return out.push_str(if bound > 0.0 { "+Inf" } else { "-Inf" });
    }
    if bound == 0.0 {
        return out.push_str("0.0");
    }
    if !(1e-4..1e6).contains(&bound.abs()) {
        return write_exponent(bound, out);
    }
    let start = out.len();
    let _ = write!(out, "{bound}");
    if !out[start..].contains('.') {
        out.push_str(".0");
    }
}

/// Go writes a sign and at least two digits of exponent.
fn write_exponent(bound: f64, out: &mut String) {
    let start = out.len();
    let _ = write!(out, "{bound:e}");
    let mark = start + out[start..].find('e').map_or(0, |at| at + 1);
    let negative = out[mark..].starts_with('-');
    let digits = mark + usize::from(negative);
    if out.len() - digits == 1 {
        out.insert(digits, '0');
    }
    if !negative {
        out.insert(mark, '+');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::LabelView;

    #[test]
    fn bounds_read_as_go_writes_them() {
        for (bound, text) in [
            (0.0, "0.0"),
            (-0.0, "0.0"),
            (1.0, "1.0"),
            (-1.0, "-1.0"),
            (0.005, "0.005"),
            (2.5, "2.5"),
            (999_999.0, "999999.0"),
            (1e6, "1e+06"),
            (1_048_576.0, "1.048576e+06"),
            (1e-4, "0.0001"),
            (9.9e-5, "9.9e-05"),
            (1e100, "1e+100"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            let mut out = String::new();
            write_bound(bound, &mut out);
            assert_eq!(out, text);
        }
    }

    #[test]
    fn a_bound_is_written_once_and_again_when_it_changes() {
        let mut bounds = Bounds::default();
        let read = |bounds: &Bounds, span: LabelSpan| {
            LabelView::new("", bounds.text(), &[span]).iter().next().map(|(n, v)| format!("{n}={v}")).unwrap()
        };
        for (bound, written, length) in [(0.5, "le=0.5", 13), (0.5, "le=0.5", 13), (2.0, "le=2.0", 16)] {
            let span = bounds.label(BoundLabel::Le, 1, bound);
            assert_eq!(read(&bounds, span), written);
            assert_eq!(bounds.text().len(), length);
        }
        let span = bounds.label(BoundLabel::Quantile, 0, 0.99);
        assert_eq!(read(&bounds, span), "quantile=0.99");
    }
}
