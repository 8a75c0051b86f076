//! How far two texts are the same from their beginning: lines of an exposition and records of a pack look much like the
//! ones before them.

/// How many bytes both begin with.
#[inline]
pub fn common(one: &[u8], other: &[u8]) -> usize {
    const WIDE: usize = 32;
    let most = one.len().min(other.len());
    let (one, other) = (&one[..most], &other[..most]);
    let wide = one.as_chunks::<WIDE>().0.iter().zip(other.as_chunks::<WIDE>().0);
    let mut at = wide.take_while(|(a, b)| a == b).count() * WIDE;
    let words = one[at..].as_chunks::<8>().0.iter().zip(other[at..].as_chunks::<8>().0);
    for (a, b) in words {
        let different = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if different != 0 {
            return at + different.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + one[at..].iter().zip(&other[at..]).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_found_wherever_it_stands() {
        for length in 0..100 {
            let one = vec![7; length];
            assert_eq!(common(&one, &[7; 64]), length.min(64));
            for at in 0..length {
                let mut other = one.clone();
                other[at] = 6;
                assert_eq!(common(&one, &other), at, "{at} of {length}");
            }
        }
    }
}
