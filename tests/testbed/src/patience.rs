//! Waiting for what should happen, with a deadline and without fixed sleeps.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Long enough for anything a healthy test waits for, on a busy two-core machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks every 20 ms until `look` returns something, and returns that; `None` when `patience` runs
/// out.
pub fn poll<T>(patience: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if Instant::now() >= deadline {
            return None;
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Waits until `happened`.
///
/// # Panics
/// With `what` when it has not happened within [`PATIENCE`].
pub fn until(what: &str, mut happened: impl FnMut() -> bool) {
    assert!(
        poll(PATIENCE, || happened().then_some(())).is_some(),
        "waited {PATIENCE:?} in vain: {what}"
    );
}
