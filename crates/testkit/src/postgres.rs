//! PostgreSQL for tests: one private cluster per test run, one database per test.
//!
//! `./test` starts the cluster and names it in `WARD_TEST_POSTGRES`. Without that, the first test that needs one starts
//! its own in a temporary folder, reachable by a unix socket only; it ends with the test process, however that ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// An empty database, dropped with this value.
pub struct Database {
    pub url: String,
    /// Empty: another value's, or its cluster's, and goes with it.
    name: String,
}

impl Database {
    /// Panics when there is no PostgreSQL here: a test must not pass without its store.
    pub fn create() -> Database {
        Self::make("template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C'")
    }

    /// A copy of another database: much faster than migrating anew. Waits until nobody is connected to `template`.
    pub fn copy(template: &Database) -> Database {
        psql(&format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{}'",
            template.name
        ));
        Self::make(&template.name)
    }

    fn make(template: &str) -> Database {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "ward_test_{}_{}",
            std::process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed)
        );
        psql(&format!("drop database if exists {name} with (force)"));
        psql(&format!("create database {name} template {template}"));
        Database {
            url: with_database(cluster(), &name),
            name,
        }
    }
}

impl Database {
    /// The same database for another server. It is dropped with this one.
    pub fn shared(&self) -> Database {
        Database {
            url: self.url.clone(),
            name: String::new(),
        }
    }
}

impl Database {
    /// The database that a cluster of its own begins with.
    pub fn of(cluster: &Cluster) -> Database {
        Database {
            url: cluster.url.clone(),
            name: String::new(),
        }
    }
}

impl Database {
    /// Whoever is connected is cut off, and nobody may connect until [`Database::open`].
    pub fn close(&self) {
        self.allow_connections(false);
        psql(&format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{}'",
            self.name
        ));
    }

    pub fn open(&self) {
        self.allow_connections(true);
    }

    fn allow_connections(&self, are_allowed: bool) {
        psql(&format!(
            "alter database {} allow_connections {are_allowed}",
            self.name
        ));
    }

    /// What psql prints for a statement, without headings.
    pub fn ask(&self, sql: &str) -> String {
        let mut command = Command::new(programs().join("psql"));
        command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]);
        let output = command
            .args([&self.url, "--command", sql])
            .stdin(Stdio::null())
            .output()
            .expect("psql runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "psql: {said}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Database {
    /// Not waited for: dropping a thousand relations takes longer than most tests. What is left behind goes with the
    /// cluster.
    fn drop(&mut self) {
        if self.name.is_empty() {
            return;
        }
        let sql = format!("drop database if exists {} with (force)", self.name);
        let mut command = psql_command(&sql);
        let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    }
}

/// URL of a superuser's connection to the run's cluster.
pub fn cluster() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| match std::env::var("WARD_TEST_POSTGRES") {
        Ok(url) if !url.is_empty() => url,
        _ => start(),
    })
}

/// The folder of PostgreSQL's programs, newest version first.
pub fn programs() -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|versions| {
            versions
                .flatten()
                .map(|v| v.path().join("bin"))
                .filter(|bin| bin.join("initdb").exists())
                .collect()
        })
        .unwrap_or_default();
    found.sort_by_key(|bin| {
        bin.parent()
            .and_then(Path::file_name)
            .and_then(|v| v.to_str()?.parse::<u32>().ok())
    });
    found.pop().unwrap_or_else(|| PathBuf::from("/usr/bin"))
}

fn psql(sql: &str) {
    let outcome = run_psql(sql);
    assert!(
        outcome.is_ok(),
        "psql: {}",
        outcome.err().unwrap_or_default()
    );
}

