//! What the benches of vectors work on; the gateway's has it from here.

/// The size of common embeddings.
pub const DIMENSIONS: usize = 1536;

/// Elements as an embedding has them: between -1 and 1, nine significant digits.
pub fn embedding(seed: u32) -> Vec<f32> {
    let mut state = seed | 1;
    (0..DIMENSIONS)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as f32 / u32::MAX as f32 * 2.0 - 1.0
        })
        .collect()
}
