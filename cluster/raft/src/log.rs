//! The segmented raft log of a node.
