//! Listens for what a shard tells: the turn of a message, the ends of an instance's runs, what it puts out.
//! Comes after whoever waits; before the news of a replica on this node. Guarantees: what is told after
//! `listen` is heard, or the listener is told to look at the state: because it fell behind, because some
//! things are not told (dead letters, for one), or because no replica is here. Leaves to others: looking.

use std::time::Duration;

use cluster_raft::driver::waiters::{News, Topic, TopicNews};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use transport::ShardId;

use super::route::Pause;
use super::{Consistency, Door};

/// The first pause before a look where news are heard as well.
const LOOK_MIN: Duration = Duration::from_millis(20);
/// The longest such pause.
const LOOK_MAX: Duration = Duration::from_millis(500);
/// The first pause before a look where no replica is here.
const POLL_MIN: Duration = Duration::from_millis(2);
/// The longest such pause.
const POLL_MAX: Duration = Duration::from_millis(100);

/// What came of listening.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    /// News of the topic.
    Told(News),
    /// There may be something in the state.
    Look,
    /// The deadline is over.
    Over,
}

/// Hears one topic of one shard.
pub struct Listener {
    shard: ShardId,
    topic: Topic,
    news: Option<TopicNews>,
    pause: Pause,
}

impl Door {
    /// Listens from now on. What was told before is in the shard's state.
    pub(crate) fn listen(&self, shard: ShardId, topic: Topic) -> Listener {
        let news = self.groups.listen(shard, topic.clone());
        Listener::new(shard, topic, news)
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Listener({}, {:?})", self.shard, self.topic)
    }
}

impl Listener {
    fn new(shard: ShardId, topic: Topic, news: Option<TopicNews>) -> Listener {
        let pause = match news {
            Some(_) => Pause::new(LOOK_MIN, LOOK_MAX),
            None => Pause::new(POLL_MIN, POLL_MAX),
        };
        Listener {
            shard,
            topic,
            news,
            pause,
        }
    }

    /// Whether it listens to this.
    pub(super) fn is_of(&self, shard: ShardId, topic: &Topic) -> bool {
        self.shard == shard && self.topic == *topic
    }

    /// How the state has to be looked at first. Where news of a replica on this node are heard, what is not in
    /// that replica's state yet will be told: it need not be asked what is committed.
    pub(super) fn first_look(&self) -> Consistency {
        match self.news {
            Some(_) => Consistency::Local,
            None => Consistency::Linearisable,
        }
    }

    /// What was told already.
    pub(super) fn told(&mut self) -> Option<News> {
        // What was missed is in the state, which is looked at next.
        self.news.as_mut()?.try_next().ok()
    }

    /// Waits for news, until it is time to look at the state.
    pub(crate) async fn next(&mut self, deadline: Instant) -> Heard {
        let Some(at) = self.pause.next(deadline) else {
            return Heard::Over;
        };
        let Some(news) = self.news.as_mut() else {
            tokio::time::sleep_until(at).await;
            return Heard::Look;
        };
        match tokio::time::timeout_at(at, news.next()).await {
            Ok(Ok(one)) => Heard::Told(one),
            Ok(Err(RecvError::Lagged(_) | RecvError::Closed)) | Err(_) => Heard::Look,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cluster::action::RunEnded;
    use cluster::record::InstanceStatus;
    use cluster_raft::driver::waiters::NewsBoard;
    use transport::{Address, Namespace, RunId};

    use super::*;

    fn instance() -> Address {
        Address::instance(Namespace::default(), "A", "a").unwrap()
    }

    fn ended(number: u8) -> News {
        News::RunEnded(Arc::new(RunEnded {
            instance: instance(),
            run: RunId([number; 16]),
            status: InstanceStatus::Completed,
            result: None,
            error: None,
        }))
    }

    fn listener(board: Option<&Arc<NewsBoard>>) -> Listener {
        let topic = Topic::Ends(instance());
        let news = board.map(|board| board.listen(topic.clone()));
        Listener::new(ShardId(0), topic, news)
    }

    fn late() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[tokio::test]
    async fn news_are_heard_before_and_while_waiting() {
        let board = NewsBoard::new(8);
        let mut listener = listener(Some(&board));
        board.publish(ended(1));
        assert_eq!(listener.told(), Some(ended(1)));
        assert_eq!(listener.told(), None);
        let later = tokio::spawn(async move { board.publish(ended(2)) });
        assert_eq!(listener.next(late()).await, Heard::Told(ended(2)));
        later.await.unwrap();
    }

    #[tokio::test]
    async fn who_falls_behind_looks() {
        let board = NewsBoard::new(8);
        let mut listener = listener(Some(&board));
        (0..100).for_each(|number| board.publish(ended(number)));
        assert_eq!(listener.next(late()).await, Heard::Look);
        assert!(matches!(listener.next(late()).await, Heard::Told(_)));
    }

    #[tokio::test]
    async fn what_is_not_told_is_looked_for() {
        let board = NewsBoard::new(8);
        let began = Instant::now();
        assert_eq!(listener(Some(&board)).next(late()).await, Heard::Look);
        assert!(began.elapsed() >= LOOK_MIN);
        assert_eq!(listener(None).next(late()).await, Heard::Look);
        assert_eq!(listener(None).next(Instant::now()).await, Heard::Over);
    }
}
