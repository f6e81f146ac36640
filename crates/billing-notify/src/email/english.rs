//! Letters in English.

use super::phrases::{Names, Phrase, Phrases};

pub(super) const EN: Phrases = Phrases {
    trial_ends: Phrase {
        subject: "Your trial of {plan} ends in {days} days",
        body: &[
            "Your trial of {plan} ends on {date}.",
            "Add a payment method before then to keep everything you use now. Without one you move \
             to the free plan.",
        ],
    },
    trial_ends_tomorrow: Phrase {
        subject: "Your trial of {plan} ends tomorrow",
        body: &[
            "Your trial of {plan} ends on {date}.",
            "Add a payment method before then to keep everything you use now. Without one you move \
             to the free plan.",
        ],
    },
    trial_has_ended: Phrase {
        subject: "Your trial of {plan} has ended",
        body: &[
            "Your trial of {plan} ended on {date}. If a payment method is on file, your first \
             period is charged to it now; otherwise you move to the free plan.",
        ],
    },
    payment_failed: Phrase {
        subject: "Your payment for {plan} failed",
        body: &[
            "We could not collect the payment for {plan}.",
            "You can go on for now. Update your payment method so that nothing is interrupted.",
        ],
    },
    payment_failed_again_at: Phrase {
        subject: "Your payment for {plan} failed",
        body: &[
            "We could not collect the payment for {plan}. We will try again on {date}.",
            "You can go on for now. Update your payment method so that nothing is interrupted.",
        ],
    },
    payment_recovered: Phrase {
        subject: "Your payment for {plan} has arrived",
        body: &[
            "The payment for {plan} that had failed has arrived. Thank you: all is well again.",
        ],
    },
    payment_given_up: Phrase {
        subject: "We could not collect your payment for {plan}",
        body: &[
            "We tried several times to collect the payment for {plan}, and will not try again by \
             ourselves.",
            "Update your payment method to pay what is open.",
        ],
    },
    subscription_changed: Phrase {
        subject: "Your subscription has changed",
        body: &["Your subscription is as follows from now on."],
    },
    subscription_will_change: Phrase {
        subject: "Your subscription to {plan} will change on {date}",
        body: &[
            "The change that was asked for takes effect on {date}. Until then all stays as it is.",
        ],
    },
    subscription_change_failed: Phrase {
        subject: "Your subscription to {plan} was not changed",
        body: &["The change that was asked for could not be made, and nothing was charged for it."],
    },
    subscription_will_end: Phrase {
        subject: "Your subscription to {plan} ends on {date}",
        body: &["It will not be renewed. You can use it until {date}, and resume it until then."],
    },
    subscription_continues: Phrase {
        subject: "Your subscription to {plan} goes on",
        body: &["It was to end with the period, and will be renewed again."],
    },
    subscription_paused: Phrase {
        subject: "Your subscription to {plan} is paused",
        body: &["While it is paused nothing is charged for it, and it cannot be used."],
    },
    subscription_resumed: Phrase {
        subject: "Your subscription to {plan} goes on",
        body: &["It was paused, and is active again."],
    },
    subscription_cancelled: Phrase {
        subject: "Your subscription to {plan} is cancelled",
        body: &["It has ended, and you are on the free plan. You can subscribe again at any time."],
    },
    subscription_expired: Phrase {
        subject: "Your subscription to {plan} has ended",
        body: &[
            "It was not renewed, and you are on the free plan. You can subscribe again at any time.",
        ],
    },
    duplicate_cancelled: Phrase {
        subject: "A second subscription was cancelled",
        body: &[
            "You paid for a second subscription where one is enough. We have cancelled it; whatever \
             was paid for it is given back.",
        ],
    },
    credits_low: Phrase {
        subject: "You have {credits} credits left",
        body: &[
            "Your balance has fallen below {threshold} credits. Buy more so that nothing is interrupted.",
        ],
    },
    credits_expiring: Phrase {
        subject: "{credits} credits expire on {date}",
        body: &["{credits} of your credits can be used until {date}, and are lost then."],
    },
    top_up_failed: Phrase {
        subject: "An automatic purchase of credits failed",
        body: &["We could not buy credits for you. Check your payment method."],
    },
    top_up_off: Phrase {
        subject: "Automatic purchases of credits are switched off",
        body: &[
            "We could not buy credits for you, and will not try again by ourselves.",
            "Update your payment method, then switch automatic purchases on again.",
        ],
    },
    bonus_expiring: Phrase {
        subject: "Your bonus on {meter} expires on {date}",
        body: &[
            "{remaining} of your bonus on {meter} can be used until {date}, and are lost then.",
        ],
    },
    invoice_open: Phrase {
        subject: "Invoice {number}",
        body: &["Your invoice {number} over {amount} is attached. Please pay it by its due date."],
    },
    invoice_paid: Phrase {
        subject: "Invoice {number}: paid",
        body: &["Thank you for your payment of {amount}. Your invoice {number} is attached."],
    },
    quota_reached: Phrase {
        subject: "You have used {percent}% of {meter}",
        body: &["{used} of {limit} are used. The count begins anew on {date}."],
    },
    quota_used_up: Phrase {
        subject: "You have used all of {meter}",
        body: &[
            "{used} of {limit} are used. The count begins anew on {date}.",
            "For more before then, change to a larger plan.",
        ],
    },
    disputed: Phrase {
        subject: "Dispute: {organization}, {amount}",
        body: &["A payer disputes a payment. Answer the gateway before its deadline."],
    },
    webhook_dead: Phrase {
        subject: "Dead letter: {type} of {source}",
        body: &["A webhook failed for good and waits for somebody to mend the cause and retry it."],
    },
    webhook_failed: Phrase {
        subject: "Webhook failed: {type} of {source}",
        body: &[
            "A webhook on which money or access hangs failed. It will be tried again by itself.",
        ],
    },
    credits_unusual: Phrase {
        subject: "Unusual use of credits: {organization}",
        body: &[
            "{credits} credits were used within an hour; the mean of the last seven days is {mean} an hour.",
        ],
    },
    names: Names {
        plan: "Plan",
        quantity: "Quantity",
        amount: "Amount",
        date: "Date",
        number: "Number",
        credits: "Credits",
        meter: "Meter",
        used: "Used",
        limit: "Limit",
        organization: "Organization",
        payment: "Payment",
        webhook: "Webhook",
        source: "From",
        kind: "Type",
        error: "Error",
    },
    footers: [
        "You receive this because it is sent to the billing address of {organization}.",
        "You receive this as an administrator of this billing installation.",
    ],
    open_billing: "Open billing",
    update_method: "Update the payment method",
    open_invoice: "Open the invoice",
};
