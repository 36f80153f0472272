//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::service::Algorithm;

/// Closed-loop load on a FHIR R4 server.
///
///   ward-loadgen --token-command "ward token --as loader" crud --clients 32
///   ward-loadgen --token-command "ward token --as loader" --server-pid 4242 import --generate 500 --clients 4
///   ward-loadgen --token "$TOKEN" read --clients 8 --json
///
/// Exits with 1 when a request failed, with 2 when nothing could be measured.
#[derive(Parser)]
#[command(name = "ward-loadgen", version, verbatim_doc_comment)]
pub struct Arguments {
    /// FHIR base URL, http only
    #[arg(long, global = true, default_value = "http://127.0.0.1:8080/fhir")]
    pub base: String,
    /// Bearer token
    #[arg(long, global = true, env = "WARD_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Command line that prints a bearer token; run again every two minutes, for runs that outlive a token
    #[arg(long, global = true, value_name = "COMMAND")]
    pub token_command: Option<String>,
    /// File with one bearer token per line; clients take them in turn
    #[arg(long, global = true)]
    pub token_file: Option<PathBuf>,
    /// Processes of the server, for CPU and memory
    #[arg(long, global = true, value_delimiter = ',')]
    pub server_pid: Vec<u32>,
    /// Processes of the database, with their children
    #[arg(long, global = true, value_delimiter = ',')]
    pub database_pid: Vec<u32>,
    /// Threads of the load generator itself
    #[arg(long, global = true, default_value_t = 1)]
    pub threads: usize,
    /// Seed of all generated content
    #[arg(long, global = true, default_value_t = 1)]
    pub seed: u64,
    /// Accept gzip answers
    #[arg(long, global = true)]
    pub gzip: bool,
    /// Report as JSON
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// W1: create, read, update and delete nine linked types; 36 requests an iteration
    Crud(Pace),
    /// W2: transaction Bundles, each sent once, in a fixed order
    Import(Import),
    /// W4: create 10, read 60, update 25, delete 5 of a hundred, on small documents
    Mix(Pace),
    /// W4, reads by id only
    Read(Pace),
    /// Creates of Observation only
    Create(Pace),
    /// W6: Patient and Observation in one transaction, with 1, 2, 4, ... clients
    Sweep(Sweep),
    /// W3, W5, W7, W8 and the classes of search: blocks of each class and of point reads take turns
    Search(Search),
    /// W9: search, create, read, update and a mix with few and with many clients
    Smile(Smile),
    /// W12: what authorization, consent and audit cost, each left out in turns; the server must be built with the feature `bench`
    Steps(Steps),
    /// How long it takes until a read is found by who searches the audit log
    Visible(Visible),
    /// Tokens of a backend service by signed assertions; the server must take registrations by anybody
    Token(Tokens),
    /// Reads at a steady pace alone and beside sign-ins, in turns
    SignIns(SignIns),
    /// GET of one path again and again
    Get(Get),
    /// Stores Consents for a share of the patients; the token must be of somebody who may create them
    Consents(Consents),
    /// Random questions to this server and another: whether their answers differ
    Compare(Compare),
    /// Whether times tell what is hidden from what is not there (Kolmogorov-Smirnov)
    Timing(Timing),
    /// Floor: durable writes to a file per second
    Fsync(Fsync),
}

/// How hard and how long.
#[derive(Args, Clone)]
pub struct Pace {
    /// Clients that each wait for their answer before they ask again
    #[arg(long, default_value_t = 8)]
    pub clients: usize,
    /// Seconds at the beginning that are not counted
    #[arg(long, default_value_t = 5)]
    pub warm_up: u64,
    /// Seconds that are counted
    #[arg(long, default_value_t = 60)]
    pub duration: u64,
    /// Ends after so many requests, warm-up included
    #[arg(long)]
    pub requests: Option<u64>,
}

