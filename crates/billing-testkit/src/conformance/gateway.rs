//! Tests for every promise of a gateway.

/// Makes one test for each promise of a payment gateway.
///
/// The expression makes a future of a [`GatewaySubject`](crate::GatewaySubject).
#[macro_export]
macro_rules! gateway_conformance {
    ($subject:expr) => {
        $crate::promise_tests! { $subject;
            gateway {
                a_customer_is_made_once
                a_page_is_opened_once_for_a_checkout
                what_a_gateway_does_not_know_is_nothing
                what_makes_no_sense_is_refused
                a_page_can_be_closed
                a_paid_pack_is_a_payment
                a_paid_plan_is_a_subscription
                a_trial_begins_without_payment
                a_coupon_is_made_once_and_taken_off
                only_what_is_signed_is_believed
                the_portal_opens_for_a_customer
            }
            lifecycle {
                an_upgrade_costs_what_its_preview_said
                a_declined_upgrade_changes_nothing
                what_is_left_of_a_dearer_price_is_credited
                a_planned_change_is_shown_and_taken_back
                a_subscription_is_cancelled
                a_planned_change_ends_with_the_subscription
                a_subscription_is_paused_and_goes_on
                money_is_given_back_once
            }
            listings {
                what_changed_is_on_the_lists
            }
            charges {
                a_method_is_kept_when_asked_for
                a_kept_method_is_charged_once_for_a_checkout
                a_refused_charge_is_a_payment_that_failed
                what_cannot_be_charged_is_refused
            }
        }
    };
}
