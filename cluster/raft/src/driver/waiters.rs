//! News of a shard for those who wait: turns done, runs ended, values emitted. The shard's machine
//! publishes on every replica; doors and event streams listen. Guarantees: news follow the commit
//! of what they tell; each listener gets them in log order. Left to others: what was missed (a
//! listener that lags is told so, and reads the state).

use std::sync::Arc;

use cluster::Action;
use cluster::action::{OutputNews, RunEnded, TurnNews};
use tokio::sync::broadcast;

/// One piece of news.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// A turn was done.
    Turn(Arc<TurnNews>),
    /// A run ended.
    RunEnded(Arc<RunEnded>),
    /// A root instance emitted a value.
    Output(Arc<OutputNews>),
}

impl News {
    /// The news in an action, where it is one that somebody may wait for.
    #[must_use]
    pub fn of(action: &Action) -> Option<Self> {
        match action {
            Action::Turn(turn) => Some(Self::Turn(Arc::new(turn.clone()))),
            Action::RunEnded(ended) => Some(Self::RunEnded(Arc::new(ended.clone()))),
            Action::Output(output) => Some(Self::Output(Arc::new(output.clone()))),
            _ => None,
        }
    }
}

/// Where a shard's news are published.
pub struct NewsBoard {
    sender: broadcast::Sender<News>,
}

impl NewsBoard {
    /// A board on which a listener may be `capacity` news behind.
    #[must_use]
    pub fn new(capacity: usize) -> Arc<Self> {
        let (sender, _) = broadcast::channel(capacity.max(1));
        Arc::new(Self { sender })
    }

    /// Tells everybody who listens.
    pub fn publish(&self, news: News) {
        // An error means that nobody listens.
        let _ = self.sender.send(news);
    }

    /// Whether anybody listens.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.sender.receiver_count() > 0
    }

    /// All news from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<News> {
        self.sender.subscribe()
    }
}
