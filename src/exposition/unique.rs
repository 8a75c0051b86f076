//! Whether a label's name stands twice: in a text line and in a protobuf metric alike.

use crate::labels::LabelView;

/// Whether two labels have the same name; the first `known` ones have not. `order` is scratch memory.
#[inline]
pub(super) fn has_twice(labels: LabelView<'_>, known: usize, order: &mut Vec<u32>) -> bool {
    const FEW: usize = 16;
    if labels.len() > FEW {
        return many_twice(labels, order);
    }
    (known.max(1)..labels.len()).any(|i| (0..i).any(|j| has_same_name(labels, i, j)))
}

/// Most names differ in length, which is known without reading them.
#[inline]
fn has_same_name(labels: LabelView<'_>, i: usize, j: usize) -> bool {
    labels.name_len(i) == labels.name_len(j) && labels.name_at(i) == labels.name_at(j)
}

/// Whether a label has that name.
#[inline]
pub(super) fn has_name(labels: LabelView<'_>, name: &str) -> bool {
    (0..labels.len()).any(|i| is_named(labels, i, name))
}

/// Whether the label at a position has that name.
#[inline]
pub(super) fn is_named(labels: LabelView<'_>, i: usize, name: &str) -> bool {
    labels.name_len(i) == name.len() && labels.name_at(i) == name
}

#[cold]
fn many_twice(labels: LabelView<'_>, order: &mut Vec<u32>) -> bool {
    order.clear();
    order.extend(0..labels.len() as u32);
    order.sort_unstable_by(|a, b| labels.name_at(*a as usize).cmp(labels.name_at(*b as usize)));
    order.windows(2).any(|pair| labels.name_at(pair[0] as usize) == labels.name_at(pair[1] as usize))
}
