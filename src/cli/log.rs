//! What the library says on the way, as plain lines on stderr: `warning: …`, `note: …`. None of them holds a character that a
//! terminal obeys, whatever a file or a name held.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::flags;
use crate::error::plain;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// Where events of this crate come from.
const OURS: &str = "rhohat";
/// The target of the lines that tell how far a run has come, which are heard unless everything is quiet.
pub const PROGRESS: &str = "rhohat::progress";

/// Sets the log up. Other crates (wgpu, its drivers) are heard one level later than this one.
pub fn init(quiet: bool, verbose: u8) {
    let (ours, others) = match (quiet, verbose) {
        (true, _) => (LevelFilter::ERROR, LevelFilter::OFF),
        (false, 0) => (LevelFilter::INFO, LevelFilter::OFF),
        (false, 1) => (LevelFilter::DEBUG, LevelFilter::WARN),
        (false, _) => (LevelFilter::TRACE, LevelFilter::DEBUG),
    };
    let lines =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false).event_format(Plain);
    let progress = if quiet { LevelFilter::OFF } else { ours.max(LevelFilter::DEBUG) };
    let filter = Targets::new().with_default(others).with_target(OURS, ours).with_target(PROGRESS, progress);
    tracing_subscriber::registry().with(lines).with(filter).init();
}

/// This process among those of a job; 0 is the first, or alone.
static RANK: AtomicUsize = AtomicUsize::new(0);

/// Says from now on which rank of a job a line is of. The first tells what there is to know: of others only warnings and errors
/// are heard.
pub fn of_rank(rank: usize) {
    RANK.store(rank, Ordering::Relaxed);
}

/// What a line of this process begins with.
pub fn rank() -> String {
    match RANK.load(Ordering::Relaxed) {
        0 => String::new(),
        rank => format!("[rank {rank}] "),
    }
}

/// Level in words, then the message.
struct Plain;

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let rank = rank();
        if !rank.is_empty() && *event.metadata().level() > Level::WARN {
            return Ok(());
        }
        writer.write_str(&rank)?;
        writer.write_str(match *event.metadata().level() {
            Level::ERROR => "error: ",
            Level::WARN => "warning: ",
            Level::INFO => "note: ",
            Level::DEBUG | Level::TRACE => "",
        })?;
        let mut text = String::new();
        context.field_format().format_fields(Writer::new(&mut text), event)?;
        // Other crates have settings of their own.
        let is_ours = event.metadata().target().starts_with(OURS);
        let text = if is_ours { flags::in_text(&text) } else { text.as_str().into() };
        writeln!(writer, "{}", plain(&text))
    }
}
