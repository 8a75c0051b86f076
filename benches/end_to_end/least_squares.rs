//! Least squares: the coefficients that come nearest to what was measured.

/// The `N` coefficients `c` for which the sum over all rows of (c·x − y)² is least; `None` when the rows do not tell
/// them apart.
pub fn solve<const N: usize>(rows: &[([f64; N], f64)]) -> Option<[f64; N]> {
    let mut matrix = [[0.0; N]; N];
    let mut right = [0.0; N];
    for (x, y) in rows {
        for i in 0..N {
            right[i] += x[i] * y;
            for j in 0..N {
                matrix[i][j] += x[i] * x[j];
            }
        }
    }
    eliminate(matrix, right)
}

/// The slope of values over time.
pub fn slope(points: impl IntoIterator<Item = (f64, f64)>) -> Option<f64> {
    let rows: Vec<_> = points.into_iter().map(|(x, y)| ([1.0, x], y)).collect();
    solve(&rows).map(|[_, slope]| slope)
}

/// Gauss' elimination with the largest pivot of each column.
fn eliminate<const N: usize>(mut matrix: [[f64; N]; N], mut right: [f64; N]) -> Option<[f64; N]> {
    for column in 0..N {
        let pivot = (column..N).max_by(|a, b| matrix[*a][column].abs().total_cmp(&matrix[*b][column].abs()))?;
        if matrix[pivot][column].abs() < 1e-9 {
            return None;
        }
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        for row in (0..N).filter(|row| *row != column) {
            let factor = matrix[row][column] / matrix[column][column];
            let above = matrix[column];
            matrix[row].iter_mut().zip(above).for_each(|(cell, above)| *cell -= factor * above);
            right[row] -= factor * right[column];
        }
    }
    Some(std::array::from_fn(|i| right[i] / matrix[i][i]))
}
