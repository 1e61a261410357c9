//! Chance of the whole process, from the seed: what the standard library and tokio draw for the order of their
//! maps, `select!` and wake-ups comes from here. The system library asks `getrandom`; this is that function, for
//! this test binary alone. Guarantees: a process that runs one seed draws the same numbers each time. Left to
//! others: chance that goes through a port (`machine`).

use std::sync::OnceLock;

/// Answers every request for entropy of this process with the same bytes, by the seed.
///
/// # Safety
///
/// As of the function of that name in the C library: `buffer` has `length` writable bytes.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, _flags: u32) -> isize {
    static SEED: OnceLock<[u8; 32]> = OnceLock::new();
    let seed = SEED.get_or_init(|| {
        let given = std::env::var("TROUPE_TEST_SEED").unwrap_or_default();
        *blake3::hash(given.as_bytes()).as_bytes()
    });
    for at in 0..length {
        // SAFETY: the caller promises `length` writable bytes.
        unsafe { buffer.add(at).write(seed[at % seed.len()]) };
    }
    isize::try_from(length).unwrap_or(-1)
}
