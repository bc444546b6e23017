//! A CRM target took over a run: later deltas are against it.

use super::{RunError, published::Published};
use crate::store::Places;

/// Notes that a target took over a run. `run` is its folder or URL; or `current`, a date or a run id within `out`. Gives the
/// run's id.
///
/// # Errors
/// If there is no such run, it has no files of the target, or the output place cannot be written.
pub fn acknowledge(run: &str, target: &str, out: &str) -> Result<String, RunError> {
    let places = Places::new(Default::default(), 1)?;
    let run = Published::find(run, out, &places)?;
    acknowledge_run(&run, target, &places)?;
    Ok(run.manifest.run_id.clone())
}

pub(super) fn acknowledge_run(run: &Published, target: &str, places: &Places) -> Result<(), RunError> {
    if run.target_file(target, places)?.is_none() {
        let known = run.targets().join(", ");
        return Err(RunError::NoSuchTarget { target: target.to_owned(), known });
    }
    let Some(root) = run.out_place(places)? else {
        return Err(RunError::NoOutputPlace { run: run.place() });
    };
    root.acknowledge(target, &run.manifest.run_id, places)?;
    Ok(())
}
