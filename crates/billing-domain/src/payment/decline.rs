//! Why a charge brought no money, and what may be done about it.

use core::str::FromStr;

use serde::Serialize;

/// Why a charge brought no money, whatever the gateway's word for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeFailure {
    /// The payer's bank wants to ask the payer, who must pay on a page.
    AuthenticationRequired,
    /// There is not enough money; later there may be.
    InsufficientFunds,
    /// The card has expired.
    ExpiredCard,
    /// The bank says no, and not why.
    Declined,
    /// The card is lost or stolen, and its bank wants it back.
    LostOrStolen,
    /// There is no such card or account, or not any more.
    InvalidMethod,
    /// The bank or the gateway forbids charges of this card by this seller, for good.
    NotPermitted,
    /// The bank or the gateway could not answer now.
    Unavailable,
    /// The gateway keeps no method of the payer's.
    NoSavedMethod,
    /// The gateway says that the charge makes no sense.
    Refused,
}

/// What may be done about a charge that failed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclineKind {
    /// The same method may never be charged again.
    Hard,
    /// Only the customer can pay, on a page.
    AskCustomer,
    /// Another method is needed.
    NewMethod,
    /// Days later it may work.
    Soft,
    /// Minutes later it may work.
    Technical,
}

/// No reason of this name is known.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a reason for which a charge fails")]
pub struct UnknownChargeFailure(pub String);

impl ChargeFailure {
    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::AuthenticationRequired,
        Self::InsufficientFunds,
        Self::ExpiredCard,
        Self::Declined,
        Self::LostOrStolen,
        Self::InvalidMethod,
        Self::NotPermitted,
        Self::Unavailable,
        Self::NoSavedMethod,
        Self::Refused,
    ];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthenticationRequired => "authentication_required",
            Self::InsufficientFunds => "insufficient_funds",
            Self::ExpiredCard => "expired_card",
            Self::Declined => "declined",
            Self::LostOrStolen => "lost_or_stolen",
            Self::InvalidMethod => "invalid_method",
            Self::NotPermitted => "not_permitted",
            Self::Unavailable => "unavailable",
            Self::NoSavedMethod => "no_saved_method",
            Self::Refused => "refused",
        }
    }

    /// What may be done about it.
    pub const fn kind(self) -> DeclineKind {
        match self {
            Self::LostOrStolen | Self::InvalidMethod | Self::NotPermitted => DeclineKind::Hard,
            Self::AuthenticationRequired => DeclineKind::AskCustomer,
            Self::ExpiredCard | Self::NoSavedMethod | Self::Refused => DeclineKind::NewMethod,
            Self::InsufficientFunds | Self::Declined => DeclineKind::Soft,
            Self::Unavailable => DeclineKind::Technical,
        }
    }
}

impl FromStr for ChargeFailure {
    type Err = UnknownChargeFailure;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|failure| failure.name() == name);
        found.ok_or_else(|| UnknownChargeFailure(name.to_owned()))
    }
}

impl DeclineKind {
    /// Every kind, the worst first.
    pub const ALL: [Self; 5] =
        [Self::Hard, Self::AskCustomer, Self::NewMethod, Self::Soft, Self::Technical];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::AskCustomer => "ask_customer",
            Self::NewMethod => "new_method",
            Self::Soft => "soft",
            Self::Technical => "technical",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_are_told() {
        for failure in ChargeFailure::ALL {
            assert_eq!(failure.name().parse(), Ok(failure));
            assert_eq!(serde_json::to_value(failure).unwrap(), failure.name());
        }
        for kind in DeclineKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        assert!("tired".parse::<ChargeFailure>().is_err());
    }
}
