# What there is to do; `just --list`.

# Format, lints, links of the documentation
check:
    .ci/run fmt clippy doc

# Every test
test:
    .ci/run test

# The server, with a database and a gateway of its own unless the environment says otherwise
run *arguments:
    cargo run -- {{arguments}}

# The whole story, played and checked
demo:
    cargo run -- demo

# Bring the database up to date, and say where it is
db:
    cargo run -- migrate
    @echo 'While `just run` runs: psql -h "$(sed -n 5p <data folder>/postmaster.pid)" -U postgres billing'

# Measure the release build, and write docs/BENCHMARKS.md
bench *arguments:
    cargo build --release -p billing-http
    cargo run --release -p billing-bench -- --report docs/BENCHMARKS.md {{arguments}}

# The large versions of what each change is tested with: random sequences against the model, a bank,
# and servers and databases that are killed. A seed repeats the chance of an earlier run.
soak sequences="10000" rounds="100" seed=`od -An -N3 -tu4 /dev/urandom | tr -d ' '`:
    @echo 'just soak {{sequences}} {{rounds}} {{seed}}'
    BILLING_SOAK_SEED={{seed}} BILLING_SOAK_SEQUENCES={{sequences}} BILLING_SOAK_TRANSFERS=2000 \
        cargo test -p billing-postgres --test it -- model:: bank::
    WALKTHROUGH_SEED={{seed}} WALKTHROUGH_ROUNDS={{rounds}} \
        cargo test -p billing-http --test walkthroughs -- kills:: embedded:: many_servers::

# All that must hold before a change goes in
ci:
    .ci/run
