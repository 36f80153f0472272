//! Floors and ours in turns: fsync, raw durable insert, bare actix-web; read by id, durable create, import.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::process::{self, Programs, Running};

pub const USAGE: &str = "[--rounds 3] [--seconds 10] [--clients 32] [--read-clients 64] [--patients 200] [--database URL] [--database-pid PID]";

/// The floor of a durable create is an example of the storage crate, because only that crate speaks to the databases:
/// `raw_insert STORE FOLDER_OR_URL CLIENTS SECONDS` prints `{"per_second": N, "batched_per_second": M}`.
const RAW_INSERT: &str = "crates/storage/examples/raw_insert.rs";

pub struct Options {
    rounds: usize,
    seconds: u64,
    clients: usize,
    /// A read waits for its durable audit record: with few clients the disk is measured, not the server.
    read_clients: usize,
    patients: usize,
    database: Option<String>,
    database_pid: Option<String>,
}

impl Options {
    pub fn read(words: &[String]) -> Result<Self, String> {
        let mut options = Self {
            rounds: 3,
            seconds: 10,
            clients: 32,
            read_clients: 64,
            patients: 200,
            database: None,
            database_pid: None,
        };
        for pair in words.chunks(2) {
            let [name, value] = pair else {
                return Err(format!("cargo xtask bench floor {USAGE}"));
            };
            let number = || {
                value
                    .parse::<u64>()
                    .ok()
                    .filter(|n| *n > 0)
                    .ok_or_else(|| format!("{name} {value}: not a number above 0"))
            };
            match name.as_str() {
                "--rounds" => options.rounds = number()? as usize,
                "--seconds" => options.seconds = number()?,
                "--clients" => options.clients = number()? as usize,
                "--read-clients" => options.read_clients = number()? as usize,
                "--patients" => options.patients = number()? as usize,
                "--database" => options.database = Some(value.clone()),
                "--database-pid" => options.database_pid = Some(value.clone()),
                _ => return Err(format!("{name}: cargo xtask bench floor {USAGE}")),
            }
        }
        Ok(options)
    }

    /// The embedded store always; PostgreSQL too where a database is given, in turns with it.
    fn stores(&self) -> Vec<Store<'_>> {
        let sqlite = Store {
            name: "sqlite",
            database: None,
        };
        let postgres = self.database.as_deref().map(|url| Store {
            name: "postgres",
            database: Some(url),
        });
        std::iter::once(sqlite).chain(postgres).collect()
    }
}

/// A store whose server is measured.
#[derive(Clone, Copy)]
struct Store<'a> {
    name: &'static str,
    database: Option<&'a str>,
}

pub fn run(options: &Options) -> Result<(), String> {
    let raw_insert = Path::new(RAW_INSERT).exists();
    let programs = process::build(raw_insert)?;
    let folder = Folder::make()?;
    let mut measured = Vec::new();
    for store in options.stores() {
        let ours = Ours::start(&programs, options, store, &folder.0)?;
        measured.push((ours, Figures::default()));
    }
    let address = free_address()?;
    let (_bare, ()) = Running::start(programs.command("bare").arg(&address), true, |line| {
        line.starts_with("bare: ").then_some(())
    })?;
    let mut machine = Figures::default();
    for round in 0..options.rounds {
        eprintln!("bench: round {} of {}", round + 1, options.rounds);
        machine.add("fsync", fsync(&programs, options, &folder.0)?);
        machine.add("bare", bare(&programs, options, &address)?);
        for (ours, figures) in &mut measured {
            ours.round(&programs, options, &folder.0, raw_insert, figures)?;
        }
    }
    for (ours, figures) in &mut measured {
        ours.import(&programs, options, figures)?;
    }
    print(&heading(options, &machine));
    for (ours, figures) in &measured {
        print(&table(options, ours.store.name, &machine, figures));
    }
    Ok(())
}

fn bare(programs: &Programs, options: &Options, address: &str) -> Result<f64, String> {
    let readers = options.read_clients.to_string();
    let base = format!("http://{address}");
    let words = ["get", "read", "--clients", &readers];
    load(programs, options, &base, &words).map(|report| rate(&report))
}

/// The server under test, in a store of its own.
struct Ours<'a> {
    store: Store<'a>,
    running: Running,
    base: String,
    /// Prints a token; it is asked again where a run outlives one.
    token_command: String,
    database_pid: Option<String>,
}

impl<'a> Ours<'a> {
    fn start(
        programs: &Programs,
        options: &Options,
        store: Store<'a>,
        folder: &Path,
    ) -> Result<Self, String> {
        let data = folder.join(store.name);
        let mut command = programs.command("ward");
        // One client asks for all that the machine can give.
        command
            .env("WARD_RATES_CLIENT_PER_MINUTE", "0")
            .args([
                "serve",
                "--demo",
                "--empty",
                "--listen",
                "127.0.0.1:0",
                "--data",
            ])
            .arg(&data);
        if let Some(database) = store.database {
            command.args(["--database", database]);
        }
        let ready = |line: &str| {
            Some(
                line.strip_prefix("Ward is ready at ")?
                    .split_whitespace()
                    .next()?
                    .trim_end_matches('.')
                    .to_owned(),
            )
        };
        let (running, base) = Running::start(&mut command, false, ready)?;
        let ward = programs.command("ward");
        let token_command = format!(
            "'{}' token --as loader --data '{}'",
            ward.get_program().to_string_lossy(),
            data.display()
        );
        let database_pid = store.database.and(options.database_pid.clone());
        Ok(Self {
            store,
            running,
            base,
            token_command,
            database_pid,
        })
    }

