//! The tables that the query builder knows. The ledgers and queues speak SQL: see `statement`.

diesel::table! {
    organizations (organization_id) {
        organization_id -> Uuid,
        external_id -> Nullable<Text>,
        name -> Text,
        billing_email -> Nullable<Text>,
        country -> Nullable<Text>,
        currency -> Text,
        created_at -> Timestamptz,
        tax_id -> Nullable<Text>,
        locale -> Text,
    }
}

diesel::table! {
    external_ids (external_id) {
        external_id -> Text,
        organization_id -> Uuid,
    }
}

diesel::table! {
    gateway_objects (gateway, kind, object_id) {
        gateway -> Text,
        kind -> Text,
        object_id -> Text,
        organization_id -> Uuid,
    }
}

diesel::table! {
    customers (organization_id, gateway) {
        organization_id -> Uuid,
        gateway -> Text,
        gateway_id -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    outbox (organization_id, event_id) {
        organization_id -> Uuid,
        event_id -> Uuid,
        at -> Timestamptz,
        #[sql_name = "type"]
        kind -> Text,
        data -> Jsonb,
    }
}

diesel::table! {
    checkouts (organization_id, checkout_id) {
        organization_id -> Uuid,
        checkout_id -> Uuid,
        gateway -> Text,
        purpose -> Text,
        plan_version_id -> Nullable<Uuid>,
        price_id -> Nullable<Uuid>,
        credit_product_id -> Nullable<Uuid>,
        credits -> Nullable<BigInt>,
        amount -> Nullable<BigInt>,
        currency -> Nullable<Text>,
        status -> Text,
        session_id -> Nullable<Text>,
        url -> Nullable<Text>,
        expires_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        saves_method -> Bool,
        saved_method -> Nullable<Text>,
        subscription_id -> Nullable<Uuid>,
        period_start -> Nullable<Timestamptz>,
        period_end -> Nullable<Timestamptz>,
        invoice_id -> Nullable<Uuid>,
        attempt -> Nullable<Integer>,
    }
}

diesel::table! {
    collections (organization_id, invoice_id) {
        organization_id -> Uuid,
        invoice_id -> Uuid,
        subscription_id -> Nullable<Uuid>,
        status -> Text,
        status_at -> Nullable<Timestamptz>,
        checkout_id -> Nullable<Uuid>,
        failed_at -> Nullable<Timestamptz>,
        failure -> Nullable<Text>,
        retry_at -> Nullable<Timestamptz>,
        next_due_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    payment_attempts (organization_id, invoice_id, number) {
        organization_id -> Uuid,
        invoice_id -> Uuid,
        number -> Integer,
        checkout_id -> Uuid,
        gateway -> Text,
        method -> Text,
        at -> Timestamptz,
        outcome -> Text,
        failure -> Nullable<Text>,
        kind -> Nullable<Text>,
        ended_at -> Nullable<Timestamptz>,
        actor -> Nullable<Text>,
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    discounts (discount_id) {
        discount_id -> Uuid,
        code -> Text,
        name -> Text,
        percent -> Nullable<SmallInt>,
        amount -> Nullable<BigInt>,
        lasts -> Text,
        periods -> Nullable<SmallInt>,
        max_redemptions -> Nullable<BigInt>,
        once_per_customer -> Bool,
        first_time_only -> Bool,
        minimum -> Nullable<BigInt>,
        currency -> Nullable<Text>,
        plans -> Array<Text>,
        starts_at -> Nullable<Timestamptz>,
        ends_at -> Nullable<Timestamptz>,
        active -> Bool,
        taken -> BigInt,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    discount_redemptions (organization_id, checkout_id) {
        organization_id -> Uuid,
        checkout_id -> Uuid,
        discount_id -> Uuid,
        status -> Text,
        status_at -> Timestamptz,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    catalogue_changes (change_id) {
        change_id -> Uuid,
        at -> Timestamptz,
        actor -> Text,
        reason -> Text,
        what -> Text,
        lines -> Array<Text>,
    }
}

diesel::table! {
    subscriptions (organization_id, subscription_id) {
        organization_id -> Uuid,
        subscription_id -> Uuid,
        product_group -> Text,
        plan_version_id -> Uuid,
        price_id -> Uuid,
        interval -> Text,
        quantity -> Integer,
        status -> Text,
        status_at -> Nullable<Timestamptz>,
        period_start -> Timestamptz,
        period_end -> Timestamptz,
        cancel_at_period_end -> Bool,
        gateway -> Nullable<Text>,
        gateway_id -> Nullable<Text>,
        created_at -> Timestamptz,
        observed_at -> Timestamptz,
    }
}

diesel::table! {
    subscription_changes (organization_id, change_id) {
        organization_id -> Uuid,
        change_id -> Uuid,
        subscription_id -> Uuid,
        what -> Text,
        before -> Jsonb,
        after -> Jsonb,
        actor -> Text,
        reason -> Text,
        at -> Timestamptz,
    }
}

diesel::table! {
    change_requests (organization_id, change_id) {
        organization_id -> Uuid,
        change_id -> Uuid,
        subscription_id -> Uuid,
        action -> Text,
        price_id -> Nullable<Uuid>,
        quantity -> Nullable<Integer>,
        effective -> Nullable<Text>,
        takes_back -> Nullable<Text>,
        resumes_at -> Nullable<Timestamptz>,
        fate -> Text,
        scheduled_at -> Nullable<Timestamptz>,
        failure -> Nullable<Text>,
        actor -> Text,
        reason -> Text,
        proration_at -> Timestamptz,
        invoice_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        look_at -> Timestamptz,
    }
}

diesel::table! {
    pending_items (organization_id, pending_item_id) {
        organization_id -> Uuid,
        pending_item_id -> Uuid,
        subscription_id -> Uuid,
        kind -> Text,
        description -> Text,
        quantity -> BigInt,
        unit_amount -> Nullable<BigInt>,
        amount -> BigInt,
        currency -> Text,
        period_start -> Nullable<Timestamptz>,
        period_end -> Nullable<Timestamptz>,
        price_id -> Nullable<Uuid>,
        invoice_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    duplicate_subscriptions (organization_id, gateway, gateway_id) {
        organization_id -> Uuid,
        gateway -> Text,
        gateway_id -> Text,
        refund_id -> Uuid,
        payment_id -> Nullable<Text>,
        amount -> Nullable<BigInt>,
        currency -> Nullable<Text>,
        settled -> Bool,
        created_at -> Timestamptz,
        look_at -> Timestamptz,
    }
}

diesel::table! {
    payments (organization_id, payment_id) {
        organization_id -> Uuid,
        payment_id -> Uuid,
        gateway -> Text,
        gateway_id -> Text,
        status -> Text,
        currency -> Text,
        amount -> BigInt,
        tax -> BigInt,
        refunded -> BigInt,
        description -> Text,
        checkout_id -> Nullable<Uuid>,
        subscription_id -> Nullable<Uuid>,
        document_url -> Nullable<Text>,
        failure -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    document_numbers (series, year) {
        series -> Text,
        year -> Integer,
        last -> BigInt,
    }
}

diesel::table! {
    invoices (organization_id, invoice_id) {
        organization_id -> Uuid,
        invoice_id -> Uuid,
        gateway -> Nullable<Text>,
        gateway_id -> Nullable<Text>,
        number -> Nullable<Text>,
        status -> Text,
        currency -> Text,
        discount -> BigInt,
        tax -> BigInt,
        credit -> BigInt,
        total -> BigInt,
        paid -> BigInt,
        discounts -> Jsonb,
        taxes -> Jsonb,
        credits -> Jsonb,
        seller -> Jsonb,
        buyer -> Jsonb,
        no_tax -> Nullable<Text>,
        subscription_id -> Nullable<Uuid>,
        payment_id -> Nullable<Uuid>,
        checkout_id -> Nullable<Uuid>,
        period_start -> Nullable<Timestamptz>,
        period_end -> Nullable<Timestamptz>,
        hosted_url -> Nullable<Text>,
        pdf_url -> Nullable<Text>,
        created_at -> Timestamptz,
        issued_at -> Nullable<Timestamptz>,
        due_at -> Nullable<Timestamptz>,
        paid_at -> Nullable<Timestamptz>,
        observed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    invoice_lines (organization_id, invoice_id, position) {
        organization_id -> Uuid,
        invoice_id -> Uuid,
        position -> Integer,
        kind -> Text,
        description -> Text,
        quantity -> BigInt,
        unit_amount -> Nullable<BigInt>,
        amount -> BigInt,
        period_start -> Nullable<Timestamptz>,
        period_end -> Nullable<Timestamptz>,
        bills -> Text,
        subscription_id -> Nullable<Uuid>,
        price_id -> Nullable<Uuid>,
        gateway_price -> Nullable<Text>,
        credit_product_id -> Nullable<Uuid>,
        credits -> Nullable<BigInt>,
        meter -> Nullable<Text>,
        window_start -> Nullable<Timestamptz>,
        window_end -> Nullable<Timestamptz>,
        used -> Nullable<BigInt>,
    }
}

diesel::table! {
    credit_notes (organization_id, credit_note_id) {
        organization_id -> Uuid,
        credit_note_id -> Uuid,
        number -> Text,
        invoice_id -> Uuid,
        payment_id -> Uuid,
        currency -> Text,
        amount -> BigInt,
        taxes -> Jsonb,
        issued_at -> Timestamptz,
    }
}

diesel::table! {
    auto_top_ups (organization_id) {
        organization_id -> Uuid,
        enabled -> Bool,
        threshold -> BigInt,
        credit_product_id -> Uuid,
        monthly_cap -> BigInt,
        currency -> Text,
        pending_checkout_id -> Nullable<Uuid>,
        failures -> Integer,
        look_at -> Timestamptz,
    }
}

diesel::table! {
    trials (organization_id) {
        organization_id -> Uuid,
        subscription_id -> Uuid,
        plan_version_id -> Uuid,
        started_at -> Timestamptz,
        ends_at -> Timestamptz,
        extensions -> Integer,
        extra_days -> Integer,
        reminded -> Nullable<SmallInt>,
        status -> Text,
        status_at -> Nullable<Timestamptz>,
        checkout_id -> Nullable<Uuid>,
        next_due_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    trial_claims (claimant, digest) {
        claimant -> Text,
        digest -> Bytea,
        organization_id -> Uuid,
    }
}

diesel::table! {
    renewals (organization_id, subscription_id) {
        organization_id -> Uuid,
        subscription_id -> Uuid,
        anchor -> Timestamptz,
        next_due_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    meters (meter) {
        meter -> Text,
        name -> Text,
        aggregation -> Text,
        property -> Nullable<Text>,
    }
}

diesel::table! {
    plans (plan_id) {
        plan_id -> Uuid,
        key -> Text,
        name -> Text,
        description -> Text,
        product_group -> Text,
        active -> Bool,
        position -> Integer,
    }
}

diesel::table! {
    plan_versions (plan_version_id) {
        plan_version_id -> Uuid,
        plan_id -> Uuid,
        number -> Integer,
        included_credits -> BigInt,
    }
}

diesel::table! {
    prices (price_id) {
        price_id -> Uuid,
        plan_version_id -> Uuid,
        interval -> Text,
        currency -> Text,
        amount -> BigInt,
        trial_days -> Integer,
        active -> Bool,
        stripe_price -> Nullable<Text>,
        position -> Integer,
        model -> Text,
    }
}

diesel::table! {
    price_components (price_id, position) {
        price_id -> Uuid,
        position -> Integer,
        name -> Text,
        charged -> Text,
        included -> Nullable<Integer>,
        meter -> Nullable<Text>,
        rate -> Jsonb,
    }
}

diesel::table! {
    features (plan_version_id, feature) {
        plan_version_id -> Uuid,
        feature -> Text,
        position -> Integer,
        flag -> Nullable<Bool>,
        meter -> Nullable<Text>,
        most -> Nullable<BigInt>,
        limit_window -> Nullable<Text>,
        overage -> Nullable<Text>,
        limit_length -> Nullable<Integer>,
    }
}

diesel::table! {
    credit_events (name) {
        name -> Text,
        cost -> BigInt,
        category -> Text,
        active -> Bool,
    }
}

diesel::table! {
    credit_products (credit_product_id) {
        credit_product_id -> Uuid,
        key -> Text,
        name -> Text,
        credits -> BigInt,
        active -> Bool,
        tax_behavior -> Text,
    }
}

diesel::table! {
    tax_rates (country, valid_from) {
        country -> Text,
        valid_from -> Date,
        valid_to -> Nullable<Date>,
        name -> Text,
        percent -> Text,
    }
}

diesel::table! {
    credit_product_prices (credit_product_id, currency) {
        credit_product_id -> Uuid,
        currency -> Text,
        amount -> BigInt,
        position -> Integer,
    }
}

diesel::table! {
    credit_accounts (organization_id) {
        organization_id -> Uuid,
        last_seq -> BigInt,
        last_at -> Timestamptz,
        balance -> BigInt,
        overdrawn -> BigInt,
        overdraft_limit -> BigInt,
        next_due_at -> Nullable<Timestamptz>,
        held -> BigInt,
        low_balance -> BigInt,
        low_percent -> SmallInt,
        draw_order -> Nullable<Text>,
    }
}

diesel::table! {
    credit_grants (organization_id, grant_id) {
        organization_id -> Uuid,
        grant_id -> Uuid,
        kind -> Text,
        amount -> BigInt,
        remaining -> BigInt,
        held -> BigInt,
        revoked -> BigInt,
        starts_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        source_kind -> Text,
        source_id -> Text,
        granted_at -> Timestamptz,
        started -> Bool,
        noticed -> SmallInt,
        open -> Bool,
    }
}

diesel::table! {
    credit_transactions (organization_id, seq) {
        organization_id -> Uuid,
        seq -> BigInt,
        at -> Timestamptz,
        kind -> Text,
        amount -> BigInt,
        balance_after -> BigInt,
        overdrawn_change -> BigInt,
        held_change -> BigInt,
        touched -> Jsonb,
        origin -> Text,
        source_kind -> Nullable<Text>,
        source_id -> Nullable<Text>,
        decision_id -> Nullable<Uuid>,
        key -> Nullable<Text>,
        event -> Nullable<Text>,
        quantity -> Nullable<BigInt>,
        unit_cost -> Nullable<BigInt>,
        refers_to -> Nullable<BigInt>,
        detail -> Nullable<Jsonb>,
    }
}

diesel::table! {
    usage_accounts (organization_id) {
        organization_id -> Uuid,
        last_seq -> BigInt,
    }
}

diesel::table! {
    usage_bonuses (organization_id, bonus_id) {
        organization_id -> Uuid,
        bonus_id -> Uuid,
        meter -> Text,
        amount -> BigInt,
        remaining -> BigInt,
        reason -> Text,
        expires_at -> Timestamptz,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    usage_counters (organization_id, meter, limit_window, window_start) {
        organization_id -> Uuid,
        meter -> Text,
        limit_window -> Text,
        window_start -> Timestamptz,
        used -> BigInt,
        from_bonus -> BigInt,
        warned -> SmallInt,
        latest_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    api_keys (api_key_id) {
        api_key_id -> Uuid,
        name -> Text,
        public -> Text,
        digest -> Bytea,
        scopes -> Text,
        organization_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    organizations,
    external_ids,
    gateway_objects,
    customers,
    checkouts,
    subscriptions,
    payments
);