#[derive(Args)]
pub struct Import {
    /// Bundles: .json, .ndjson, also .gz, or folders of them
    #[arg(required_unless_present = "generate")]
    pub paths: Vec<PathBuf>,
    /// Synthetic patients instead of files
    #[arg(long, conflicts_with = "paths")]
    pub generate: Option<usize>,
    /// Number of the first synthetic patient: a large hospital is loaded in parts, since all of one part is in memory
    #[arg(long, default_value_t = 0, requires = "generate")]
    pub first_patient: usize,
    /// Mean resources per synthetic patient
    #[arg(long, default_value_t = 300)]
    pub entries_per_patient: usize,
    #[arg(long, default_value_t = 4)]
    pub clients: usize,
    /// Ends after so many seconds even if Bundles are left
    #[arg(long, default_value_t = 600)]
    pub duration: u64,
}

/// `ward-loadgen --token-command "ward token --as clinician" --server-pid 4242 search --suite w3 --misses 5`
#[derive(Args)]
pub struct Search {
    #[arg(long, value_enum, default_value_t = Suite::Classes)]
    pub suite: Suite,
    /// Only the classes of these names
    #[arg(long, value_delimiter = ';')]
    pub only: Vec<String>,
    /// All classes at once, with equal chances, instead of one after the other
    #[arg(long)]
    pub mixed: bool,
    /// Drawn values in a hundred that nothing has
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(0..=100))]
    pub misses: u64,
    #[arg(long, default_value_t = 2)]
    pub clients: usize,
    /// Seconds of one block
    #[arg(long, default_value_t = 1)]
    pub block: u64,
    /// Times that each class has its block; one more before them is not counted
    #[arg(long, default_value_t = 5)]
    pub rounds: u64,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Suite {
    /// One class for each row of the cost table of search
    Classes,
    /// Strings, dates, tokens, quantities, composites, references (W3)
    #[value(name = "w3")]
    HealthSamurai,
    /// Thirty questions, full text among them (W5); usually with --mixed
    #[value(name = "w5")]
    MockHealth,
    /// Counts and large pages (W7)
    #[value(name = "w7")]
    Blaze,
    /// Includes beside the same page without (W8)
    #[value(name = "w8")]
    Microsoft,
}

#[derive(Args)]
pub struct Smile {
    /// Numbers of clients, one run of each operation for each
    #[arg(long, value_delimiter = ',', default_value = "1,10,50,100,199")]
    pub clients: Vec<usize>,
    /// Requests of each client
    #[arg(long, default_value_t = 10)]
    pub operations: u64,
}

/// `ward-loadgen --server-pid 4242 token --algorithm RS384 --admin w/demo/admin.json --clients 8 --duration 20`
#[derive(Args)]
pub struct Tokens {
    #[arg(long, value_enum, default_value_t = Algorithm::Es384)]
    pub algorithm: Algorithm,
    /// What is asked for
    #[arg(long, default_value = "system/Observation.rs system/Patient.rs")]
    pub scope: String,
    /// Secrets of an administrator, who approves the registration: as a demo's data folder holds them
    #[arg(long, default_value = "ward-data/demo/admin.json")]
    pub admin: PathBuf,
    /// Assertions that are signed before the clock starts; the run ends when they are used up
    #[arg(long, default_value_t = 60_000)]
    pub assertions: usize,
    #[command(flatten)]
    pub pace: Pace,
}

/// `ward-loadgen --token-command "ward token --as loader" --server-pid 4242 sign-ins --people 20 --clients 8 --rate 1000`
#[derive(Args)]
pub struct SignIns {
    /// People who sign in at once, each waiting for the answer before they try again
    #[arg(long, default_value_t = 20)]
    pub people: usize,
    /// Clients that read
    #[arg(long, default_value_t = 8)]
    pub clients: usize,
    /// Reads a second, of all clients together; 0: each as soon as the last is answered
    #[arg(long, default_value_t = 1000)]
    pub rate: u64,
    /// Seconds of one block
    #[arg(long, default_value_t = 5)]
    pub block: u64,
    /// Times that each has its block; one more before them is not counted
    #[arg(long, default_value_t = 6)]
    pub rounds: u64,
}

