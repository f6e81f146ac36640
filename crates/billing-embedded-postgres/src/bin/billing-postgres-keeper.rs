//! Keeps PostgreSQL in a directory as long as a test uses it.

use std::io::{Write, stderr};
use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, bail};
use billing_embedded_postgres::{Options, Source, become_postgres_if_asked, keep_while_used};

const USAGE: &str = "billing-postgres-keeper <directory> [--disposable] [--npm]";

fn main() -> anyhow::Result<()> {
    become_postgres_if_asked()?;
    let mut arguments = env::args().skip(1);
    let base = PathBuf::from(arguments.next().context(USAGE)?);
    let mut source = Source::from(env::var_os("BILLING_PG_BIN").map(PathBuf::from));
    let mut disposable = false;
    for argument in arguments {
        match argument.as_str() {
            "--disposable" => disposable = true,
            "--npm" => source = Source::Npm,
            _ => bail!(USAGE),
        }
    }

    // The next test may be about to start.
    let idle = if disposable { Duration::from_secs(2) } else { Duration::ZERO };
    let options = |fresh| Options {
        source: source.clone(),
        sync: !disposable,
        fresh,
        on_event: Box::new(|event| drop(writeln!(stderr(), "{event}"))),
        ..Options::new(&base)
    };
    match keep_while_used(options(false), idle) {
        // Without durability, a power failure may leave data that no longer starts.
        Err(error) if disposable && fs::exists(base.join("data"))? => {
            drop(writeln!(stderr(), "starting from nothing, because: {error:#}"));
            keep_while_used(options(true), idle)
        }
        result => result,
    }
}
