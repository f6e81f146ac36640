-- Runs of reconciliation, and where gateways and we differ. Tables of the installation: what a
-- gateway has and we do not is nobody's.

CREATE TABLE reconciliations (
    reconciliation_id uuid PRIMARY KEY,
    gateway text NOT NULL,
    extent text NOT NULL CHECK (extent IN ('whole', 'unfinished')),
    asked_by text NOT NULL CHECK (asked_by IN ('schedule', 'cron', 'admin', 'operator')),
    dry_run boolean NOT NULL,
    since timestamptz NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    compared bigint NOT NULL DEFAULT 0 CHECK (compared >= 0),
    found bigint NOT NULL DEFAULT 0 CHECK (found >= 0),
    healed bigint NOT NULL DEFAULT 0 CHECK (healed >= 0),
    differing bigint NOT NULL DEFAULT 0 CHECK (differing >= 0),
    unanswered bigint NOT NULL DEFAULT 0 CHECK (unanswered >= 0),
    error text
);

CREATE TABLE reconciliation_differences (
    difference_id uuid PRIMARY KEY,
    found_in uuid NOT NULL CONSTRAINT reconciliation_differences_run REFERENCES reconciliations,
    gateway text NOT NULL,
    organization_id uuid,
    thing text NOT NULL CHECK (thing IN ('checkout', 'subscription', 'payment', 'invoice')),
    object_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('missing_here', 'missing_there', 'status', 'currency',
        'amount', 'refund', 'terms', 'no_grant', 'no_payment', 'no_reversal', 'invoice_payment',
        'overdue')),
    ours text,
    theirs text,
    status text NOT NULL CHECK (status IN ('seen', 'healed', 'open')),
    why text,
    found_at timestamptz NOT NULL,
    healed_at timestamptz,
    CHECK ((healed_at IS NOT NULL) = (status = 'healed'))
);
-- What does not heal is open once, and told of once.
CREATE UNIQUE INDEX reconciliation_differences_open
    ON reconciliation_differences (gateway, thing, object_id, kind) WHERE status = 'open';
CREATE INDEX reconciliation_differences_of ON reconciliation_differences (found_in, difference_id);

GRANT SELECT, INSERT, UPDATE ON reconciliations, reconciliation_differences TO billing_engine;

-- What is not final is looked at again and again.
CREATE INDEX payments_unfinished ON payments (gateway, gateway_id)
    WHERE status IN ('pending', 'unknown');
CREATE INDEX subscriptions_at_gateway ON subscriptions (gateway, gateway_id)
    WHERE status NOT IN ('cancelled', 'expired');
CREATE INDEX invoices_open_at_gateway ON invoices (gateway, gateway_id)
    WHERE status IN ('draft', 'open');
CREATE INDEX checkouts_open_at_gateway ON checkouts (gateway, session_id) WHERE status = 'open';
