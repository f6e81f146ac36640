//! The private PostgreSQL under a server of ours, reached past the product as its superuser.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, bail};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
};

/// The product's database, and its login.
pub(crate) const PRODUCT: &str = "billing";
const SUPERUSER: &str = "postgres";
/// Where distributions put PostgreSQL, a folder for each version.
const DISTRIBUTED: &str = "/usr/lib/postgresql";

/// A PostgreSQL that runs.
pub(crate) struct Cluster {
    /// Its first process.
    pub(crate) pid: u32,
    /// Where its files are.
    pub(crate) data: PathBuf,
    sockets: String,
    port: String,
}

impl Cluster {
    /// The one in the data folder of a server.
    pub(crate) fn under(server: &Path) -> anyhow::Result<Self> {
        let data = server.join("postgres/data");
        let file = data.join("postmaster.pid");
        let text =
            fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let mut lines = text.lines().map(|line| line.trim().to_owned());
        let pid = lines.next().context("no process")?.parse()?;
        let (port, sockets) = (lines.nth(2), lines.next());
        let (port, sockets) = (port.context("no port")?, sockets.context("no socket")?);
        Ok(Self { pid, data, sockets, port })
    }

    /// How another server reaches the product's database.
    pub(crate) fn url(&self) -> String {
        let Self { sockets, port, .. } = self;
        let host = sockets.replace('%', "%25").replace('/', "%2F").replace(' ', "%20");
        format!("postgresql://{PRODUCT}@{host}:{port}/{PRODUCT}")
    }

    /// A program of PostgreSQL's, from beside the server or wherever there is one.
    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        let beside = fs::read_link(format!("/proc/{}/exe", self.pid)).ok();
        let beside = beside.and_then(|it| Some(it.parent()?.to_owned()));
        let told = env::var_os("BILLING_PG_BIN").map(PathBuf::from);
        let path = env::var_os("PATH").unwrap_or_default();
        let versions = fs::read_dir(DISTRIBUTED).into_iter().flatten().flatten();
        let mut folders = beside
            .into_iter()
            .chain(told)
            .chain(env::split_paths(&path))
            .chain(versions.map(|version| version.path().join("bin")));
        folders.find_map(|folder| Some(folder.join(name)).filter(|it| it.is_file()))
    }

    /// A program that connects to the product's database as somebody.
    pub(crate) fn client(&self, name: &str, user: &str) -> anyhow::Result<Command> {
        let program = self.program(name).with_context(|| format!("there is no {name}"))?;
        let mut command = Command::new(program);
        command.envs([
            ("PGHOST", self.sockets.as_str()),
            ("PGPORT", self.port.as_str()),
            ("PGDATABASE", PRODUCT),
            ("PGUSER", user),
            ("PGOPTIONS", "-c client_min_messages=warning"),
        ]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        Ok(command)
    }

    /// What a script says, rows by lines and columns by `|`.
    pub(crate) async fn sql(&self, script: &str) -> anyhow::Result<String> {
        self.sql_with(script, &[]).await
    }

    /// The same, with values for its `:names`.
    pub(crate) async fn sql_with(
        &self,
        script: &str,
        values: &[(&str, &str)],
    ) -> anyhow::Result<String> {
        let mut command = self.client("psql", SUPERUSER)?;
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]);
        for (name, value) in values {
            command.arg("-v").arg(OsString::from(format!("{name}={value}")));
        }
        let mut child = command.spawn()?;
        let mut input = child.stdin.take().context("no standard input")?;
        input.write_all(script.as_bytes()).await?;
        drop(input);
        said(child, "psql").await
    }

    /// The number that a query gives.
    pub(crate) async fn number<N: std::str::FromStr>(&self, query: &str) -> anyhow::Result<N> {
        let said = self.sql(query).await?;
        let number = said.trim().parse().ok();
        number.with_context(|| format!("`{query}` gives `{said}`, which is no such number"))
    }
}

/// What a program prints; an error with its complaints where it fails.
pub(crate) async fn said(child: Child, name: &str) -> anyhow::Result<String> {
    let output = child.wait_with_output().await?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("{name} ended with {}: {}", output.status, complaint.trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}
