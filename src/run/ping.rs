//! A heartbeat for a service that watches scheduled jobs: a plain GET, without a body and without personal data.

use std::time::Duration;

/// Longest wait for an answer; a run does not hang on its watcher.
const PATIENCE: Duration = Duration::from_secs(10);

/// Calls `<url>/<what>`: `start`, or an exit code.
///
/// # Errors
/// What went wrong, in words; a run goes on all the same.
pub fn ping(url: &str, what: &str) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    runtime.block_on(async {
        let client = reqwest::Client::builder().timeout(PATIENCE).build().map_err(|e| e.to_string())?;
        let call = client.get(format!("{}/{what}", url.trim_end_matches('/'))).send().await;
        // The address may hold a secret: it stays out of the message.
        let answer = call.map_err(|e| e.without_url().to_string())?;
        answer.error_for_status().map(drop).map_err(|e| e.without_url().to_string())
    })
}
