-- Emails: what they are about, what they say, and how they went. Those of nobody's organization are
-- alerts to administrators.
CREATE TABLE emails (
    organization_id uuid NOT NULL,
    about text NOT NULL, -- of one recipient, each thing is told once
    recipient text NOT NULL,
    email_id uuid NOT NULL,
    event_id uuid NOT NULL,
    locale text NOT NULL CHECK (locale IN ('en', 'ar')),
    letter text NOT NULL,
    data jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('queued', 'retrying', 'sent', 'dead', 'unsent')),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    error text,
    created_at timestamptz NOT NULL,
    next_attempt_at timestamptz, -- of a claimed one the end of the claim
    claimed_until timestamptz,
    fence uuid,
    sent_at timestamptz,
    PRIMARY KEY (organization_id, about, recipient),
    CONSTRAINT emails_id UNIQUE (organization_id, email_id),
    CHECK ((status IN ('queued', 'retrying')) = (next_attempt_at IS NOT NULL)),
    CHECK ((claimed_until IS NULL) = (fence IS NULL))
);
CREATE INDEX emails_due ON emails (next_attempt_at, email_id) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX emails_by_id ON emails (email_id);
CREATE INDEX emails_waiting ON emails (status, email_id) WHERE status IN ('dead', 'unsent');

-- Each try of an email that came to an end, or whose claim did.
CREATE TABLE email_attempts (
    organization_id uuid NOT NULL,
    email_id uuid NOT NULL,
    fence uuid NOT NULL,
    ended_at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('sent', 'failed', 'lapsed')),
    error text,
    PRIMARY KEY (organization_id, email_id, fence),
    CONSTRAINT email_attempts_email FOREIGN KEY (organization_id, email_id)
        REFERENCES emails (organization_id, email_id) ON DELETE CASCADE
);

-- Who had emails sent again.
CREATE TABLE email_actions (
    organization_id uuid NOT NULL,
    email_id uuid NOT NULL,
    action_id uuid NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (organization_id, email_id, action_id),
    CONSTRAINT email_actions_email FOREIGN KEY (organization_id, email_id)
        REFERENCES emails (organization_id, email_id) ON DELETE CASCADE
);

-- What a sandbox keeps instead of sending it.
CREATE TABLE sandbox_mailbox (
    email_id uuid PRIMARY KEY,
    recipient text NOT NULL,
    subject text NOT NULL,
    html text NOT NULL,
    body text NOT NULL,
    attachments text[] NOT NULL,
    date timestamptz NOT NULL
);

-- Nobody had asked for emails before.
INSERT INTO event_subscribers VALUES ('emails', pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1,
    'ffffffff-ffff-ffff-ffff-ffffffffffff', 'ffffffff-ffff-ffff-ffff-ffffffffffff');

-- Users and organizations at identity providers, found by the provider's ids: how new what is known
-- of them is, and which are gone. One of which nothing is known yet is a row to hold.
CREATE TABLE identities (
    provider text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('user', 'organization')),
    object_id text NOT NULL,
    name text,
    email text,
    created_by text, -- the user who made an organization
    organization_id uuid, -- ours; of a user the one that is his alone
    seen_at timestamptz,
    deleted_at timestamptz,
    PRIMARY KEY (provider, kind, object_id)
);
CREATE INDEX identities_by_maker ON identities (provider, created_by) WHERE created_by IS NOT NULL;

-- Who belongs to organizations. Who has left stays, so that older news is not believed.
CREATE TABLE members (
    organization_id uuid NOT NULL,
    provider text NOT NULL,
    user_id text NOT NULL,
    role text NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
    joined_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    removed_at timestamptz,
    PRIMARY KEY (organization_id, provider, user_id),
    CONSTRAINT members_organization FOREIGN KEY (organization_id) REFERENCES organizations
);

SELECT protect(owned) FROM unnest(ARRAY[
    'emails', 'email_attempts', 'email_actions', 'members']::regclass[]) owned;

GRANT SELECT, INSERT, UPDATE ON emails, members, identities TO billing_engine;
GRANT SELECT, INSERT ON email_attempts, email_actions, sandbox_mailbox TO billing_engine;
GRANT SELECT ON members TO billing_app;
