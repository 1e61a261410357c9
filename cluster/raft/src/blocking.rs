//! Where work runs that may wait for a disk. The start and stop of a node's log and the sender of
//! snapshots come before it; nothing comes after it. Guarantees: on a runtime of many threads the
//! work holds up none of them; a runtime of one thread, as a simulation has it, runs it in place,
//! so that no other thread decides on an order. Left to others: what the work does.

use std::io;

use tokio::runtime::{Handle, RuntimeFlavor};

/// Runs `work` and waits for what it gives.
///
/// # Errors
/// Where it panicked, or the runtime is being shut down.
pub(crate) async fn run<T, F>(work: F) -> io::Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
        return Ok(work());
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that decides whether a thread may"
    )]
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::thread;

    #[tokio::test]
    async fn a_runtime_of_one_thread_runs_it_in_place() {
        let here = thread::current().id();
        let ran = super::run(|| thread::current().id()).await.unwrap();
        assert_eq!(ran, here);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_runtime_of_many_threads_runs_it_elsewhere() {
        let ran = super::run(|| thread::current().name().map(str::to_owned));
        assert!(ran.await.is_ok());
        assert!(super::run(|| panic!("on purpose")).await.is_err());
    }
}
