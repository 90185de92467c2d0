//! What was measured, in tables for people.

mod table;
mod words;

use super::contender::Contender;
use super::row::{Row, What};
use super::tasks::Bench;
pub use table::figure;
use table::{Table, cell, count, percent};
pub use words::warnings;
use words::{compared, ratio, verdicts};

/// All tables that there are rows for.
pub fn text(bench: &Bench, markdown: bool) -> String {
    let tables =
        [ceilings(bench), steps(bench), profiles(bench), products(bench), kernels(bench), goals(bench)];
    let tables = tables.iter().filter(|table| !table.rows.is_empty());
    let machine = bench.contenders.iter().map(|who| machine(who, markdown)).collect::<Vec<_>>().join("\n");
    let tables = tables.map(|table| if markdown { table.markdown() } else { table.text() });
    std::iter::once(machine).chain(tables).collect::<Vec<_>>().join("\n\n")
}

fn machine(who: &Contender, markdown: bool) -> String {
    let note = if who.is_software() {
        "; a software adapter: its kernels run on the processor and tell nothing of a GPU"
    } else {
        ""
    };
    if markdown {
        format!("* `{}`: {}{note}", who.device, who.adapter)
    } else {
        format!("{:<10} {}{note}", who.device, who.adapter)
    }
}

fn ceilings(bench: &Bench) -> Table {
    type Value = fn(&Row) -> Option<f64>;
    let micros: Value = |row| row.median_ms.map(|ms| ms * 1e3);
    let lines: [(&str, &str, Value); 6] = [
        ("multiply-add", "multiply-adds in registers, GFLOP/s", |row| row.gflops),
        ("best dense product", "best dense product of the CPU engine, GFLOP/s", |row| row.gflops),
        ("copy", "copying, GB/s read and written", |row| row.gbytes_per_second),
        ("dispatch", "a further dispatch, µs", micros),
        ("submission and wait", "a submission and the wait for it, µs", micros),
        ("read-back of 256 bytes", "reading 256 bytes back, µs", micros),
    ];
    let devices: Vec<&str> = bench.contenders.iter().map(|who| who.device.as_str()).collect();
    let mut table = Table::new("What the machine can do at best", 1, &[&["ceiling"], &devices[..]].concat());
    for (variant, name, value) in lines {
        let of = |device: &&str| {
            let mut rows = bench.rows_of(What::Ceiling);
            let row = rows.find(|row| row.device == **device && row.variant.as_deref() == Some(variant));
            row.and_then(value)
        };
        let values: Vec<_> = devices.iter().map(of).collect();
        if values.iter().any(Option::is_some) {
            let cells = values.into_iter().map(|value| cell(value, figure));
            table.rows.push(std::iter::once(name.to_owned()).chain(cells).collect());
        }
    }
    table
}

fn steps(bench: &Bench) -> Table {
    let first = bench.contenders.first().map_or("", |who| who.device.as_str());
    let versus = format!("speed of {first}");
    let header = [
        "n:h:m",
        "device",
        "kernels",
        "ms",
        "quartiles",
        "best",
        "with J",
        "samples/s",
        "GFLOP/s",
        "of ceiling",
        versus.as_str(),
    ];
    let mut table = Table::new("Whole steps: forward, cost, backward, update", 3, &header);
    for row in bench.rows_of(What::Step) {
        let base = bench.rows_of(What::Step).find(|base| base.shape == row.shape && base.device == first);
        let speed = match base.filter(|_| row.device != first).and_then(|base| compared(row, base)) {
            Some(speed) => ratio(speed),
            None => "1".to_owned(),
        };
        let with_j = bench.rows_of(What::StepWithJ).find(|other| {
            other.shape == row.shape && other.device == row.device && other.variant == row.variant
        });
        let quartiles = row.q1_ms.zip(row.q3_ms).map(|(q1, q3)| format!("{}–{}", figure(q1), figure(q3)));
        table.rows.push(vec![
            shape(row),
            row.device.clone(),
            row.variant.clone().unwrap_or_default(),
            cell(row.median_ms, figure),
            quartiles.unwrap_or_default(),
            cell(row.best_ms, figure),
            cell(with_j.and_then(|row| row.median_ms), figure),
            cell(row.samples_per_second, count),
            cell(row.gflops, figure),
            cell(row.share_of_ceiling, percent),
            speed,
        ]);
    }
    if bench.contenders.len() < 2 {
        table.header.pop();
        table.rows.iter_mut().for_each(|row| {
            row.pop();
        });
    }
    table.notes = verdicts(bench);
    table
}

