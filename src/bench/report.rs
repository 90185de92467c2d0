//! Results for people: the answer first, then what it rests on, as text or as Markdown.

mod table;

use super::contender::NO_CHOICE;
use super::results::{DeviceRecord, Results};
use super::row::{Ceilings, Row, What};
use super::stats::NOISY;
use super::verdict::duels;
pub use table::{Table, cell, count, figure, percent, with_uncertainty, within};

/// What stands behind a device whose kernels run on the processor.
const SOFTWARE: &str =
    "a software adapter: WebGPU's kernels on the processor, which tell nothing of the speed of a GPU";

/// The answer, the tables that there are rows for, and the machine.
pub fn text(results: &Results) -> String {
    let mut parts = vec![answer(results)];
    parts.extend(tables(results).iter().map(Table::text));
    parts.push(machine(results).join("\n"));
    parts.join("\n\n")
}

/// The same as Markdown.
pub fn markdown(results: &Results) -> String {
    let mut parts = vec![format!("# {}", results.verdict)];
    let listed =
        |lines: Vec<String>| lines.iter().map(|line| format!("* {line}")).collect::<Vec<_>>().join("\n");
    parts.extend(goal(results));
    parts.extend(tables(results).iter().map(Table::markdown));
    parts.push(listed(machine(results)));
    parts.join("\n\n")
}

/// The verdict with a line a shape, and the experiment.
fn answer(results: &Results) -> String {
    let mut lines = vec![format!("{}.", results.verdict)];
    for duel in duels(results) {
        let mut shapes = Table::new("", 3, &["", "", ""]);
        shapes.rows = duel.lines().into_iter().map(Vec::from).collect();
        lines.extend(shapes.lines());
    }
    lines.extend(goal(results));
    lines.join("\n")
}

fn tables(results: &Results) -> Vec<Table> {
    let all = [steps(results), ceilings(results), profiles(results), products(results), kernels(results)];
    all.into_iter().filter(|table| !table.rows.is_empty()).collect()
}

/// Who took part, on what machine, with what, when.
fn machine(results: &Results) -> Vec<String> {
    let width = results.devices.iter().map(|who| who.device.chars().count()).max().unwrap_or(0);
    let line = |who: &DeviceRecord| {
        let note = if who.software { format!("; {SOFTWARE}") } else { String::new() };
        let Ceilings { gflops, gbytes } = results.ceilings(&who.device);
        let best = gflops.zip(gbytes).map_or_else(String::new, |(rate, moved)| {
            format!("; at best {} GFLOP/s in registers, {} GB/s copied", figure(rate), figure(moved))
        });
        format!("{:<width$}  {}{best}{note}", who.device, who.adapter)
    };
    let mut lines: Vec<String> = results.devices.iter().map(line).collect();
    lines.push(format!(
        "{}; rhohat {}, {}, in {} s",
        results.host.words(),
        results.rhohat,
        results.started,
        figure(results.seconds)
    ));
    lines
}

fn steps(results: &Results) -> Table {
    let header = ["n:h:m", "device", "kernels", "ms", "with J", "examples/s", "GFLOP/s", "of ceiling"];
    let mut table = Table::new("Whole training steps: forward, backward, update", 3, &header);
    for row in results.rows_of(What::Step) {
        let with_j = results
            .rows_on(What::StepWithJ, &row.device)
            .find(|other| other.shape == row.shape && other.variant == row.variant);
        table.rows.push(vec![
            shape(row),
            row.device.clone(),
            row.variant.clone().filter(|name| name != NO_CHOICE).unwrap_or_else(|| "–".to_owned()),
            within(row),
            cell(with_j.and_then(|row| row.median_ms), figure),
            cell(row.samples_per_second, count),
            cell(row.gflops, figure),
            cell(row.share_of_ceiling, percent),
        ]);
    }
    table
}

