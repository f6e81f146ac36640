-- Tables of the installation, not of an organization: only the engine reaches them. Instants here
-- are the database's own: it alone rules who has a lease.

-- One row for each job: when it is due, and who runs it. The fence counts the runners: what was
-- taken from one is refused to him.
CREATE TABLE jobs (
    job text PRIMARY KEY,
    next_run_at timestamptz NOT NULL,
    fence bigint NOT NULL DEFAULT 0 CHECK (fence >= 0),
    owner uuid,
    expires_at timestamptz,
    CHECK ((owner IS NULL) = (expires_at IS NULL))
);

CREATE TABLE job_runs (
    run_id uuid PRIMARY KEY,
    job text NOT NULL CONSTRAINT job_runs_job REFERENCES jobs,
    asked_by text NOT NULL CHECK (asked_by IN ('schedule', 'cron', 'admin', 'operator')),
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    outcome text CHECK (outcome IN ('done', 'failed', 'stopped', 'lost')),
    done bigint NOT NULL DEFAULT 0 CHECK (done >= 0),
    failed bigint NOT NULL DEFAULT 0 CHECK (failed >= 0),
    error text,
    CHECK ((ended_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX job_runs_by_job ON job_runs (job, run_id);
CREATE UNIQUE INDEX job_runs_one_at_a_time ON job_runs (job) WHERE ended_at IS NULL;

-- How far the business clock of a sandbox is ahead of the wall clock, and who moves it now.
CREATE TABLE sandbox_clock (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    ahead_micros bigint NOT NULL DEFAULT 0 CHECK (ahead_micros >= 0),
    mover uuid,
    moving_until timestamptz,
    CHECK ((mover IS NULL) = (moving_until IS NULL))
);
INSERT INTO sandbox_clock DEFAULT VALUES;

-- Who goes by that clock, how long he may still believe what he has read of it, and for which
-- move he has put down his work.
CREATE TABLE clock_followers (
    process uuid PRIMARY KEY,
    believes_until timestamptz NOT NULL,
    rests_for uuid
);

GRANT SELECT, INSERT, UPDATE ON jobs TO billing_engine;
GRANT SELECT, INSERT, UPDATE, DELETE ON job_runs, clock_followers TO billing_engine;
GRANT SELECT, UPDATE ON sandbox_clock TO billing_engine;