fn run_psql(sql: &str) -> Result<(), String> {
    let output = psql_command(sql)
        .output()
        .map_err(|e| format!("{e}: install postgresql 15 or newer"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn psql_command(sql: &str) -> Command {
    let mut command = Command::new(programs().join("psql"));
    command
        .args([
            "--no-psqlrc",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            cluster(),
            "--command",
            sql,
        ])
        .env("PGOPTIONS", "--client-min-messages=warning")
        .stdin(Stdio::null());
    command
}

fn with_database(url: &str, name: &str) -> String {
    let (base, query) = url
        .split_once('?')
        .map_or((url, None), |(base, query)| (base, Some(query)));
    let base = base.rsplit_once('/').map_or(base, |(base, _)| base);
    match query {
        Some(query) => format!("{base}/{name}?{query}"),
        None => format!("{base}/{name}"),
    }
}

/// The cluster of this process, for all tests that share one.
fn start() -> String {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    // Durability is tested by clusters of their own and by `./test`; here nothing survives anyway.
    SHARED.get_or_init(|| Cluster::start("off")).url.clone()
}

/// A cluster of its own. The supervising shell waits for the end of its input, which comes with this value's drop or the
/// end of this process, then stops the cluster and removes its folder.
pub struct Cluster {
    /// URL of a superuser's connection.
    pub url: String,
    owner: Option<&'static str>,
    folder: String,
    options: String,
    /// Kept for its pipe.
    supervisor: Child,
}

impl Cluster {
    /// One whose commits reach the disk.
    pub fn durable() -> Cluster {
        Self::start("on")
    }

    fn start(fsync: &str) -> Cluster {
        let folder = tempfile::Builder::new()
            .prefix("ward-postgres.")
            .tempdir()
            .expect("a temporary folder")
            .keep();
        let owner = owner(&folder);
        let folder = folder
            .to_str()
            .expect("temporary folders have plain names")
            .to_owned();
        let data = format!("{folder}/data");
        run(
            owner,
            "initdb",
            &[
                "--pgdata",
                &data,
                "--username=ward",
                "--auth=trust",
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
            ],
        );
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{folder}' -c unix_socket_permissions=0700 -c max_connections=200 -c fsync={fsync} -c shared_buffers=64MB"
        );
        let supervisor = supervise(owner, &folder);
        let url = format!("postgres://ward@localhost/postgres?host={folder}");
        let cluster = Cluster {
            url,
            owner,
            folder,
            options,
            supervisor,
        };
        cluster.control(
            "start",
            &[
                "--log",
                &format!("{}/server.log", cluster.folder),
                "--options",
                &cluster.options,
            ],
        );
        cluster
    }

    /// All its processes end at once, and recovery follows: a crash of the database.
    pub fn crash(&self) {
        self.control("stop", &["--mode=immediate"]);
        self.control(
            "start",
            &[
                "--log",
                &format!("{}/server.log", self.folder),
                "--options",
                &self.options,
            ],
        );
    }

    fn control(&self, verb: &str, further: &[&str]) {
        let data = format!("{}/data", self.folder);
        let arguments = [
            &[
                verb,
                "--silent",
                "--wait",
                "--timeout=60",
                "--pgdata",
                &data,
            ],
            further,
        ]
        .concat();
        run(self.owner, "pg_ctl", &arguments);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        let _ = self.supervisor.wait();
    }
}

fn run(owner: Option<&str>, program: &str, arguments: &[&str]) {
    let output = command(&owner, &programs().join(program))
        .args(arguments)
        .current_dir("/")
        .output()
        .expect("PostgreSQL's programs run");
    assert!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn supervise(owner: Option<&str>, folder: &str) -> Child {
    let stop = format!(
        "read _; cd /; {} stop --silent --mode=immediate --pgdata='{folder}/data'; rm -rf '{folder}'",
        programs().join("pg_ctl").display()
    );
    let mut shell = command(&owner, Path::new("sh"));
    shell
        .args(["-c", &stop])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh runs")
}

/// PostgreSQL refuses to run as root: another user owns the folder then.
fn owner(folder: &Path) -> Option<&'static str> {
    let root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|o| o.stdout.starts_with(b"0\n"));
    let user = ["postgres", "nobody"].into_iter().find(|user| {
        Command::new("id")
            .arg(user)
            .output()
            .is_ok_and(|o| o.status.success())
    });
    let user = user.filter(|_| root)?;
    let owned = Command::new("chown")
        .arg(user)
        .arg(folder)
        .status()
        .is_ok_and(|s| s.success());
    assert!(owned, "the cluster's folder cannot be given to {user}");
    Some(user)
}

fn command(owner: &Option<&str>, program: &Path) -> Command {
    match owner {
        Some(user) => {
            let mut command = Command::new("runuser");
            command.args(["-u", user, "--"]).arg(program);
            command
        }
        None => Command::new(program),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_named_in_the_url() {
        assert_eq!(
            with_database("postgres://u:p@127.0.0.1:5/postgres", "x"),
            "postgres://u:p@127.0.0.1:5/x"
        );
        assert_eq!(
            with_database("postgres://u@localhost/postgres?host=/tmp/a/b", "x"),
            "postgres://u@localhost/x?host=/tmp/a/b"
        );
    }

    #[test]
    fn databases_come_and_go() {
        let database = Database::create();
        assert!(database.url.contains(&database.name));
    }
}
