//! What the commands show: plain text, in columns, with errors and their causes.

use std::{
    io::{IsTerminal, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use crate::{
    base::{Finding, Severity},
    job::{JobError, Report},
    run::{ExitCode, RunError, Stages},
};

/// Whether all that is said is an event of a log.
static AS_EVENTS: AtomicBool = AtomicBool::new(false);

/// From here on everything that is said is an event of the log, one JSON object a line.
pub(super) fn speak_in_events() {
    AS_EVENTS.store(true, Ordering::Relaxed);
}

fn in_events() -> bool {
    AS_EVENTS.load(Ordering::Relaxed)
}

/// Writes to standard output; a closed pipe is no error.
pub(super) fn show(text: &str) {
    if in_events() {
        return tracing::info!("{}", text.trim());
    }
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Writes to standard error.
pub(super) fn complain(text: &str) {
    if in_events() {
        let text = text.trim();
        return if text.starts_with("warning") { tracing::warn!("{text}") } else { tracing::error!("{text}") };
    }
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Columns of the terminal behind standard error, or 100.
pub(super) fn width() -> usize {
    let (_, columns) = console_size().unwrap_or((0, 100));
    usize::from(columns).clamp(60, 160)
}

fn console_size() -> Option<(u16, u16)> {
    std::env::var("COLUMNS").ok()?.parse().ok().map(|columns| (0, columns))
}

/// Whether people are watching standard error.
pub(super) fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether colours are wanted.
pub(super) fn colour() -> bool {
    is_watched() && std::env::var_os("NO_COLOR").is_none()
}

/// Shows a report: with the places in the text for people, else a line a finding.
pub(super) fn show_report(report: &Report) {
    if report.is_empty() {
        return;
    }
    if in_events() {
        for finding in report.findings() {
            let Finding { severity, code, at, message, help, .. } = finding;
            let (at, help) = (at.as_str(), help.as_deref().unwrap_or_default());
            match severity {
                Severity::Note => tracing::info!(code, at, help, "{message}"),
                Severity::Warning => tracing::warn!(code, at, help, "{message}"),
                Severity::Error => tracing::error!(code, at, help, "{message}"),
            }
        }
    } else if is_watched() {
        complain(&report.render(width(), colour()));
    } else {
        for line in report.lines() {
            complain(&format!("{line}\n"));
        }
    }
}

/// Shows why a job could not be loaded.
pub(super) fn job_error(error: &JobError) -> ExitCode {
    match error {
        JobError::Wrong { report, .. } => wrong_job(report),
        JobError::NotFound { .. } | JobError::Read(_) => {
            complain(&chain(error));
            ExitCode::NoInput
        }
        JobError::NotText { .. } => {
            complain(&chain(error));
            ExitCode::BadJob
        }
        JobError::Schema(_) => {
            complain(&chain(error));
            ExitCode::Bug
        }
    }
}

/// Shows what is wrong with a job.
pub(super) fn wrong_job(report: &Report) -> ExitCode {
    show_report(report);
    complain(&format!("{}\n", report.summary()));
    ExitCode::BadJob
}

/// Shows why a run failed.
pub(super) fn run_error(error: &RunError) -> ExitCode {
    match error {
        RunError::Findings { report } => {
            show_report(report);
            complain(&format!("{}\n", report.summary()));
        }
        _ => complain(&chain(error)),
    }
    error.exit_code()
}

/// `error: …` with every cause on a line of its own.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = format!("error: {error}\n");
    let mut source = error.source();
    while let Some(cause) = source {
        let line = cause.to_string();
        if !text.contains(&line) {
            text.push_str("  because: ");
            text.push_str(&line);
            text.push('\n');
        }
        source = cause.source();
    }
    text
}

/// Columns a text takes on a terminal: Chinese characters take two.
pub(super) fn display_width(text: &str) -> usize {
    text.chars().map(|c| if ('\u{1100}'..='\u{ffdc}').contains(&c) && !c.is_ascii() { 2 } else { 1 }).sum()
}

/// The text, filled with spaces on the right to `width` columns.
pub(super) fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(display_width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// The text in lines of at most `width` columns. Lines break at spaces and between Chinese characters, never before
/// closing punctuation; a longer word stays whole.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    let mut piece = String::new();
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        piece.push(c);
        let opens = |c: char| matches!(c, '「' | '（' | '“');
        let closes = |c: char| matches!(c, '」' | '）' | '”' | '，' | '。' | '、' | '；' | '：' | '！' | '？' | ' ');
        let wide = |c: char| display_width(c.encode_utf8(&mut [0; 4])) == 2;
        let may_break =
            characters.peek().is_none_or(|next| c == ' ' || (!opens(c) && !closes(*next) && (wide(c) || wide(*next))));
        if !may_break {
            continue;
        }
        let room = display_width(piece.trim_end());
        if used + room > width && used > 0 {
            lines.push(String::new());
            used = 0;
        }
        used += display_width(&piece);
        if let Some(line) = lines.last_mut() {
            line.push_str(&piece);
        }
        piece.clear();
    }
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines
}

/// A bar of up to `width` columns for a share of the longest.
pub(super) fn bar(share: f64, width: usize) -> String {
    let length = ((share * width as f64).round() as usize).min(width);
    format!("{}{}", "█".repeat(length), " ".repeat(width - length))
}

/// A number with thousands set apart.
pub(super) fn count(number: u64) -> String {
    crate::base::round::grouped(number)
}

/// The line of what each stage took.
pub(super) fn times(stages: &Stages) -> String {
    let each: Vec<String> = stages.times().iter().map(|s| format!("{} {:.1}s", s.stage, s.wall_s)).collect();
    format!("\ntime: {}\n", each.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_widths() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(display_width("高频 a"), 6);
        assert_eq!(pad("高", 4), "高  ");
        assert_eq!(bar(0.5, 4), "██  ");
    }

    #[test]
    fn lines_break_where_they_may() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a-long-word b", 4), ["a-long-word", "b"]);
        assert_eq!(wrap("您买过「猫粮」，谢谢。", 8), ["您买过", "「猫", "粮」，谢", "谢。"]);
        assert_eq!(wrap("", 8), [""]);
    }
}
