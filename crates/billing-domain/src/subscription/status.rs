//! The states of a subscription and the moves between them.

use core::fmt;

use time::OffsetDateTime;

/// Where a subscription stands, with what is true there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// The first payment is not made yet.
    Incomplete,
    /// It may be used before the first payment.
    Trialing {
        /// When the first payment is due.
        ends_at: OffsetDateTime,
    },
    /// Paid.
    Active,
    /// A payment failed.
    PastDue {
        /// Since when.
        since: OffsetDateTime,
    },
    /// Neither billed nor usable for a while.
    Paused {
        /// Until when, if that is known.
        resumes_at: Option<OffsetDateTime>,
    },
    /// Ended by somebody's wish.
    Cancelled {
        /// When.
        at: OffsetDateTime,
    },
    /// Ended without renewal.
    Expired {
        /// When.
        at: OffsetDateTime,
    },
}

/// What one can ask of a subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verb {
    /// The due payment was made.
    Activate,
    /// The due payment failed.
    FailPayment,
    /// Stop for a while.
    Pause {
        /// Until when, if that is known.
        resumes_at: Option<OffsetDateTime>,
    },
    /// Go on after a pause.
    Resume,
    /// End it now.
    Cancel,
    /// End it because nobody renewed it.
    Expire,
}

/// A move that the states do not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a subscription that is {from} cannot {verb}")]
pub struct InvalidTransition {
    /// Where it stands.
    pub from: &'static str,
    /// What was asked.
    pub verb: &'static str,
}

/// No status has this name, or a part of it is missing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a status of a subscription")]
pub struct UnknownStatus(pub String);

impl Verb {
    /// Its name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Activate => "activate",
            Self::FailPayment => "fail a payment",
            Self::Pause { .. } => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
            Self::Expire => "expire",
        }
    }
}

impl Status {
    /// Its name in tables and answers.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::Trialing { .. } => "trialing",
            Self::Active => "active",
            Self::PastDue { .. } => "past_due",
            Self::Paused { .. } => "paused",
            Self::Cancelled { .. } => "cancelled",
            Self::Expired { .. } => "expired",
        }
    }

    /// Whether it has not ended.
    pub const fn is_live(&self) -> bool {
        !matches!(self, Self::Cancelled { .. } | Self::Expired { .. })
    }

    /// The instant that is part of it, if any: the end of the trial, since when it is past due,
    /// until when it is paused, when it ended.
    pub const fn instant(&self) -> Option<OffsetDateTime> {
        match self {
            Self::Incomplete | Self::Active => None,
            Self::Trialing { ends_at: at }
            | Self::PastDue { since: at }
            | Self::Cancelled { at }
            | Self::Expired { at } => Some(*at),
            Self::Paused { resumes_at } => *resumes_at,
        }
    }

    /// The status of a name and the instant that belongs to it.
    pub fn from_parts(name: &str, instant: Option<OffsetDateTime>) -> Result<Self, UnknownStatus> {
        let unknown = || UnknownStatus(name.to_owned());
        Ok(match name {
            "incomplete" => Self::Incomplete,
            "active" => Self::Active,
            "paused" => Self::Paused { resumes_at: instant },
            "trialing" => Self::Trialing { ends_at: instant.ok_or_else(unknown)? },
            "past_due" => Self::PastDue { since: instant.ok_or_else(unknown)? },
            "cancelled" => Self::Cancelled { at: instant.ok_or_else(unknown)? },
            "expired" => Self::Expired { at: instant.ok_or_else(unknown)? },
            _ => return Err(unknown()),
        })
    }

    /// Where a verb leads from here; nothing where it has led already.
    pub(super) fn after(
        self,
        verb: Verb,
        now: OffsetDateTime,
    ) -> Result<Option<Self>, InvalidTransition> {
        use Status::{Active, Cancelled, Expired, Incomplete, PastDue, Paused, Trialing};
        let refused = InvalidTransition { from: self.name(), verb: verb.name() };
        match (verb, self) {
            (Verb::Activate, Active)
            | (Verb::FailPayment, PastDue { .. })
            | (Verb::Pause { .. }, Paused { .. })
            | (Verb::Resume, Active)
            | (Verb::Cancel, Cancelled { .. })
            | (Verb::Expire, Expired { .. }) => Ok(None),

            (Verb::Activate, Incomplete | Trialing { .. } | PastDue { .. })
            | (Verb::Resume, Paused { .. }) => Ok(Some(Active)),
            (Verb::FailPayment, Active | Trialing { .. }) => Ok(Some(PastDue { since: now })),
            (Verb::Pause { resumes_at }, Active | Trialing { .. }) => {
                Ok(Some(Paused { resumes_at }))
            }
            (Verb::Cancel, Active | Trialing { .. } | PastDue { .. } | Paused { .. }) => {
                Ok(Some(Cancelled { at: now }))
            }
            (Verb::Expire, live) if live.is_live() => Ok(Some(Expired { at: now })),

            (Verb::Activate, Paused { .. } | Cancelled { .. } | Expired { .. })
            | (Verb::FailPayment, Incomplete | Paused { .. } | Cancelled { .. } | Expired { .. })
            | (
                Verb::Pause { .. },
                Incomplete | PastDue { .. } | Cancelled { .. } | Expired { .. },
            )
            | (
                Verb::Resume,
                Incomplete | Trialing { .. } | PastDue { .. } | Cancelled { .. } | Expired { .. },
            )
            | (Verb::Cancel, Incomplete | Expired { .. })
            | (Verb::Expire, _) => Err(refused),
        }
    }

    /// What a report of the gateway makes of it: the report, but past due since the first time,
    /// and paused until when we know.
    pub(super) fn adopting(self, reported: Self) -> Self {
        match (self, reported) {
            (Self::PastDue { since }, Self::PastDue { .. }) => Self::PastDue { since },
            (Self::Paused { resumes_at }, Self::Paused { resumes_at: None }) => {
                Self::Paused { resumes_at }
            }
            (_, reported) => reported,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
