//! Costs as lines for people and as rows of a Markdown table.

use crate::Outcome;
use crate::arguments::Arguments;
use crate::load::{Cost, Load, measure};
use openagent::duration;

/// Measures loads one after the other and prints a line for each.
pub fn run(loads: &[Load], arguments: &Arguments) -> Outcome<()> {
    let costs = all(loads, arguments)?;
    if arguments.table || loads.len() > 1 {
        print_table(&costs);
    }
    Ok(())
}

/// Measures loads one after the other and prints a line for each as it comes.
pub fn all(loads: &[Load], arguments: &Arguments) -> Outcome<Vec<Cost>> {
    println!("{}: processor seconds are those of this machine", arguments.bin.display());
    let measured = loads.iter().map(|load| {
        let cost = measure(&arguments.adapt(load), &arguments.bin)?;
        println!("{}", line(&cost));
        Ok(cost)
    });
    measured.collect()
}

/// A cost in one line.
pub fn line(cost: &Cost) -> String {
    let Load { targets, series, interval, .. } = cost.load;
    let (sent, cores) = (cost.sent / cost.samples.max(1) as f64, cost.cpu / cost.seconds);
    format!(
        "targets={targets} series={series} interval={} scrapes={} (expected {:.0}) samples={} cpu={:.2}s cpu/M={:.3}s \
         cores={cores:.3} rss={:.1}MiB peak={:.1}MiB threads={} fds={} late p50<={} p99<={} max<={} missed={} failed={} \
         sent={sent:.1}B/sample",
        duration::format(interval),
        cost.scrapes,
        cost.expected,
        count(cost.samples),
        cost.cpu,
        cost.cpu_per_million(),
        cost.rss_mib(),
        cost.peak_mib(),
        cost.usage.threads,
        cost.usage.fds,
        time(cost.lateness.quantile(0.5)),
        time(cost.lateness.quantile(0.99)),
        time(cost.lateness.quantile(1.0)),
        cost.missed,
        cost.failed,
    )
}

/// Costs as a Markdown table.
pub fn print_table(costs: &[Cost]) {
    println!(
        "\n| targets | series each | interval | CPU s per M samples | cores | RSS MiB | peak MiB | late p99 | sent B/sample |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for cost in costs {
        println!(
            "| {} | {} | {} | {:.3} | {:.3} | {:.1} | {:.1} | {} | {:.1} |",
            cost.load.targets,
            cost.load.series,
            duration::format(cost.load.interval),
            cost.cpu_per_million(),
            cost.cpu / cost.seconds,
            cost.rss_mib(),
            cost.peak_mib(),
            time(cost.lateness.quantile(0.99)),
            cost.sent / cost.samples.max(1) as f64,
        );
    }
}

/// The bound of a bucket, for people.
pub fn time(seconds: f64) -> String {
    if seconds.is_infinite() { "inf".to_owned() } else { format!("{}ms", (seconds * 1e3).round()) }
}

/// A number of samples.
fn count(samples: u64) -> String {
    match samples {
        0..100_000 => samples.to_string(),
        _ => format!("{:.2}M", samples as f64 / 1e6),
    }
}
