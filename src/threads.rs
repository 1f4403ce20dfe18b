//! Whether the system lets us have the threads that we need.
//!
//! The runtime and the log panic when they get no thread, some of them after others run already. So
//! as many as are needed are started first, all at once, and ended again.

use std::{
    io,
    sync::mpsc,
    thread::{self, JoinHandle},
};

/// There can be fewer threads than are needed.
#[derive(Debug, thiserror::Error)]
#[error(
    "the system lets us have {started} of the {needed} threads that are needed; raise TasksMax= of \
     the unit, pids.max of the container or the limit of processes (`ulimit -u`): {source}"
)]
pub struct TooFewThreads {
    started: usize,
    needed: usize,
    source: io::Error,
}

/// Starts and ends so many threads beside this one.
///
/// # Errors
/// [`TooFewThreads`], with what the system says.
pub fn provide(needed: usize) -> Result<(), TooFewThreads> {
    provide_by(needed, |work| thread::Builder::new().name("trial".into()).spawn(work))
}

type Work = Box<dyn FnOnce() + Send>;

fn provide_by(
    needed: usize,
    mut start: impl FnMut(Work) -> io::Result<JoinHandle<()>>,
) -> Result<(), TooFewThreads> {
    let mut running = Vec::new();
    let mut outcome = Ok(());
    for started in 0..needed {
        let (hold, held) = mpsc::channel::<()>();
        // Until the other end is dropped.
        match start(Box::new(move || _ = held.recv())) {
            Ok(thread) => running.push((hold, thread)),
            Err(source) => {
                outcome = Err(TooFewThreads { started, needed, source });
                break;
            }
        }
    }
    let (holds, threads): (Vec<_>, Vec<_>) = running.into_iter().unzip();
    drop(holds);
    for thread in threads {
        // It cannot panic.
        _ = thread.join();
    }
    outcome
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, sync::atomic::AtomicUsize, sync::atomic::Ordering};

    use super::*;

    static RUNNING: AtomicUsize = AtomicUsize::new(0);

    #[test]
    fn all_run_at_once_and_none_is_left() {
        let asked = Cell::new(0);
        let outcome = provide_by(9, |work| {
            asked.set(asked.get() + 1);
            let thread = thread::spawn(move || {
                RUNNING.fetch_add(1, Ordering::Relaxed);
                work();
                RUNNING.fetch_sub(1, Ordering::Relaxed);
            });
            while RUNNING.load(Ordering::Relaxed) < asked.get() {
                assert!(!thread.is_finished(), "it is held");
                thread::yield_now();
            }
            Ok(thread)
        });
        assert!(outcome.is_ok());
        assert_eq!((asked.get(), RUNNING.load(Ordering::Relaxed)), (9, 0));
        provide(9).unwrap();
    }

    #[test]
    fn one_too_few_is_told_with_the_words_of_the_system() {
        let mut started = 0;
        let outcome = provide_by(9, |work| {
            if started == 3 {
                return Err(io::Error::from_raw_os_error(11));
            }
            started += 1;
            Ok(thread::spawn(work))
        });
        let said = outcome.unwrap_err().to_string();
        assert!(said.contains("3 of the 9 threads"), "{said}");
        assert!(said.ends_with("Resource temporarily unavailable (os error 11)"), "{said}");
    }
}
