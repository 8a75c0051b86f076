//! Cost against the number of targets, and against the series of each.

use crate::Outcome;
use crate::arguments::Arguments;
use crate::limits;
use crate::load::{Cost, Load};
use crate::report;
use crate::svg::{Line, Panel, picture};
use std::fs;
use std::path::Path;
use std::time::Duration;

const INTERVAL: Duration = Duration::from_secs(10);
/// Targets, of [`FEW_SERIES`] series each.
const TARGETS: [usize; 4] = [10, 100, 1_000, 5_000];
const FEW_SERIES: usize = 100;
/// Series of each of [`FEW_TARGETS`] targets.
const SERIES: [usize; 4] = [100, 1_000, 10_000, 100_000];
const FEW_TARGETS: usize = 10;

/// Measures both lines, prints the table and draws the picture where one is wanted.
pub fn run(arguments: &Arguments) -> Outcome<()> {
    // told now, not after minutes
    limits::check(TARGETS[TARGETS.len() - 1])?;
    if let Some(folder) = arguments.svg.as_deref().and_then(Path::parent) {
        fs::create_dir_all(folder).map_err(|error| format!("the picture's folder {}: {error}", folder.display()))?;
    }
    let more_targets = TARGETS.map(|targets| Load::new(targets, FEW_SERIES, INTERVAL));
    // the lines begin at the same load, which is measured once
    let more_series = SERIES[1..].iter().map(|series| Load::new(FEW_TARGETS, *series, INTERVAL));
    let costs = report::all(&more_targets.into_iter().chain(more_series).collect::<Vec<_>>(), arguments)?;
    report::print_table(&costs);
    arguments.svg.as_deref().map_or(Ok(()), |path| draw(path, &costs))
}

fn draw(path: &Path, costs: &[Cost]) -> Outcome<()> {
    let (targets, series) = costs.split_at(TARGETS.len());
    let series: Vec<&Cost> = targets.iter().take(1).chain(series).collect();
    let lines = |value: fn(&Cost) -> f64| {
        let point = move |cost: &Cost| ((cost.load.targets * cost.load.series) as f64, value(cost));
        vec![
            Line {
                name: format!("more targets, {FEW_SERIES} series each"),
                points: targets.iter().map(point).collect(),
            },
            Line {
                name: format!("more series, {FEW_TARGETS} targets"),
                points: series.iter().map(|cost| point(cost)).collect(),
            },
        ]
    };
    let panels = [
        Panel { title: "CPU seconds per million samples", lines: lines(Cost::cpu_per_million) },
        Panel { title: "Resident memory, MiB", lines: lines(Cost::rss_mib) },
    ];
    fs::write(path, picture("series of all targets, scraped every 10 s", &panels))
        .map_err(|error| format!("the picture {}: {error}", path.display()))?;
    println!("\n{} is drawn", path.display());
    Ok(())
}
