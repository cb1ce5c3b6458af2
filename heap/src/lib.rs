//! Gives free memory back to the system. It is a crate of its own since the exporter forbids `unsafe` code, and no library
//! offers this call in a safe form.

#![allow(unsafe_code, reason = "the one call that the crate is for")]

/// Gives the free pages of the allocator back to the system, wherever in its heaps they lie. glibc by itself gives back only
/// the end of each heap (`malloc_trim(3)`); other allocators are left to themselves. It walks all heaps and locks each
/// meanwhile, so it is nothing for a hot path.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it takes no pointer, may be called at any time, and takes the allocator's own locks.
    let _ = unsafe { libc::malloc_trim(0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory of the process that is neither a file's nor given back, in bytes.
    fn resident() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<usize>().unwrap() * 1024
    }

    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn what_is_free_between_what_is_used_is_given_back() {
        const PIECE: usize = 16 * 1024;
        const PIECES: usize = 4 * 1024;
        // One small piece after each large one keeps the end of the heap in use.
        let (large, small): (Vec<_>, Vec<_>) =
            (0..PIECES).map(|_| (vec![1_u8; PIECE], vec![1_u8; 64])).unzip();
        drop(large);
        let kept = resident();
        give_back();
        let left = resident();
        assert!(left + PIECE * PIECES / 2 < kept, "{kept} bytes before, {left} after");
        assert_eq!(small.len(), PIECES);
    }
}
