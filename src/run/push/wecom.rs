//! WeCom: one call of `mark_tag` after the other, at most so many at once, again and again where it may help.

use std::{path::Path, time::Duration};

use futures::{StreamExt, stream};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use super::{Load, PushError, Pushed, secret::without};
use crate::{
    base::{hash::salted_hash, progress::Progress},
    export::dialects::Role,
    run::RunError,
    store::{Journal, atomic},
};

/// Longest pause between two attempts.
const LONGEST_PAUSE: u64 = 60_000;
/// Errors that another attempt may not meet: system busy, too often, too many at once.
const PASSING: &[i64] = &[-1, 45009, 45011, 45033, 45047];
/// Errors of an access token that has ended.
const TOKEN_ENDED: &[i64] = &[40014, 41001, 42001];

#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(default)]
    errcode: i64,
    #[serde(default)]
    errmsg: String,
    #[serde(default)]
    access_token: String,
}

/// How one call ended.
enum End {
    Done,
    /// Error code, what was said, attempts, and whether it may do later.
    Dead(i64, String, u32, bool),
}

struct Api<'a> {
    load: &'a Load<'a>,
    client: reqwest::Client,
    /// The access token and how often it was fetched.
    token: Mutex<(String, u32)>,
    /// Corporation id and secret, where the token is fetched with them.
    corporation: Option<(&'a str, &'a str)>,
}

impl Api<'_> {
    async fn post(&self, path: &str, body: String) -> Result<Answer, (String, bool)> {
        let url = format!("{}{path}", self.load.url);
        let sent = self.client.post(url).header("content-type", "application/json").body(body).send().await;
        self.answer(sent).await
    }

    /// The answer; else what went wrong, and whether another attempt may help.
    async fn answer(&self, sent: Result<reqwest::Response, reqwest::Error>) -> Result<Answer, (String, bool)> {
        // The address holds the token.
        let said = |e: reqwest::Error| (without(&e.without_url().to_string(), &self.load.secret), true);
        let response = sent.map_err(said)?;
        let status = response.status();
        if !status.is_success() {
            return Err((format!("HTTP {}", status.as_u16()), status.is_server_error() || status.as_u16() == 429));
        }
        let text = response.text().await.map_err(said)?;
        serde_json::from_str(&text).map_err(|_| ("the answer is no JSON of the API".to_owned(), true))
    }

    /// The token; a new one if `ended` is the one at hand.
    async fn token(&self, ended: Option<u32>) -> Result<(String, u32), PushError> {
        let mut token = self.token.lock().await;
        let Some((id, secret)) = self.corporation else { return Ok(token.clone()) };
        if token.1 == 0 || ended == Some(token.1) {
            let url = format!("{}/cgi-bin/gettoken?corpid={id}&corpsecret={secret}", self.load.url);
            let what = "fetch an access token";
            let answer = self.answer(self.client.get(url).send().await).await;
            let answer = answer.map_err(|(why, _)| PushError::Unreachable { what, why })?;
            if answer.errcode != 0 || answer.access_token.is_empty() {
                let why = without(&format!("{} {}", answer.errcode, answer.errmsg), &self.load.secret);
                return Err(PushError::Refused { what, why });
            }
            *token = (answer.access_token, token.1 + 1);
        }
        Ok(token.clone())
    }

    async fn mark_tag(&self, index: usize, call: &str) -> Result<End, PushError> {
        let push = &self.load.report.target.push;
        let mut refreshed = false;
        let mut attempt = 1;
        loop {
            let (token, number) = self.token(None).await?;
            let path = format!("/cgi-bin/externalcontact/mark_tag?access_token={token}");
            let (code, why, passing) = match self.post(&path, call.to_owned()).await {
                Ok(answer) if answer.errcode == 0 => return Ok(End::Done),
                Ok(answer) if TOKEN_ENDED.contains(&answer.errcode) && self.corporation.is_some() && !refreshed => {
                    self.token(Some(number)).await?;
                    refreshed = true;
                    continue;
                }
                Ok(answer) if TOKEN_ENDED.contains(&answer.errcode) => {
                    let why = format!("{} the access token is not taken", answer.errcode);
                    return Err(PushError::Refused { what: "mark_tag", why });
                }
                Ok(answer) => {
                    let why = without(&answer.errmsg, &token);
                    (answer.errcode, without(&why, &self.load.secret), PASSING.contains(&answer.errcode))
                }
                Err((why, passing)) => (0, why, passing),
            };
            if !passing || attempt >= push.attempts {
                return Ok(End::Dead(code, why, attempt, passing));
            }
            tokio::time::sleep(pause(push.backoff_ms, attempt, index)).await;
            attempt += 1;
        }
    }
}