    /// One round: reads, the floor of a durable insert, durable creates.
    fn round(
        &self,
        programs: &Programs,
        options: &Options,
        folder: &Path,
        raw_insert: bool,
        figures: &mut Figures,
    ) -> Result<(), String> {
        let readers = options.read_clients.to_string();
        let reads = self.load(programs, options, &["read", "--clients", &readers])?;
        figures.add_load("read", &reads);
        if raw_insert {
            let raw = raw(programs, options, self.store, folder)?;
            let rate = |name: &str| raw[name].as_f64().unwrap_or(0.0);
            figures.add("raw insert", rate("per_second"));
            figures.add("raw batch", rate("batched_per_second"));
        }
        let clients = options.clients.to_string();
        let creates = self.load(programs, options, &["create", "--clients", &clients])?;
        figures.add_load("create", &creates);
        Ok(())
    }

    fn import(
        &self,
        programs: &Programs,
        options: &Options,
        figures: &mut Figures,
    ) -> Result<(), String> {
        let patients = options.patients.to_string();
        let words = [
            "--seed",
            "7",
            "import",
            "--generate",
            &patients,
            "--clients",
            "4",
        ];
        let import = self.run(programs, &words)?;
        let figure = |value: &Value| value.as_f64().unwrap_or(0.0);
        figures.add("import", figure(&import["resources_per_second"]));
        figures.add("import CPU-ms", per_resource(&import));
        figures.add("server MiB", figure(&import["server"]["peak_kib"]) / 1024.0);
        Ok(())
    }

    fn load(
        &self,
        programs: &Programs,
        options: &Options,
        words: &[&str],
    ) -> Result<Value, String> {
        let seconds = options.seconds.to_string();
        self.run(
            programs,
            &[words, &["--warm-up", "2", "--duration", &seconds]].concat(),
        )
    }

    fn run(&self, programs: &Programs, words: &[&str]) -> Result<Value, String> {
        let mut command = programs.command("ward-loadgen");
        command
            .args(["--json", "--base", &self.base])
            .args(["--token-command", &self.token_command]);
        command.args(["--server-pid", &self.running.id().to_string()]);
        if let Some(pid) = &self.database_pid {
            command.args(["--database-pid", pid]);
        }
        first(process::json(command.args(words))?)
    }
}

fn load(
    programs: &Programs,
    options: &Options,
    base: &str,
    words: &[&str],
) -> Result<Value, String> {
    let mut command = programs.command("ward-loadgen");
    command.args(["--json", "--base", base]).args(words).args([
        "--warm-up",
        "2",
        "--duration",
        &options.seconds.to_string(),
    ]);
    first(process::json(&mut command)?)
}

/// The only report of a run; failures are said aloud, for a rate with failures means nothing.
fn first(reports: Value) -> Result<Value, String> {
    let report = reports
        .get(0)
        .cloned()
        .ok_or_else(|| "the load generator reported nothing".to_owned())?;
    match report["failures"].as_object() {
        Some(failures) if !failures.is_empty() => {
            Err(format!("{}: {failures:?}", report["workload"]))
        }
        _ => Ok(report),
    }
}

fn fsync(programs: &Programs, options: &Options, folder: &Path) -> Result<f64, String> {
    let mut command = programs.command("ward-loadgen");
    command
        .args([
            "--json",
            "fsync",
            "--duration",
            &options.seconds.min(5).to_string(),
            "--folder",
        ])
        .arg(folder);
    Ok(process::json(&mut command)?["per_second"]
        .as_f64()
        .unwrap_or(0.0))
}

fn raw(
    programs: &Programs,
    options: &Options,
    store: Store<'_>,
    folder: &Path,
) -> Result<Value, String> {
    let mut command = programs.command("examples/raw_insert");
    let in_folder = || folder.join("raw").display().to_string();
    let place = store.database.map_or_else(in_folder, str::to_owned);
    command.args([
        store.name,
        &place,
        &options.clients.to_string(),
        &options.seconds.to_string(),
    ]);
    process::json(&mut command)
}

