//! A real `ward` process per test: started as a user starts it, spoken to over HTTP, ended by pid.

use crate::binary::ward_binary;
use crate::children;
use crate::http::Client;
use crate::token::{Source, Token};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Which store the server runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

const BACKENDS: [Backend; 2] = [Backend::Sqlite, Backend::Postgres];

/// The stores that tests run on: both, or those that `WARD_TEST_BACKENDS` names (`sqlite`, `postgres`, with commas).
pub fn backends() -> Vec<Backend> {
    let Some(named) = std::env::var("WARD_TEST_BACKENDS")
        .ok()
        .filter(|names| !names.trim().is_empty())
    else {
        return BACKENDS.to_vec();
    };
    let backend = |name: &str| match name.trim() {
        "sqlite" => Backend::Sqlite,
        "postgres" => Backend::Postgres,
        other => panic!("WARD_TEST_BACKENDS names '{other}'; stores are sqlite and postgres"),
    };
    named.split(',').map(backend).collect()
}

/// A port that is free at this moment.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How a server is started; the data folder outlives the process, so that it can be started again.
#[derive(Clone, Debug)]
pub struct Start {
    pub backend: Backend,
    pub filled: bool,
    /// On loopback; 0: whichever is free.
    pub port: u16,
    /// Extra settings as environment variables, e.g. `WARD_INTEGRITY_REFERENCE_CHECK`.
    pub environment: Vec<(String, String)>,
}

impl Start {
    pub fn empty(backend: Backend) -> Self {
        Self {
            backend,
            filled: false,
            port: 0,
            environment: Vec::new(),
        }
    }

    /// On this port, so that another start is at the same place.
    pub fn at(self, port: u16) -> Self {
        Self { port, ..self }
    }

    pub fn with(self, option: &str, value: &str) -> Self {
        let name = format!("WARD_{}", option.replace('.', "_").to_uppercase());
        self.variable(&name, value)
    }

    /// A variable that is no option.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Folder and database of one server, removed when dropped.
pub struct Home {
    pub folder: tempfile::TempDir,
    pub database: Option<crate::postgres::Database>,
}

pub struct Server {
    pub base: String,
    pub backend: Backend,
    pub home: Home,
    start: Start,
    child: Child,
}

impl Server {
    pub fn start(start: Start) -> Server {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = (start.backend == Backend::Postgres).then(crate::postgres::Database::create);
        Self::start_in(start, Home { folder, database })
    }

    pub fn start_in(start: Start, home: Home) -> Server {
        let (child, base) = launch(&start, &home);
        Server {
            base,
            backend: start.backend,
            home,
            start,
            child,
        }
    }

    /// Another process over the same database, with a folder of its own. Panics where the store is one process's own.
    pub fn beside(&self) -> Server {
        let database = self.home.database.as_ref();
        let database = database
            .expect("several processes share PostgreSQL only")
            .shared();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let key = "master.key";
        std::fs::copy(self.data().join(key), folder.path().join(key)).expect("the master key");
        let home = Home {
            folder,
            database: Some(database),
        };
        Self::start_in(self.start.clone().at(0), home)
    }