/// `ward-loadgen --token-command "ward token --as loader" --server-pid 4242 steps --work read --clients 32`
#[derive(Args)]
pub struct Steps {
    #[arg(long, value_enum, default_value_t = Work::Read)]
    pub work: Work,
    #[arg(long, default_value_t = 32)]
    pub clients: usize,
    /// Seconds of one block
    #[arg(long, default_value_t = 2)]
    pub block: u64,
    /// Times that each choice of steps has its block; one more before them is not counted
    #[arg(long, default_value_t = 5)]
    pub rounds: u64,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Work {
    /// Reads by id
    Read,
    /// The mix of W4
    Mix,
    /// The questions of W5, all at once
    W5,
}

/// `ward-loadgen --token-command "ward token --as loader" visible --auditor-token-command "ward token --as auditor" --clients 8`
#[derive(Args)]
pub struct Visible {
    /// Command line that prints a token of who may search AuditEvents
    #[arg(long, value_name = "COMMAND")]
    pub auditor_token_command: String,
    /// Clients that read beside, each as soon as it is answered
    #[arg(long, default_value_t = 8)]
    pub clients: usize,
    /// Reads that are looked for
    #[arg(long, default_value_t = 200)]
    pub probes: u64,
}

#[derive(Args)]
pub struct Sweep {
    /// Numbers of clients, one run each
    #[arg(long, value_delimiter = ',', default_value = "1,2,4,8,16,32,64,128")]
    pub clients: Vec<usize>,
    /// Transactions before the first run that are not counted
    #[arg(long, default_value_t = 1000)]
    pub warm_up_transactions: u64,
    /// Seconds of each run
    #[arg(long, default_value_t = 60)]
    pub duration: u64,
}

#[derive(Args)]
pub struct Get {
    /// Path below the base URL, such as Patient/abc or metadata
    pub path: String,
    #[command(flatten)]
    pub pace: Pace,
}

#[derive(Args)]
pub struct Fsync {
    /// A folder on the disk in question
    #[arg(long, default_value = ".")]
    pub folder: PathBuf,
    /// Bytes written before each fdatasync
    #[arg(long, default_value_t = 4096)]
    pub bytes: usize,
    #[arg(long, default_value_t = 5)]
    pub duration: u64,
}

#[derive(Args)]
pub struct Consents {
    /// Patients in a hundred who have consents
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=100))]
    pub percent: u64,
}

/// `ward-loadgen --base http://127.0.0.1:8080/fhir --token-command "ward token --as clinician" compare http://127.0.0.1:8081/fhir --questions 10000`
#[derive(Args)]
pub struct Compare {
    /// FHIR base URL of the other server, http only
    pub other: String,
    /// Bearer token there; without it the one of here is shown
    #[arg(long)]
    pub other_token: Option<String>,
    /// Command line that prints one
    #[arg(long, value_name = "COMMAND", conflicts_with = "other_token")]
    pub other_token_command: Option<String>,
    #[arg(long, default_value_t = 1000)]
    pub questions: u64,
}

/// `ward-loadgen --token-command "ward token --as lab" timing --loader-token-command "ward token --as loader" --pairs 10000`
#[derive(Args)]
pub struct Timing {
    /// Command line that prints a token of somebody who may create Patients, Observations and Consents: stores results that a Consent hides
    /// from everybody but their patient
    #[arg(long)]
    pub loader_token_command: Option<String>,
    /// In place of them: type and id of a resource that the caller does not see; more than one may be given
    #[arg(long, required_unless_present = "loader_token_command")]
    pub hidden: Vec<String>,
    #[arg(long, default_value_t = 10_000)]
    pub pairs: u64,
}
