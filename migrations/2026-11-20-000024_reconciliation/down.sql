DROP INDEX checkouts_open_at_gateway, invoices_open_at_gateway, subscriptions_at_gateway,
    payments_unfinished;
DROP TABLE reconciliation_differences, reconciliations;
