//! The threads that apply. The state machine adapter hands jobs in, and nothing comes after: a job
//! answers for itself. Guarantees: jobs of one lane run one after the other in the order they came,
//! on one thread; raft's and the bus's threads never apply. Left to others: what a job does, and
//! its panics (a job that panics takes nothing else with it).

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use tokio::sync::oneshot;

use crate::disk::Disk;
use crate::log::{Log, LogConfig, LogError, LogThreads};

/// Something to be run on a lane.
pub type Job = Box<dyn FnOnce() + Send>;

/// The port: where jobs of a lane run.
pub trait ApplyThreads: Send + Sync + 'static {
    /// Runs `job` after all earlier jobs of `lane`. Returns at once.
    fn run(&self, lane: u32, job: Job);

    /// Opens the log and has it written: by threads of its own, where time is the machine's. A
    /// simulation drives the writer itself. May wait for the disk.
    ///
    /// # Errors
    /// Those of `Log::start`.
    fn start_log(
        &self,
        disk: Arc<dyn Disk>,
        config: LogConfig,
    ) -> Result<(Log, LogThreads), LogError> {
        Log::start(disk, config)
    }
}

/// Real threads; lane n runs on thread n modulo their number. They end when this is dropped.
pub struct ThreadPool {
    queues: Vec<Sender<Job>>,
}

impl ThreadPool {
    /// Starts `threads` threads, at least one.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(threads: usize) -> io::Result<Arc<Self>> {
        let mut queues = Vec::new();
        for number in 0..threads.max(1) {
            let (queue, jobs) = channel();
            thread::Builder::new()
                .name(format!("apply-{number}"))
                .spawn(move || work(&jobs))?;
            queues.push(queue);
        }
        Ok(Arc::new(Self { queues }))
    }
}

impl ApplyThreads for ThreadPool {
    fn run(&self, lane: u32, job: Job) {
        let queue = &self.queues[lane as usize % self.queues.len()];
        queue
            .send(job)
            .expect("an apply thread lives as long as its pool");
    }
}

fn work(jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        // The job's own channel tells its caller; the thread serves other groups too.
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!("a job on an apply thread panicked; its group stops");
        }
    }
}

/// One group's place on the apply threads.
#[derive(Clone)]
pub struct Lane {
    threads: Arc<dyn ApplyThreads>,
    number: u32,
}

impl Lane {
    /// The lane of that number.
    #[must_use]
    pub fn new(threads: Arc<dyn ApplyThreads>, number: u32) -> Self {
        Self { threads, number }
    }

    /// Runs `work` on the lane and waits for what it gives.
    ///
    /// # Errors
    /// Where it panicked.
    pub async fn run<T, F>(&self, work: F) -> io::Result<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move || {
            // Nobody waits any more where the group was dropped.
            let _ = answer.send(work());
        });
        self.threads.run(self.number, job);
        answered
            .await
            .map_err(|_| io::Error::other("apply panicked (E-apply-panic)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lane_keeps_the_order_and_survives_a_panic() {
        let pool = ThreadPool::start(2).unwrap();
        let lane = Lane::new(pool, 7);
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        for number in 0..100 {
            let seen = Arc::clone(&seen);
            let run = lane.run(move || seen.lock().unwrap().push(number));
            run.await.unwrap();
        }
        assert!(lane.run(|| panic!("on purpose")).await.is_err());
        assert_eq!(lane.run(|| 1).await.unwrap(), 1);
        assert_eq!(*seen.lock().unwrap(), (0..100).collect::<Vec<_>>());
    }
}
