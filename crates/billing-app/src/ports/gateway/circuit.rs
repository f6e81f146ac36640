//! Whether a gateway is asked at all.

/// Whether calls reach a gateway.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Circuit {
    /// They do.
    Closed,
    /// It has not answered, and is left alone for so long.
    Open {
        /// When to come back.
        retry_after: std::time::Duration,
    },
    /// One does, to see whether it answers again.
    HalfOpen,
}

impl Circuit {
    /// Its name in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen => "half_open",
        }
    }
}
