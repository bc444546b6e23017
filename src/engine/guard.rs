//! The readers of Parquet and Arrow panic over some damaged files instead of saying what is wrong. Here that is an error like any
//! other.

use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Does work that may panic over its input; a panic is not shown but given as a message.
///
/// # Errors
/// What the panic said.
pub(super) fn guard<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let shown = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                shown(panic);
            }
        }));
    });
    let before = GUARDED.replace(true);
    // What the work had in hand is thrown away with it.
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(before);
    done.map_err(|said| {
        let text = said.downcast_ref::<String>().map(String::as_str).or_else(|| said.downcast_ref::<&str>().copied());
        text.unwrap_or("the reader gave up").to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_are_messages() {
        assert_eq!(guard(|| 1), Ok(1));
        assert_eq!(guard(|| -> i32 { panic!("unit {} not supported", 42) }), Err("unit 42 not supported".to_owned()));
        assert_eq!(guard(|| guard(|| -> i32 { panic!("in") }).is_err()), Ok(true));
    }
}
