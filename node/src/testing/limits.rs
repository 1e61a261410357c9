//! Limits of test files, in one place. Those of workers are the machine's own.

/// Bytes that the engine of a test file may allocate.
pub(super) const MEMORY_BYTES: usize = 512 << 20;

/// Bytes of stack that a test file may use; deeper recursion is an error of the test.
pub(super) const STACK_BYTES: usize = 4 << 20;

/// Bytes of stack of the thread that runs a test file: the engine's and what a worker's turn needs on top.
pub(super) const THREAD_STACK_BYTES: usize = 64 << 20;

/// Folders that a search for tests or scripts goes down at most.
pub(super) const FOLDER_DEPTH: usize = 32;

/// Lines that a test prints at most; what comes after is counted.
pub(super) const OUTPUT_LINES: usize = 1_000;
