//! Accumulators lent to whoever works next.

use std::sync::Mutex;

/// A pool of accumulators for sums whose order does not matter: as many are made as tasks run at once, not as there
/// are shards.
#[derive(Debug)]
pub struct Pool<T, F> {
    idle: Mutex<Vec<T>>,
    make: F,
}

impl<T, F: Fn() -> T> Pool<T, F> {
    /// A pool of what `make` makes.
    pub fn new(make: F) -> Self {
        Self { idle: Mutex::new(Vec::new()), make }
    }

    /// Lends an accumulator to `work`.
    pub fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let idle = self.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop();
        let mut accumulator = idle.unwrap_or_else(&self.make);
        let result = work(&mut accumulator);
        self.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(accumulator);
        result
    }

    /// Every accumulator that was made.
    #[must_use]
    pub fn into_all(self) -> Vec<T> {
        self.idle.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
