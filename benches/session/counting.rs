//! The gateway's allocator, counting.

#![allow(unsafe_code, reason = "an allocator cannot be written without; each call is passed on as it came")]

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicU64, Ordering};

use mimalloc::MiMalloc;

/// Counts what takes memory, growth in place included.
pub struct Counting {
    count: AtomicU64,
}

impl Counting {
    pub const fn new() -> Self {
        Self { count: AtomicU64::new(0) }
    }

    /// Allocations so far.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    fn add(&self) {
        // The bench has one thread.
        self.count.store(self.count().wrapping_add(1), Ordering::Relaxed);
    }
}

// SAFETY: every call goes to mimalloc with the arguments it came with, and its answer goes back.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.add();
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { MiMalloc.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.add();
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { MiMalloc.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` comes from mimalloc, with this layout.
        unsafe { MiMalloc.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        self.add();
        // SAFETY: `pointer` comes from mimalloc, with this layout.
        unsafe { MiMalloc.realloc(pointer, layout, bytes) }
    }
}
