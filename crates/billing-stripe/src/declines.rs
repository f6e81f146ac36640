//! Stripe's words for a refusal, in ours.

use billing_domain::payment::ChargeFailure;

/// Its words are many, and new ones come: what is not known is refused for now.
pub(crate) fn failed_as(word: Option<&str>) -> ChargeFailure {
    match word.unwrap_or_default() {
        "authentication_required"
        | "payment_intent_authentication_failure"
        | "authentication_not_handled"
        | "approve_with_id"
        | "offline_pin_required"
        | "online_or_offline_pin_required" => ChargeFailure::AuthenticationRequired,

        "insufficient_funds" | "withdrawal_count_limit_exceeded" | "card_velocity_exceeded" => {
            ChargeFailure::InsufficientFunds
        }

        "expired_card" | "new_account_information_available" => ChargeFailure::ExpiredCard,

        "lost_card" | "stolen_card" | "pickup_card" => ChargeFailure::LostOrStolen,

        "incorrect_number"
        | "invalid_number"
        | "invalid_account"
        | "invalid_expiry_month"
        | "invalid_expiry_year"
        | "incorrect_cvc"
        | "invalid_cvc"
        | "incorrect_zip"
        | "account_closed"
        | "payment_method_not_available" => ChargeFailure::InvalidMethod,

        "revocation_of_authorization"
        | "revocation_of_all_authorizations"
        | "stop_payment_order"
        | "do_not_try_again"
        | "transaction_not_allowed"
        | "service_not_allowed"
        | "not_permitted"
        | "card_not_supported"
        | "currency_not_supported"
        | "restricted_card"
        | "security_violation"
        | "fraudulent"
        | "merchant_blacklist"
        | "highest_risk_level"
        | "live_mode_test_card" => ChargeFailure::NotPermitted,

        "processing_error"
        | "issuer_not_available"
        | "reenter_transaction"
        | "rate_limit"
        | "lock_timeout"
        | "api_error" => ChargeFailure::Unavailable,

        _ => ChargeFailure::Declined,
    }
}

#[cfg(test)]
mod tests {
    use billing_domain::payment::DeclineKind;

    use super::*;

    #[test]
    fn each_word_leads_to_what_may_be_done() {
        for (words, kind) in [
            (
                "lost_card stolen_card pickup_card incorrect_number revocation_of_authorization \
                 revocation_of_all_authorizations do_not_try_again transaction_not_allowed \
                 highest_risk_level account_closed",
                DeclineKind::Hard,
            ),
            ("authentication_required", DeclineKind::AskCustomer),
            ("expired_card", DeclineKind::NewMethod),
            (
                "insufficient_funds generic_decline do_not_honor try_again_later card_declined \
                 call_issuer a_word_of_tomorrow",
                DeclineKind::Soft,
            ),
            ("processing_error issuer_not_available rate_limit", DeclineKind::Technical),
        ] {
            for word in words.split_whitespace() {
                assert_eq!(failed_as(Some(word)).kind(), kind, "{word}");
            }
        }
        assert_eq!(failed_as(None), ChargeFailure::Declined);
    }
}
