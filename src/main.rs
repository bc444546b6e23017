//! The door.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay`, which the bindings do not name.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

fn main() -> std::process::ExitCode {
    // A night fills and empties the same gigabyte several times over: handing freed pages back to the system in between, to get
    // them again cleared, costs a twelfth of its time and saves a thirtieth of its memory.
    if std::env::var_os("MIMALLOC_PURGE_DELAY").is_none() {
        // SAFETY: sets a number of the allocator; no other thread runs yet.
        unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, -1) };
    }
    nextoffer::cli::main()
}
