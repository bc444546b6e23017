//! Logs go to standard error, as text or as one JSON object a line. No member id is ever logged.

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

use super::terminal;

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging. `NEXTOFFER_LOG` sets the filter (default `info`, with `--quiet` `warn`).
pub(super) fn start(format: LogFormat, quiet: bool) {
    let level = if quiet { "nextoffer=warn" } else { "nextoffer=info" };
    let filter = EnvFilter::try_from_env("NEXTOFFER_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    if format == LogFormat::Json {
        terminal::speak_in_events();
    }
    // A subscriber that is already there (in tests) stays.
    let _ = match format {
        LogFormat::Text => builder.without_time().with_level(false).with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}
