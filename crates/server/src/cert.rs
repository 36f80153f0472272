//! `ward cert dev`: certificates for trying TLS out.

use crate::dev_certificates::{CERTIFICATE_DAYS, DevFiles};
use crate::{data_folder, token};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args)]
pub struct Cert {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Subcommand)]
enum Kind {
    /// Make a development authority and certificates of this server and of clients in the data folder
    Dev(Dev),
}

const EXAMPLES: &str = "\
Examples:
  ward cert dev                                    for localhost, 127.0.0.1 and ::1
  ward cert dev --host ward.test --host 10.0.0.5   under more names
  ward cert dev --client lab                       also a certificate for a client
  ward serve --demo --tls dev                      makes them and serves with them

The authority is made once and kept; certificates are made anew each time. A running server takes them within a second.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
struct Dev {
    /// Data folder; the files go to its folder tls
    #[arg(long, value_name = "DIR", default_value = "ward-data")]
    data: PathBuf,
    /// A further name or address under which the server is reached
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,
    /// A client to make a certificate for
    #[arg(long = "client", value_name = "NAME")]
    clients: Vec<String>,
}

impl Cert {
    pub fn run(self) -> Result<ExitCode, String> {
        let Kind::Dev(dev) = self.kind;
        data_folder::create(&dev.data)?;
        let files = DevFiles::of(&dev.data);
        let names = files.issue_server(&dev.hosts)?;
        for client in &dev.clients {
            files.issue_client(client)?;
        }
        token::print(&dev.report(&files, &names));
        Ok(ExitCode::SUCCESS)
    }
}

impl Dev {
    /// What was made, and how it is used.
    fn report(&self, files: &DevFiles, names: &[String]) -> String {
        let authority = files.authority();
        let (authority, data) = (authority.display(), self.data.display());
        let mut text = format!(
            "Authority    {authority}\n\
             Certificate  {} (for {}; {CERTIFICATE_DAYS} days)\n\
             Key          {}\n",
            files.certificate().display(),
            names.join(", "),
            files.key().display(),
        );
        for client in &self.clients {
            text.push_str(&format!(
                "Client       {} with {}\n",
                files.client_certificate(client).display(),
                files.client_key(client).display()
            ));
        }
        text.push_str(&format!(
            "\nServe with them:     ward serve --data {data} --tls dev\n\
             Trust the authority: curl --cacert {authority} https://localhost:8080/fhir/metadata\n\
             \x20                    SSL_CERT_FILE={authority} ward import --to https://localhost:8080/fhir --token … FILES\n"
        ));
        if let Some(client) = self.clients.first() {
            text.push_str(&format!(
                "Client certificates: WARD_TLS_CLIENT_CA_FILE={authority} ward serve --data {data} --tls dev\n\
                 \x20                    curl --cacert {authority} --cert {} --key {} https://localhost:8080/fhir/metadata\n",
                files.client_certificate(client).display(),
                files.client_key(client).display()
            ));
        }
        text.push_str(
            "\nFor development only: who can read the data folder can pretend to be this server.\n",
        );
        text
    }
}
