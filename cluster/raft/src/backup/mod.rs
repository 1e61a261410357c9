//! Backups: the state of all groups at one cut, in one file, and a new cluster from it. The door of a node asks
//! for holds and reads them; `restore` takes the file apart on an empty data folder. Guarantees: of each group the
//! file has a state from before the cut and the log's entries from there to the cut, so that making a backup stops
//! nobody; a file that is damaged or ends early is never taken for whole. Left to others: choosing the replicas
//! that are read (`node`), where cuts are and that they fit together (`cluster`).

pub mod format;
mod hold;
mod making;
mod restore;
mod section;
mod unfinished;

pub use format::{FormatError, Head, Record, Summary};
pub use hold::{HoldError, HoldRequest, Holds, Step};
pub use making::Backup;
pub use restore::{NewCluster, RestoreError, RestorePorts, Restored, restore};
pub use section::SectionError;