/// Samples by name; the median of each is reported.
#[derive(Default)]
struct Figures(BTreeMap<&'static str, Vec<f64>>);

impl Figures {
    fn add(&mut self, name: &'static str, value: f64) {
        self.0.entry(name).or_default().push(value);
    }

    fn add_load(&mut self, name: &'static str, report: &Value) {
        self.add(name, rate(report));
        let cpu = |who: &str| report[who]["cpu_ms_per_request"].as_f64().unwrap_or(0.0);
        let p99 = report["latency_us"]["p99"].as_f64().unwrap_or(0.0) / 1000.0;
        let (cpu_name, p99_name) = if name == "read" {
            ("read CPU-ms", "read p99")
        } else {
            ("create CPU-ms", "create p99")
        };
        self.add(cpu_name, cpu("server") + cpu("database"));
        self.add(p99_name, p99);
    }

    /// None where it was not measured.
    fn median(&self, name: &str) -> Option<f64> {
        let mut samples = self.0.get(name)?.clone();
        samples.sort_by(f64::total_cmp);
        samples.get(samples.len() / 2).copied()
    }
}

fn rate(report: &Value) -> f64 {
    report["requests_per_second"].as_f64().unwrap_or(0.0)
}

fn per_resource(report: &Value) -> f64 {
    ["server", "database"]
        .iter()
        .filter_map(|who| report[*who]["cpu_ms_per_resource"].as_f64())
        .sum()
}

fn heading(options: &Options, machine: &Figures) -> String {
    let fsync = machine.median("fsync").unwrap_or(0.0);
    format!(
        "{} rounds of {} s in turns, medians; {}; fsync {fsync:.0} per s.\n",
        options.rounds,
        options.seconds,
        processor(),
    )
}

fn table(options: &Options, store: &str, machine: &Figures, figures: &Figures) -> String {
    let median = |name: &str| figures.median(name).or_else(|| machine.median(name));
    let number =
        |name: &str| median(name).map_or_else(|| "not measured".to_owned(), |v| format!("{v:.0}"));
    let small = |name: &str| median(name).map_or_else(|| "-".to_owned(), |v| format!("{v:.3}"));
    let ratio = |ours: &str, floor: &str| match (median(ours), median(floor)) {
        (Some(ours), Some(floor)) if floor > 0.0 => format!("{:.2}", ours / floor),
        _ => "-".to_owned(),
    };
    let mut text = format!(
        "| {store} | ours per s | floor per s | ratio | CPU-ms each | p99 ms |\n|---|---|---|---|---|---|\n"
    );
    text += &format!(
        "| read by id, {} clients, of bare actix-web with 2 KB | {} | {} | {} | {} | {} |\n",
        options.read_clients,
        number("read"),
        number("bare"),
        ratio("read", "bare"),
        small("read CPU-ms"),
        small("read p99")
    );
    for (floor, of) in [
        ("raw insert", "one raw durable insert per transaction"),
        ("raw batch", "raw durable inserts in natural batches"),
    ] {
        text += &format!(
            "| durable create, {} clients, of {of} | {} | {} | {} | {} | {} |\n",
            options.clients,
            number("create"),
            number(floor),
            ratio("create", floor),
            small("create CPU-ms"),
            small("create p99")
        );
    }
    text += &format!(
        "| import of transactions, 4 clients, resources | {} | - | - | {} | - |\n",
        number("import"),
        small("import CPU-ms")
    );
    text + &format!(
        "\nServer memory at its peak: {} MiB.\n",
        number("server MiB")
    )
}

/// Processor, cores and load average.
fn processor() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors
        .lines()
        .find_map(|l| l.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown", |m| m.1);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{model}, {cores} cores, load average {}",
        load.split_whitespace().next().unwrap_or("unknown")
    )
}

fn free_address() -> Result<String, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    listener
        .local_addr()
        .map(|a| a.to_string())
        .map_err(|e| e.to_string())
}

/// On the disk of the target folder, because a temporary folder is often in memory; removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, String> {
        let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned());
        let path = Path::new(&target).join(format!("bench-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        path.canonicalize().map(Self).map_err(|e| e.to_string())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[allow(clippy::print_stdout)] // the result of this chore
fn print(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn options_are_read_and_unknown_ones_refused() {
        let options = Options::read(&words("--rounds 1 --database postgres://x")).unwrap();
        let names = |options: &Options| options.stores().iter().map(|s| s.name).collect::<Vec<_>>();
        assert_eq!(options.rounds, 1);
        assert_eq!(names(&options), ["sqlite", "postgres"]);
        assert_eq!(names(&Options::read(&[]).unwrap()), ["sqlite"]);
        assert!(Options::read(&words("--rounds")).is_err());
        assert!(Options::read(&words("--rounds 0")).is_err());
        assert!(Options::read(&words("--speed 9")).is_err());
    }

    #[test]
    fn the_table_holds_medians_and_ratios() {
        let (mut machine, mut figures) = (Figures::default(), Figures::default());
        for (bare, read) in [(100.0, 70.0), (1000.0, 600.0), (900.0, 650.0)] {
            machine.add("bare", bare);
            figures.add("read", read);
        }
        let table = table(&Options::read(&[]).unwrap(), "sqlite", &machine, &figures);
        assert!(table.contains("| 600 | 900 | 0.67 |"), "{table}");
        assert!(table.contains("not measured"));
    }

    #[test]
    fn a_run_with_failures_is_no_figure() {
        let report = serde_json::json!([{"workload": "read", "failures": {"read: 500": 3}}]);
        assert!(first(report).is_err());
        assert!(first(serde_json::json!([{"failures": {}}])).is_ok());
    }
}
