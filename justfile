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

# All that must hold before a change goes in
ci:
    .ci/run
