//! Secrets: from a file or the environment, never from the job, the command line or a run; and never shown.

use std::path::Path;

use super::PushError;
use crate::{export::targets::Target, store::atomic};

/// The secret of a target.
pub(super) fn read(target: &Target) -> Result<String, PushError> {
    let text = match &target.push.secret_file {
        Some(file) => {
            let bytes = atomic::read(Path::new(file))?.ok_or_else(|| PushError::BadSecret {
                target: target.name.clone(),
                why: format!("there is no file `{file}`"),
            })?;
            String::from_utf8(bytes).map_err(|_| PushError::BadSecret {
                target: target.name.clone(),
                why: format!("file `{file}` is no text"),
            })?
        }
        None => std::env::var(&target.push.secret_env).map_err(|_| PushError::NoSecret {
            target: target.name.clone(),
            variable: target.push.secret_env.clone(),
        })?,
    };
    let secret = text.trim().to_owned();
    if secret.is_empty() {
        return Err(PushError::BadSecret { target: target.name.clone(), why: "it is empty".to_owned() });
    }
    Ok(secret)
}

/// `text` without the secret, for messages of others that may repeat it.
pub(super) fn without(text: &str, secret: &str) -> String {
    let mut text = text.replace(secret, "***");
    // Of a connection string or an id with a secret each part counts.
    for part in secret.split([':', ' ', '@', '=', '/', '&', '?']).filter(|p| p.len() >= 6) {
        text = text.replace(part, "***");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_holds_no_secret() {
        let said = without("login as app with hunter22 at token-xyz failed", "postgres://app:hunter22@db/crm");
        assert_eq!(said, "login as app with *** at token-xyz failed");
        assert_eq!(without("token-xyz?", "token-xyz"), "***?");
    }
}