/// The ceilings, where more were measured than the two that [`machine`] tells.
fn ceilings(results: &Results) -> Table {
    type Value = fn(&Row) -> Option<f64>;
    let micros: Value = |row| row.median_ms.map(|ms| ms * 1e3);
    let lines: [(&str, &str, Value); 6] = [
        (super::row::MULTIPLY_ADD, "multiply-adds in registers, GFLOP/s", |row| row.gflops),
        ("best dense product", "best dense product of the CPU engine, GFLOP/s", |row| row.gflops),
        (super::row::COPY, "copying, GB/s read and written", |row| row.gbytes_per_second),
        ("dispatch", "a further dispatch, µs", micros),
        ("submission and wait", "a submission and the wait for it, µs", micros),
        ("read-back of 256 bytes", "reading 256 bytes back, µs", micros),
    ];
    let devices: Vec<&str> = results.devices.iter().map(|who| who.device.as_str()).collect();
    let is_short = results.rows_of(What::Ceiling).all(Row::is_roof);
    let lines = if is_short { &[][..] } else { &lines };
    let mut table = Table::new("What the machine can do at best", 1, &[&["ceiling"], &devices[..]].concat());
    for &(variant, name, value) in lines {
        let of = |device: &&str| {
            let mut rows = results.rows_on(What::Ceiling, device);
            rows.find(|row| row.variant.as_deref() == Some(variant)).and_then(value)
        };
        let values: Vec<_> = devices.iter().map(of).collect();
        if values.iter().any(Option::is_some) {
            let cells = values.into_iter().map(|value| cell(value, figure));
            table.rows.push(std::iter::once(name.to_owned()).chain(cells).collect());
        }
    }
    table
}

