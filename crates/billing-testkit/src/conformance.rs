//! Tests for every promise.

mod gateway;

/// Makes one test for each promise of the ports of storage.
///
/// The expression makes a future of a [`Subject`](crate::Subject) on which nothing has happened:
/// each test has its own. The crate that uses it needs `tokio` with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! conformance {
    ($subject:expr) => {
        $crate::promise_tests! { $subject;
            units {
                a_commit_makes_all_true_at_once
                an_abandoned_unit_leaves_no_trace
                an_abandoned_unit_frees_its_locks
                a_unit_sees_its_own_changes
                a_payment_that_is_found_is_held
                a_subscription_that_is_found_is_held
                a_checkout_that_is_found_is_held
                an_organization_that_is_found_is_held
            }
            scopes {
                a_scope_sees_nothing_of_another_organization
                a_scope_cannot_write_into_another_organization
                a_scope_cannot_touch_the_credits_of_another
                a_scope_does_everything_for_its_own_organization
                a_record_of_another_cannot_be_taken_over
            }
            organizations {
                organizations_come_back_as_they_were
                an_unknown_organization_is_nothing
                an_external_id_is_taken_once
                an_external_id_is_taken_once_at_the_same_time
                the_first_customer_stays
                the_first_customer_stays_at_the_same_time
                organizations_are_listed_in_pages
            }
            checkouts {
                checkouts_come_back_as_they_were
                a_checkout_goes_through_its_states
                unfinished_checkouts_are_pending_or_open
                a_checkout_has_an_owner
            }
            subscriptions {
                subscriptions_come_back_as_they_were
                a_subscription_goes_through_its_states
                a_group_has_one_live_subscription
                what_is_not_live_in_the_group_is_not_in_the_way
                a_group_has_one_live_subscription_at_the_same_time
                the_last_subscription_is_shown
                an_unknown_subscription_is_nothing
            }
            change_requests {
                change_requests_come_back_as_they_were
                a_subscription_has_one_pending_request_and_one_scheduled
                requests_are_due_while_they_are_open
                duplicates_come_back_as_they_were
                duplicates_are_due_until_they_are_settled
            }
            pending_items {
                pending_items_come_back_as_they_were
                a_pending_item_stands_on_one_invoice
                a_request_keeps_its_invoice
                an_invoice_of_ours_is_found_by_its_period
            }
            payments {
                payments_come_back_as_they_were
                a_payment_goes_through_its_states
                a_payment_is_known_by_one_reference
                payments_are_listed_in_pages
            }
            invoices {
                invoices_come_back_as_they_were
                an_invoice_goes_through_its_states
                lines_of_an_invoice_are_replaced
                an_invoice_is_known_by_one_reference
                a_payment_has_one_invoice_of_ours
                a_period_has_one_invoice_of_ours
                invoices_are_listed_in_pages
                invoices_are_filtered
                credit_notes_come_back_as_they_were
                an_invoice_stays_in_its_scope
            }
            collections {
                collections_come_back_as_they_were
                open_collections_are_those_that_have_not_ended
                a_method_is_known_over_all_invoices
                a_collection_stays_in_its_scope
                a_collection_that_is_found_is_held
                collections_are_due_in_time
                failed_payments_are_listed
                payments_are_counted
            }
            invoice_numbers {
                numbers_follow_each_other
                an_abandoned_unit_leaves_no_gap
                numbers_have_no_gaps_at_the_same_time
            }
            period_use {
                use_that_was_billed_is_summed
                use_is_counted_by_period
                distinct_values_of_a_period_count_once
            }
            reconciliations {
                what_we_have_is_known_by_its_gateway
                what_is_not_final_comes_in_pages
                our_own_records_are_compared
                runs_come_back_as_they_were
                a_difference_is_open_once_until_it_heals
            }
            auto_top_ups {
                auto_top_ups_come_back_as_they_were
                an_auto_top_up_stays_in_its_scope
                an_auto_top_up_that_is_found_is_held
                top_ups_are_due_when_credits_are_low_or_a_charge_is_under_way
                charges_are_listed_since_an_instant
            }
            trials {
                trials_come_back_as_they_were
                renewals_come_back_as_they_were
                what_our_engine_bills_comes_back_as_it_was
                a_trial_stays_in_its_scope
                a_trial_that_is_found_is_held
                a_person_tries_once
                a_person_tries_once_at_the_same_time
                trials_and_renewals_are_due_in_time
                trials_are_counted
            }
            catalogue {
                the_catalogue_comes_back_as_it_was
                what_is_on_sale_stays_as_it_is
                a_rich_plan_comes_back_as_it_was
            }
            discounts {
                discounts_come_back_as_they_were
                a_discount_is_made_once_and_its_terms_stay
                uses_come_back_as_they_were
                a_customers_history_is_told
                a_discount_that_is_found_is_held
                reservations_lapse
                changes_of_the_catalogue_are_kept
            }
            access {
                keys_come_back_as_they_were
                a_key_ends_once
                keys_are_listed_in_pages
            }
            credits {
                credits_are_consumed
                too_few_credits_are_denied
                a_key_is_decided_once
                a_key_is_for_one_request
                a_source_gives_once
                what_is_due_is_booked_first
                the_due_are_named_until_they_are_booked
                nobody_has_no_credits
                entries_are_listed_in_pages
            }
            credit_holds {
                a_hold_reserves_credits
                a_hold_is_settled_for_a_part_of_it
                no_more_is_settled_than_is_held
                a_hold_is_released_once
                a_hold_times_out
                the_next_hold_to_time_out_is_known
                who_comes_too_early_books_nothing
                a_key_of_a_hold_is_decided_once
                a_hold_is_nobody_elses
                what_is_held_can_be_settled_after_its_grant_has_ended
            }
            credit_refunds {
                no_more_is_given_back_than_was_used
                a_key_gives_back_once
                what_was_settled_is_given_back
                what_was_not_used_is_not_given_back
                a_use_of_the_same_unit_is_given_back
                what_returns_too_late_is_lost
                what_was_overdrawn_is_given_back
                what_was_given_is_taken_back_as_far_as_is_said
                what_was_used_before_it_is_taken_back_is_owed
                what_has_not_started_is_taken_back_too
            }
            credit_transfers {
                credits_change_hands
                only_what_is_ones_own_is_given
                a_key_gives_to_another_once
                nobody_gives_and_nobody_receives
                an_abandoned_unit_gives_nothing
                what_is_given_repays_what_is_owed
                transfers_cross_each_other
            }
            credit_settings {
                settings_are_kept_as_rows
                the_order_that_is_set_is_drawn_by
                an_overdraft_ends_at_its_limit
            }
            credit_notices {
                a_low_balance_is_told_once
                a_settlement_is_told_of_and_a_hold_is_not
                unusual_use_is_measured_by_the_days_before
                an_end_is_told_ahead
                what_did_not_happen_is_not_told
            }
            credit_hold_races {
                a_hold_is_settled_once_at_the_same_time
                a_hold_is_settled_or_released
                a_hold_is_settled_or_times_out
                no_more_is_given_back_at_the_same_time
                holds_and_uses_at_once_add_up
            }
            credit_history {
                credits_are_decided_as_the_domain_decides
                units_decide_on_credits_as_the_domain_decides
                every_row_comes_back_as_it_was_written
            }
            credit_races {
                the_last_credit_is_taken_once
                each_key_takes_once_at_the_same_time
                no_more_than_there_is_can_be_taken
                a_source_gives_once_at_the_same_time
                organizations_do_not_mix
                credits_in_an_abandoned_unit_were_never_touched
                a_command_waits_for_the_unit_that_holds_the_account
            }
            usage {
                use_is_counted
                a_limit_is_exact_at_the_same_time
                a_checked_use_is_found_by_its_decision
                denied_use_is_not_counted
                use_that_happened_is_counted_above_the_limit
                use_is_counted_once_under_a_key
                use_is_counted_once_under_a_key_at_the_same_time
                a_usage_key_is_for_one_request
                a_usage_key_is_for_one_operation
                bonuses_are_used_after_the_limit
                nobody_uses_nothing
                quotas_are_counted_apart
            }
            usage_effects {
                distinct_values_count_once_at_the_same_time
                the_latest_use_is_the_count
                what_ceases_to_exist_is_given_back
                a_rolling_window_is_counted_in_buckets
                a_batch_counts_each_key_once
                a_batch_of_many_organizations_tells_each_its_own
                batches_at_the_same_time_count_each_key_once
                a_grace_lets_an_excess_stay
                denials_are_listed_in_pages
                counters_are_counted_anew
                a_bonus_is_given_once_for_ever
            }
            usage_archive {
                months_come_with_their_events
                a_month_is_put_away_once
                a_month_that_differs_stays
            }
            usage_days {
                days_count_in_the_way_of_their_meters
                days_say_how_far_they_are_rolled_up
                days_count_each_event_once_at_the_same_time
                forgotten_values_stay_counted
            }
            usage_history {
                use_is_decided_as_the_domain_decides
            }
            facts {
                subscribers_come_in_the_order_of_the_question
                many_askers_get_their_own_answers
                nobody_has_used_nothing
            }
            changes {
                others_are_told_what_changed
                nobody_is_told_his_own_changes
            }
            inbox {
                a_webhook_is_kept_once
                a_webhook_is_kept_once_at_the_same_time
                the_oldest_webhook_is_claimed_first
                a_subject_is_processed_one_at_a_time
                workers_at_the_same_time_never_share
                a_mark_is_made_with_the_effect
                webhooks_are_listed_in_pages
                a_failed_webhook_is_in_nobodys_way
                a_crowded_subject_is_in_nobodys_way
                what_is_ignored_is_not_queued
            }
            outbox {
                events_are_handed_on_once
                events_come_in_batches
                a_batch_is_handed_on_by_one
                an_abandoned_cursor_stands_where_it_stood
                nothing_is_missed_at_the_same_time
            }
            emails {
                emails_are_written_down_once
                emails_of_an_abandoned_unit_are_not_there
                an_email_is_sent_by_one_worker
                a_lapsed_claim_of_an_email_passes_to_another
                an_email_that_failed_is_tried_again
                a_mailbox_keeps_an_email_once
            }
            identities {
                identities_come_back_as_they_were
                members_come_back_by_role
                an_organization_is_described_anew
            }
            deliveries {
                endpoints_come_back_as_they_were
                a_delivery_is_planned_once
                what_became_of_a_delivery_is_recorded
                an_endpoint_takes_no_more_than_its_share
                deliveries_are_claimed_once_at_the_same_time
                deliveries_are_listed_and_forgotten
            }
            dead_letters {
                every_try_is_written_down
                what_was_done_with_long_ago_goes
                a_failing_webhook_is_told_of_once
                what_people_do_is_written_down
                what_is_given_up_makes_way
                those_that_match_are_put_back
                figures_count_what_became_of_all
            }
            leases {
                a_lapsed_claim_passes_to_another
                what_failed_is_tried_again_in_time
                the_dead_wait_for_a_person
                a_person_can_have_any_webhook_processed_again
                health_counts_what_waits_and_what_is_dead
            }
            jobs {
                a_job_that_recurs_is_due_when_it_is_made_known
                a_job_has_one_runner
                a_job_has_one_runner_at_the_same_time
                a_lapsed_lease_passes_to_another
                a_lease_that_is_renewed_goes_on
                a_job_is_due_again_when_its_run_said
                a_job_runs_when_asked_though_not_due
                runs_of_jobs_are_listed_in_pages
                idle_runs_in_a_row_leave_one_row
                the_latest_runs_are_kept
            }
            requests {
                a_request_is_answered_once
                a_key_belongs_to_one_body
                requests_are_told_apart
                a_forgotten_request_runs_again
                old_requests_are_forgotten
                a_request_is_held_for_a_minute
                a_request_runs_once_at_the_same_time
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! promise_tests {
    ($subject:expr; $($suite:ident { $($promise:ident)* })*) => {$($(
        #[tokio::test(flavor = "multi_thread")]
        async fn $promise() {
            let subject = $subject.await;
            let kept = $crate::promises::$suite::$promise(&subject).await;
            kept.expect("nothing stands in the way of the promise");
        }
    )*)*};
}