/// Pause after an attempt: twice as long each time, and for each call a little different, so that calls that failed
/// together do not come back together. The same for the same call in every push.
fn pause(backoff_ms: u64, attempt: u32, index: usize) -> Duration {
    let whole = backoff_ms.saturating_mul(1 << (attempt - 1).min(16)).min(LONGEST_PAUSE);
    let seed = [(index as u64).to_le_bytes(), u64::from(attempt).to_le_bytes()].concat();
    // Between half of it and all of it.
    Duration::from_millis(whole / 2 + salted_hash(&seed, 0) % (whole / 2 + 1))
}

/// Pushes a run. `held` is the run that the target acknowledged last, `state` where what is done is kept.
pub(super) fn push(
    load: &Load<'_>,
    full: bool,
    held: Option<&str>,
    state: &Path,
    progress: &dyn Progress,
) -> Result<Pushed, RunError> {
    let report = load.report;
    if held == Some(report.run_id.as_str()) && !full {
        return Ok(Pushed { already: true, ..Pushed::default() });
    }
    let delta = !full && report.delta.is_some();
    if delta && report.base.as_deref() != held {
        let or_none = |run: Option<&str>| run.unwrap_or("none").to_owned();
        let error = PushError::OtherBase { base: or_none(report.base.as_deref()), held: or_none(held) };
        return Err(error.into());
    }
    let (role, word) = if delta { (Role::Delta, "delta") } else { (Role::Full, "full") };
    let mut calls: Vec<String> = Vec::new();
    for (path, bytes) in load.files(role)? {
        let text = String::from_utf8(bytes).map_err(|_| load.run.bad(&path, "it is no text".to_owned()))?;
        calls.extend(text.lines().map(str::to_owned));
    }
    let (mut journal, lines) = Journal::open(&state.join(format!("{word}.done"))).map_err(PushError::Store)?;
    let mut done = vec![false; calls.len()];
    for index in lines.iter().filter_map(|l| l.parse::<usize>().ok()) {
        if let Some(done) = done.get_mut(index) {
            *done = true;
        }
    }
    let done_before = done.iter().filter(|d| **d).count() as u64;
    progress.start("push", Some(calls.len() as u64 - done_before));
    let at_once = report.target.limits.calls_at_once.unwrap_or(5).clamp(1, 64);
    let api = Api {
        load,
        client: reqwest::Client::builder()
            .timeout(Duration::from_secs(30))
            .build()
            .map_err(|e| PushError::Unreachable { what: "start a client", why: e.without_url().to_string() })?,
        corporation: load.secret.split_once(':'),
        token: Mutex::new((load.secret.clone(), 0)),
    };
    let mut pushed = Pushed { full: !delta, total: calls.len() as u64, done_before, ..Pushed::default() };
    let mut dead: Vec<(usize, Value)> = Vec::new();
    let ended: Result<(), PushError> = load.places.runtime().block_on(async {
        let waiting = calls.iter().enumerate().filter(|(index, _)| !done[*index]);
        let one = |(index, call): (usize, &String)| {
            let (api, call) = (&api, call.clone());
            async move { (index, api.mark_tag(index, &call).await) }
        };
        let mut running = stream::iter(waiting).map(one).buffer_unordered(usize::try_from(at_once).unwrap_or(5));
        while let Some((index, end)) = running.next().await {
            match end? {
                End::Done => {
                    journal.line(&index.to_string())?;
                    pushed.done += 1;
                }
                End::Dead(errcode, errmsg, attempts, passing) => {
                    pushed.dead += 1;
                    pushed.later += u64::from(passing);
                    let call = serde_json::from_str::<Value>(&calls[index]).unwrap_or_default();
                    let letter = serde_json::json!({
                        "line": index + 1, "errcode": errcode, "errmsg": errmsg, "attempts": attempts, "call": call,
                    });
                    dead.push((index, letter));
                }
            }
            progress.advance(1);
        }
        Ok(())
    });
    journal.sync().map_err(PushError::Store)?;
    dead.sort_by_key(|(index, _)| *index);
    let letters: String = dead.iter().map(|(_, letter)| format!("{letter}\n")).collect();
    let path = state.join(format!("{word}.dead_letters.ndjson"));
    atomic::write(&path, letters.as_bytes()).map_err(PushError::Store)?;
    pushed.dead_letters = (!dead.is_empty()).then_some(path);
    ended?;
    progress.finish(&format!("{} calls, {} refused", pushed.done, pushed.dead));
    Ok(pushed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_differ() {
        for attempt in 1..20 {
            let whole = (500u64 << (attempt - 1).min(16)).min(LONGEST_PAUSE);
            for index in 0..50 {
                let pause = pause(500, attempt, index).as_millis() as u64;
                assert!((whole / 2..=whole).contains(&pause));
            }
        }
        assert_ne!(pause(500, 3, 1), pause(500, 3, 2));
        assert_eq!(pause(500, 3, 1), pause(500, 3, 1));
    }
}