    pub fn data(&self) -> &Path {
        self.home.folder.path()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A token as a newcomer gets it: from `ward token`. Those of `lab`, `billing` and `loader` live for five minutes.
    pub fn token(&self, caller: &str) -> String {
        self.signed_in(caller, None, None).text()
    }

    /// A client that signs in as a demo caller, again before its token ends.
    pub fn client(&self, caller: &str) -> Client {
        self.anonymous().showing(self.signed_in(caller, None, None))
    }

    /// The demo's app with the record of a patient: the demo's own at home, any other at the clinician's desk.
    pub fn app(&self, patient: &str) -> Client {
        let token = self.signed_in("app", Some(patient), None);
        self.anonymous().showing(token)
    }

    /// A client that signs in as a demo caller for part of what it may do; `patient`: logical id, for the app.
    pub fn client_within(&self, caller: &str, patient: Option<&str>, scope: &str) -> Client {
        let token = self.signed_in(caller, patient, Some(scope));
        self.anonymous().showing(token)
    }

    /// A client that signs in as a demo caller for purposes of use, codes separated by spaces. Error: the server refuses them.
    pub fn client_for(&self, caller: &str, purpose: &str) -> Result<Client, String> {
        let source = Source {
            purpose: Some(purpose.to_owned()),
            ..self.source(caller)
        };
        Ok(self.anonymous().showing(Token::asked(source)?))
    }

    fn signed_in(&self, caller: &str, patient: Option<&str>, scope: Option<&str>) -> Token {
        Token::of(Source {
            patient: patient.map(str::to_owned),
            scope: scope.map(str::to_owned),
            ..self.source(caller)
        })
    }

    fn source(&self, caller: &str) -> Source {
        Source {
            data: self.data().to_owned(),
            caller: caller.to_owned(),
            patient: None,
            scope: None,
            purpose: None,
        }
    }

    pub fn anonymous(&self) -> Client {
        Client::trusting(&self.base, None, &self.authority())
    }

    /// The development authority in the data folder, when the server was started with one.
    pub fn authority(&self) -> Vec<u8> {
        std::fs::read(self.data().join("tls/ca.pem")).unwrap_or_default()
    }

    /// What the metrics listener says. For a server with `server.metrics_listen` on port 0 and `log.format` json: its log tells
    /// the port.
    pub fn metrics(&self) -> String {
        let log = std::fs::read_to_string(self.data().join("server.log")).expect("a log file");
        let lines = log
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let mut told = lines.filter(|line| line["fields"]["message"] == "serving metrics");
        let address =
            told.next().expect("the log tells where metrics are")["fields"]["address"].clone();
        let url = format!("http://{}/metrics", address.as_str().expect("an address"));
        self.anonymous().get(&url).expect(200).text()
    }

    /// SIGKILL: what a power cut leaves, as far as a process can show it.
    pub fn kill(mut self) -> (Start, Home) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        children::ended(self.child.id());
        self.into_parts()
    }

    /// SIGTERM, and no wait.
    pub fn terminate(&self) {
        let status = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .expect("kill runs");
        assert!(status.success());
    }

    /// SIGTERM and the wait for a clean end.
    pub fn stop(mut self) -> (Start, Home) {
        // Who has ended already, after a signal of its own, is still there until it is waited for.
        self.terminate();
        let status = self.child.wait().expect("the server ends");
        children::ended(self.child.id());
        assert!(status.success(), "graceful shutdown ended with {status}");
        self.into_parts()
    }

    fn into_parts(self) -> (Start, Home) {
        let this = std::mem::ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped, so each field is moved out exactly once.
        unsafe { (std::ptr::read(&this.start), std::ptr::read(&this.home)) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        children::ended(self.child.id());
    }
}

fn environment(start: &Start) -> impl Iterator<Item = (&String, &String)> {
    start.environment.iter().map(|(name, value)| (name, value))
}

fn launch(start: &Start, home: &Home) -> (Child, String) {
    let mut command = Command::new(ward_binary());
    command
        .args(["serve", "--demo", "--listen"])
        .arg(format!("127.0.0.1:{}", start.port))
        .arg("--data")
        .arg(home.folder.path());
    if !start.filled {
        command.arg("--empty");
    }
    if let Some(database) = &home.database {
        command.args(["--database", &database.url]);
    }
    command.envs(environment(start));
    let log: PathBuf = home.folder.path().join("server.log");
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .expect("a log file");
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(log)
        .stdin(Stdio::null())
        .spawn()
        .expect("ward starts");
    children::started(child.id());
    let stdout = child.stdout.take().expect("stdout is piped");
    let begun = Instant::now();
    let mut seen = String::new();
    let mut lines = BufReader::new(stdout).lines();
    while let Some(Ok(line)) = lines.next() {
        if let Some(rest) = line.strip_prefix("Ward is ready at ") {
            let base = rest
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .trim_end_matches('.')
                .to_owned();
            // The rest of the greeting must not block the server.
            std::thread::spawn(move || lines.for_each(drop));
            return (child, base);
        }
        seen.push_str(&line);
        if begun.elapsed() > START_TIMEOUT {
            break;
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    children::ended(child.id());
    let log = std::fs::read_to_string(home.folder.path().join("server.log")).unwrap_or_default();
    panic!("ward ended before it was ready: {seen}\n{log}");
}