/// Shares of the kernels, a column a shape, for the first device that has a clock.
fn profiles(bench: &Bench) -> Table {
    let device = bench.rows_of(What::Profile).next().map_or("", |row| row.device.as_str());
    let rows: Vec<&Row> = bench.rows_of(What::Profile).filter(|row| row.device == device).collect();
    let (mut shapes, mut kernels) = (Vec::new(), Vec::new());
    for row in &rows {
        let (shape, kernel) = (shape(row), row.variant.as_deref().unwrap_or_default());
        if !shapes.contains(&shape) {
            shapes.push(shape);
        }
        if !kernels.contains(&kernel) {
            kernels.push(kernel);
        }
    }
    let columns: Vec<&str> = std::iter::once("kernel").chain(shapes.iter().map(String::as_str)).collect();
    let mut table = Table::new(format!("Where the time of a step goes on {device}"), 1, &columns);
    for kernel in kernels {
        let share = |of: &String| {
            let row = rows.iter().find(|row| shape(row) == *of && row.variant.as_deref() == Some(kernel));
            cell(row.and_then(|row| row.share_of_step), percent)
        };
        table.rows.push(std::iter::once(kernel.to_owned()).chain(shapes.iter().map(share)).collect());
    }
    table
}

fn products(bench: &Bench) -> Table {
    let header = ["n:h:m", "device", "product", "ms", "best", "GFLOP/s", "of ceiling"];
    let mut table = Table::new("Products of a step, at the piece that the engine cuts", 3, &header);
    for row in bench.rows_of(What::Product) {
        table.rows.push(vec![
            shape(row),
            row.device.clone(),
            row.variant.clone().unwrap_or_default(),
            cell(row.median_ms, figure),
            cell(row.best_ms, figure),
            cell(row.gflops, figure),
            cell(row.share_of_ceiling, percent),
        ]);
    }
    table
}

fn kernels(bench: &Bench) -> Table {
    let header = ["kernel", "device", "ms", "best", "GB/s", "of copying"];
    let size = bench.rows_of(What::Kernel).find_map(|row| row.shape);
    let size = size.map(|size| format!(", on {}×{} numbers", size.m, size.n)).unwrap_or_default();
    let mut table = Table::new(format!("Element-wise kernels and reductions{size}"), 2, &header);
    for row in bench.rows_of(What::Kernel) {
        table.rows.push(vec![
            row.variant.clone().unwrap_or_default(),
            row.device.clone(),
            cell(row.median_ms, figure),
            cell(row.best_ms, figure),
            cell(row.gbytes_per_second, figure),
            cell(row.share_of_ceiling, percent),
        ]);
    }
    table
}

fn goals(bench: &Bench) -> Table {
    let row = bench.rows_of(What::TimeToCost).next();
    let target = row.and_then(|row| row.target).unwrap_or_default();
    let size =
        row.and_then(|row| row.shape).map(|size| format!("{} → {}, {} patches", size.n, size.h, size.m));
    let size = size.unwrap_or_default();
    let title = format!("The lecture's experiment (L-BFGS, {size}) until J ≤ {target}");
    let mut table = Table::new(title, 1, &["device", "seconds", "best"]);
    let seconds = |ms: Option<f64>| ms.map_or_else(|| "not reached".to_owned(), |ms| figure(ms / 1e3));
    for row in bench.rows_of(What::TimeToCost) {
        table.rows.push(vec![row.device.clone(), seconds(row.median_ms), seconds(row.best_ms)]);
    }
    table
}

fn shape(row: &Row) -> String {
    row.shape.map(|shape| shape.to_string()).unwrap_or_default()
}