/// Shares of the kernels, a column a shape, for the first device that has a clock.
fn profiles(results: &Results) -> Table {
    let device = results.rows_of(What::Profile).next().map_or("", |row| row.device.as_str());
    let rows: Vec<&Row> = results.rows_on(What::Profile, device).collect();
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

fn products(results: &Results) -> Table {
    let header = ["n:h:m", "device", "product", "ms", "GFLOP/s", "of ceiling"];
    let mut table = Table::new("Products of a step, at the piece that the engine cuts", 3, &header);
    for row in results.rows_of(What::Product) {
        table.rows.push(vec![
            shape(row),
            row.device.clone(),
            row.variant.clone().unwrap_or_default(),
            within(row),
            cell(row.gflops, figure),
            cell(row.share_of_ceiling, percent),
        ]);
    }
    table
}

fn kernels(results: &Results) -> Table {
    let header = ["kernel", "device", "ms", "GB/s", "of copying"];
    let size = results.rows_of(What::Kernel).find_map(|row| row.shape);
    let size = size.map(|size| format!(", on {}×{} numbers", size.m, size.n)).unwrap_or_default();
    let mut table = Table::new(format!("Element-wise kernels and reductions{size}"), 2, &header);
    for row in results.rows_of(What::Kernel) {
        table.rows.push(vec![
            row.variant.clone().unwrap_or_default(),
            row.device.clone(),
            within(row),
            cell(row.gbytes_per_second, figure),
            cell(row.share_of_ceiling, percent),
        ]);
    }
    table
}

/// How long the lecture's experiment took on each device.
fn goal(results: &Results) -> Option<String> {
    let row = results.rows_of(What::TimeToCost).next()?;
    let target = row.target.unwrap_or_default();
    let size = row.shape.map(|size| format!(" ({} → {}, {} patches)", size.n, size.h, size.m));
    let of = |row: &Row| match row.median_ms {
        Some(ms) => format!("{} s on {}", figure(ms / 1e3), row.device),
        None => format!("never on {}", row.device),
    };
    let times: Vec<String> = results.rows_of(What::TimeToCost).map(of).collect();
    let size = size.unwrap_or_default();
    Some(format!("The lecture's experiment{size} reaches J ≤ {target} in {}.", times.join(", ")))
}

fn shape(row: &Row) -> String {
    row.shape.map(|shape| shape.to_string()).unwrap_or_default()
}

/// Causes and remedies of what may be wrong with the numbers.
pub fn warnings(results: &Results) -> Vec<String> {
    let mut warnings = Vec::new();
    let timed: Vec<(&Row, f64)> =
        results.rows.iter().filter_map(|row| Some((row, row.times()?.spread()))).collect();
    let noisy: Vec<_> = timed.iter().filter(|(_, spread)| *spread > NOISY).collect();
    if let Some((row, spread)) = noisy.iter().max_by(|a, b| a.1.total_cmp(&b.1)) {
        warnings.push(format!(
            "{} of {} measurements scatter by more than {} between their quartiles, worst {} by {}: other programs \
             are using the processor; close them, or trust the best times",
            noisy.len(),
            timed.len(),
            percent(NOISY),
            row.name(),
            percent(*spread)
        ));
    }
    let above = results.rows.iter().filter(|row| matches!(row.what, What::Step | What::Product));
    let above = above.filter(|row| row.part_of(results.ceilings(&row.device)).is_some_and(|part| part > 1.0));
    let above: Vec<&Row> = above.collect();
    if let Some(row) = above.first() {
        let others = match above.len() {
            1 => String::new(),
            several => format!(" and {} more", several - 1),
        };
        warnings.push(format!(
            "{}{others}: faster than the ceiling that was measured, which other programs had slowed down, so its share \
             is not known; run again",
            row.name()
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::made_up::{results, times};
    use crate::bench::verdict::verdict;

    fn small() -> Results {
        let mut results =
            results("64:25:1000,64:256:500", &[("cpu", &[0.3, 1.0]), ("software", &[2.0, 3.0])]);
        results.verdict = verdict(&results);
        results
    }

    #[test]
    fn the_answer_is_the_first_line_and_the_shapes_follow_it() {
        let mut results =
            results("64:25:1000,64:256:500", &[("cpu", &[0.3, 1.0]), ("software", &[2.0, 3.0])]);
        results.verdict = verdict(&results);
        let goal = Row { target: Some(0.36), ..Row::of(What::TimeToCost, "cpu") }.timed(times(200.0, 0.0));
        results.rows.push(goal);
        results.rows.push(Row::of(What::TimeToCost, "software"));
        let text = text(&results);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("cpu is 3.00 to 6.67 times as fast as software"), "{text}");
        assert!(lines[1].contains("64:25:1000") && lines[2].contains("64:256:500"), "{text}");
        assert_eq!(
            lines[3],
            "The lecture's experiment reaches J ≤ 0.36 in 0.200 s on cpu, never on software."
        );
        assert!(text.contains("a software adapter") && text.contains("rhohat 0.0.0, 2026-01-02T03:04:05Z"));
        assert!(lines.len() < 20, "{text}");
        assert!(markdown(&results).starts_with("# cpu is 3.00"), "{}", markdown(&results));
    }

    #[test]
    fn a_step_faster_than_its_ceiling_has_a_dash_and_a_warning_and_no_per_cent_above_100() {
        let mut results = small();
        assert!(warnings(&results).is_empty());
        let ceiling = Row::of(What::Ceiling, "cpu").of_variant("multiply-add").timed(times(1.0, 0.0));
        results.rows.push(Row { gflops: Some(60.0), ..ceiling });
        results.settle_shares();
        let table = steps(&results);
        let shares: Vec<&str> = table.rows.iter().map(|row| row[7].as_str()).collect();
        // 53 and 82 GFLOP/s.
        assert_eq!(shares, ["89 %", "–", "–", "–"]);
        let warned = warnings(&results).join("\n");
        assert!(warned.contains("step 64:256:500 on cpu") && warned.contains("run again"), "{warned}");
    }

    #[test]
    fn scattered_times_are_warned_of_by_the_worst() {
        let mut results = small();
        for (row, spread) in [(0, 0.3), (2, 0.5)] {
            results.rows[row] = results.rows[row].clone().timed(times(1.0, spread));
        }
        let warned = warnings(&results).join("\n");
        assert!(
            warned.starts_with("2 of 4 measurements") && warned.contains("64:256:500 on cpu by 50 %"),
            "{warned}"
        );
    }
}
