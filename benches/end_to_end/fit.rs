//! Memory as a formula: a base, a part for each target, a part for each series.

use crate::Outcome;
use crate::arguments::Arguments;
use crate::least_squares;
use crate::load::{Cost, Load};
use crate::report;
use std::time::Duration;

const TARGETS: [usize; 3] = [20, 100, 200];
const SERIES: [usize; 3] = [50, 200, 500];

/// Measures a grid of loads and prints the formula with its largest error.
pub fn run(arguments: &Arguments) -> Outcome<()> {
    let load = |targets, series| Load {
        window: Duration::from_secs(10),
        ..Load::new(targets, series, Duration::from_secs(2))
    };
    let grid: Vec<_> = TARGETS.iter().flat_map(|targets| SERIES.map(|series| load(*targets, series))).collect();
    let costs = report::all(&grid, arguments)?;
    report::print_table(&costs);
    let rows: Vec<_> = costs.iter().map(|cost| (inputs(cost), cost.usage.rss as f64)).collect();
    let formula = least_squares::solve(&rows).ok_or("the grid does not tell targets from series")?;
    let error = |(x, rss): &([f64; 3], f64)| (x.iter().zip(formula).map(|(x, c)| x * c).sum::<f64>() - rss).abs();
    let worst = rows.iter().map(error).fold(0.0, f64::max);
    let [base, target, series] = formula;
    println!(
        "\nRSS = {:.2} MiB + {target:.2} KiB x targets + {:.1} B x series; off by {:.2} MiB at most",
        base / 1024.0,
        series * 1024.0,
        worst / 1024.0
    );
    Ok(())
}

/// What the memory depends on: always, targets, series of all targets.
fn inputs(cost: &Cost) -> [f64; 3] {
    let Load { targets, series, .. } = cost.load;
    [1.0, targets as f64, (targets * series) as f64]
}
