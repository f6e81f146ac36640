//! Numbers that look random and are the same in every run.

/// A xorshift generator.
pub(crate) struct Random(u64);

impl Random {
    /// Neighbouring seeds give sequences that have nothing to do with each other.
    pub(crate) const fn new(seed: usize) -> Self {
        // Any odd constant does; it keeps neighbours apart, and 0 would stay 0.
        Self((seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// A number below `end`; 0 where there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let upper = usize::try_from(self.0 >> 32).unwrap_or_default();
        upper.checked_rem(end).unwrap_or_default()
    }
}
