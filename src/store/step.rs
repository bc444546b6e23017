//! Steps at which a run can be cut off.
//!
//! In a build with the feature `faults`, which only tests make, every step is noted in the file that `NEXTOFFER_STEPS`
//! names, and `FAILPOINTS` (see the crate `fail`) says where the file system refuses or the process ends:
//! `FAILPOINTS='publish.rename=return(abort)'`, or `'file.sync=3*off->return(error)'` for the fourth file. In any other
//! build a step is nothing at all.

use std::io;

/// A step that is about to be taken.
///
/// # Errors
/// Only where a test says so.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn step(_: &'static str) -> io::Result<()> {
    Ok(())
}

/// A step that is about to be taken.
///
/// # Errors
/// If the test says so.
#[cfg(feature = "faults")]
pub fn step(name: &'static str) -> io::Result<()> {
    use std::{
        fs::{File, OpenOptions},
        io::Write,
        sync::{LazyLock, Mutex, PoisonError},
    };

    static NOTES: LazyLock<Option<Mutex<File>>> = LazyLock::new(|| {
        // The points stay as the environment has them until the process ends.
        std::mem::forget(fail::FailScenario::setup());
        let path = std::env::var_os("NEXTOFFER_STEPS")?;
        OpenOptions::new().create(true).append(true).open(path).ok().map(Mutex::new)
    });
    if let Some(notes) = NOTES.as_ref() {
        let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.write_all(format!("{name}\n").as_bytes())?;
    }
    fail::fail_point!(name, |how: Option<String>| {
        if how.as_deref() == Some("abort") {
            // What a kill leaves: nothing is dropped, nothing is flushed.
            std::process::abort();
        }
        Err(io::Error::other(format!("test: the step {name} fails")))
    });
    Ok(())
}
