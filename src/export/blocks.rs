//! Blocks rendered in parallel and appended in order, with a bounded number of them in memory.

use std::{
    collections::BTreeMap,
    sync::{Condvar, Mutex, PoisonError},
};

/// Finished blocks that may wait for an earlier one, for each thread.
const WAITING_PER_THREAD: usize = 2;

struct State<T, E, A> {
    /// The next block nobody renders yet.
    next_to_render: usize,
    /// The next block to append.
    next_to_append: usize,
    ready: BTreeMap<usize, T>,
    /// Taken out by whoever is appending.
    append: Option<A>,
    /// The failure of the lowest block.
    failed: Option<(usize, E)>,
}

/// Calls `render(0..count)` on all threads and `append` with the results in order. `render` must not itself wait for
/// other rayon tasks. What is appended does not depend on the number of threads.
///
/// # Errors
/// An error of `render` or `append`; blocks after it are not appended.
pub fn in_order<T, E, R, A>(count: usize, render: R, append: A) -> Result<(), E>
where
    T: Send,
    E: Send,
    R: Fn(usize) -> Result<T, E> + Sync,
    A: FnMut(T) -> Result<(), E> + Send,
{
    let threads = rayon::current_num_threads().min(count);
    let state = Mutex::new(State {
        next_to_render: 0,
        next_to_append: 0,
        ready: BTreeMap::new(),
        append: Some(append),
        failed: None,
    });
    let moved = Condvar::new();
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    let work = || {
        loop {
            let block = {
                let mut state = lock();
                // The lowest block that is not appended yet is always being rendered by a thread that does not wait.
                while state.failed.is_none()
                    && state.next_to_render < count
                    && state.next_to_render >= state.next_to_append + WAITING_PER_THREAD * threads
                {
                    state = moved.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                if state.failed.is_some() || state.next_to_render >= count {
                    return;
                }
                state.next_to_render += 1;
                state.next_to_render - 1
            };
            let rendered = render(block);
            let mut state = lock();
            match rendered {
                Ok(done) => drop(state.ready.insert(block, done)),
                Err(error) => {
                    if state.failed.as_ref().is_none_or(|(at, _)| block < *at) {
                        state.failed = Some((block, error));
                    }
                    moved.notify_all();
                    return;
                }
            }
            // One thread at a time appends; the others go on rendering.
            let Some(mut append) = state.append.take() else { continue };
            loop {
                let at = state.next_to_append;
                if state.failed.as_ref().is_some_and(|(failed, _)| *failed <= at) {
                    break;
                }
                let Some(block) = state.ready.remove(&at) else { break };
                drop(state);
                let appended = append(block);
                state = lock();
                state.next_to_append += 1;
                if let Err(error) = appended {
                    state.failed = Some((at, error));
                }
                moved.notify_all();
            }
            state.append = Some(append);
        }
    };
    rayon::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|_| work());
        }
    });
    match state.into_inner().unwrap_or_else(PoisonError::into_inner).failed {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_order_for_any_thread_count() {
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            for count in [0, 1, 7, 100] {
                let mut out = Vec::new();
                let result: Result<(), ()> = pool.install(|| {
                    in_order(
                        count,
                        |i| {
                            std::thread::sleep(std::time::Duration::from_micros((i as u64 * 37) % 90));
                            Ok(i)
                        },
                        |i| {
                            out.push(i);
                            Ok(())
                        },
                    )
                });
                assert_eq!(result, Ok(()));
                assert_eq!(out, (0..count).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn stops_at_a_failure() {
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut out = Vec::new();
            let result = pool.install(|| {
                in_order(
                    50,
                    |i| if i == 20 { Err("render") } else { Ok(i) },
                    |i| {
                        out.push(i);
                        Ok(())
                    },
                )
            });
            assert_eq!(result, Err("render"));
            assert!(out.iter().copied().eq(0..out.len()) && out.len() <= 20);
            let result = pool.install(|| in_order(50, Ok, |i| if i == 7 { Err("append") } else { Ok(()) }));
            assert_eq!(result, Err("append"));
        }
    }
}
