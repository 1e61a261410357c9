//! News of a shard for those who wait: turns done, runs ended, values emitted. The shard's machine
//! publishes on every replica; doors and event streams listen. Guarantees: news follow the commit
//! of what they tell; each listener gets them in log order. Left to others: what was missed (a
//! listener that lags is told so, and reads the state).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cluster::Action;
use cluster::action::{OutputNews, RunEnded, TurnNews};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use transport::{Address, MessageId};

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

/// What one listener wants to hear of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// The turn of a message.
    Turn(MessageId),
    /// The ends of an instance's runs.
    Ends(Address),
    /// What an instance emits.
    Output(Address),
    /// The turns of an instance and the ends of its runs: what its history gets.
    Steps(Address),
}

impl Topic {
    fn of(news: &News) -> [Option<Self>; 2] {
        match news {
            News::Turn(turn) => [
                Some(Self::Turn(turn.stamp.id)),
                Some(Self::Steps(turn.instance.clone())),
            ],
            News::RunEnded(ended) => [
                Some(Self::Ends(ended.instance.clone())),
                Some(Self::Steps(ended.instance.clone())),
            ],
            News::Output(output) => [Some(Self::Output(output.instance.clone())), None],
        }
    }
}

/// News that a listener of one topic may be behind.
const TOPIC_CAPACITY: usize = 16;

/// Where a shard's news are published. A listener of one topic costs nothing to others: each piece of
/// news is looked up once, however many listen to something else.
pub struct NewsBoard {
    sender: broadcast::Sender<News>,
    topics: Mutex<BTreeMap<Topic, broadcast::Sender<News>>>,
}

/// Hears the news of one topic.
pub struct TopicNews {
    board: Arc<NewsBoard>,
    topic: Topic,
    // Always there until it is dropped.
    news: Option<broadcast::Receiver<News>>,
}

impl NewsBoard {
    /// A board on which a listener may be `capacity` news behind.
    #[must_use]
    pub fn new(capacity: usize) -> Arc<Self> {
        let (sender, _) = broadcast::channel(capacity.max(1));
        let topics = Mutex::default();
        Arc::new(Self { sender, topics })
    }

    fn topics(&self) -> MutexGuard<'_, BTreeMap<Topic, broadcast::Sender<News>>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells everybody who listens.
    pub fn publish(&self, news: News) {
        let topics = self.topics();
        if !topics.is_empty() {
            let topics_of = Topic::of(&news).into_iter().flatten();
            for listeners in topics_of.filter_map(|topic| topics.get(&topic)) {
                // An error means that the last listener is just going.
                let _ = listeners.send(news.clone());
            }
        }
        drop(topics);
        // An error means that nobody listens.
        let _ = self.sender.send(news);
    }

    /// Whether anybody listens.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.sender.receiver_count() > 0 || !self.topics().is_empty()
    }

    /// All news from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<News> {
        self.sender.subscribe()
    }

    /// The news of one topic from now on.
    #[must_use]
    pub fn listen(self: &Arc<Self>, topic: Topic) -> TopicNews {
        let mut topics = self.topics();
        let sender = topics
            .entry(topic.clone())
            .or_insert_with(|| broadcast::channel(TOPIC_CAPACITY).0);
        TopicNews {
            board: Arc::clone(self),
            news: Some(sender.subscribe()),
            topic,
        }
    }
}

impl TopicNews {
    /// The next piece of news, where it was told already.
    ///
    /// # Errors
    /// `Empty` where it was not, `Lagged` where this listener missed some.
    pub fn try_next(&mut self) -> Result<News, TryRecvError> {
        match &mut self.news {
            Some(news) => news.try_recv(),
            None => Err(TryRecvError::Closed),
        }
    }

    /// The next piece of news.
    ///
    /// # Errors
    /// `Lagged` where this listener missed some.
    pub async fn next(&mut self) -> Result<News, RecvError> {
        match &mut self.news {
            Some(news) => news.recv().await,
            None => Err(RecvError::Closed),
        }
    }
}

impl Drop for TopicNews {
    fn drop(&mut self) {
        // First, so that the last to go sees that nobody is left.
        self.news = None;
        let mut topics = self.board.topics();
        if topics
            .get(&self.topic)
            .is_some_and(|sender| sender.receiver_count() == 0)
        {
            topics.remove(&self.topic);
        }
    }
}

#[cfg(test)]
mod tests {
    use cluster::record::InstanceStatus;
    use transport::{Namespace, RunId};

    use super::*;

    fn ended(key: &str) -> News {
        News::RunEnded(Arc::new(RunEnded {
            instance: address(key),
            run: RunId([1; 16]),
            status: InstanceStatus::Completed,
            result: None,
            error: None,
        }))
    }

    fn address(key: &str) -> Address {
        Address::instance(Namespace::default(), "A", key).unwrap()
    }

    #[test]
    fn a_topic_is_heard_by_its_listeners_and_forgotten_after_them() {
        let board = NewsBoard::new(4);
        assert!(!board.is_watched());
        let mut first = board.listen(Topic::Ends(address("a")));
        let mut second = board.listen(Topic::Ends(address("a")));
        let other = board.listen(Topic::Output(address("a")));
        board.publish(ended("b"));
        board.publish(ended("a"));
        assert_eq!(first.try_next(), Ok(ended("a")));
        assert_eq!(first.try_next(), Err(TryRecvError::Empty));
        drop(first);
        assert_eq!(second.try_next(), Ok(ended("a")));
        assert!(board.is_watched());
        let mut steps = board.listen(Topic::Steps(address("a")));
        board.publish(ended("a"));
        assert_eq!(steps.try_next(), Ok(ended("a")));
        drop((second, other, steps));
        assert!(!board.is_watched());
    }

    #[test]
    fn who_is_too_slow_is_told_so() {
        let board = NewsBoard::new(4);
        let mut slow = board.listen(Topic::Ends(address("a")));
        (0..=TOPIC_CAPACITY).for_each(|_| board.publish(ended("a")));
        assert!(matches!(slow.try_next(), Err(TryRecvError::Lagged(_))));
    }
}
