//! What a run has shown, as a table for people and as JSON for programs.

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::record::empty_histogram;
use crate::run::Measured;

pub struct Report {
    pub workload: String,
    pub measured: Measured,
    /// Compared with the point reads of the same run.
    pub beside: Option<Beside>,
    /// Compared with the same requests while nothing else was asked.
    pub slowed: Option<Slowed>,
}

/// What becomes of requests while others are asked beside them: 1 is no difference.
#[derive(Debug, PartialEq)]
pub struct Slowed {
    /// Answers a second.
    pub rate: f64,
    pub p50: f64,
    pub p99: f64,
    /// Of server and database, for each request.
    pub cpu: f64,
}

impl Slowed {
    pub fn of(busy: &Report, alone: &Report) -> Slowed {
        let rate = |report: &Report| report.per_second(report.requests());
        let at = |q: f64| ratio(busy.at(q), alone.at(q));
        Slowed {
            rate: ratio(rate(busy), rate(alone)),
            p50: at(0.5),
            p99: at(0.99),
            cpu: ratio(busy.cpu_ms(), alone.cpu_ms()),
        }
    }
}

/// How many point reads one request of a workload costs. CPU is that of server and database together.
pub struct Beside {
    pub cpu: f64,
    pub p50: f64,
    pub p99: f64,
}

impl Beside {
    pub fn of(report: &Report, read: &Report) -> Beside {
        Beside {
            cpu: ratio(report.cpu_ms(), read.cpu_ms()),
            p50: ratio(report.at(0.5), read.at(0.5)),
            p99: ratio(report.at(0.99), read.at(0.99)),
        }
    }
}

/// 0 where there is nothing to compare with.
fn ratio(a: f64, b: f64) -> f64 {
    if b > 0.0 { a / b } else { 0.0 }
}

impl Report {
    pub fn new(workload: String, measured: Measured) -> Report {
        Report {
            workload,
            measured,
            beside: None,
            slowed: None,
        }
    }

    /// A quantile of all latencies. Microseconds.
    fn at(&self, quantile: f64) -> f64 {
        self.all().value_at_quantile(quantile) as f64
    }

    pub fn is_clean(&self) -> bool {
        self.measured.record.failures.is_empty() && self.requests() > 0
    }

    pub fn requests(&self) -> u64 {
        self.measured
            .record
            .latencies
            .values()
            .map(Histogram::len)
            .sum()
    }

    fn all(&self) -> Histogram<u64> {
        let mut all = empty_histogram();
        for histogram in self.measured.record.latencies.values() {
            // Equal bounds: nothing is lost.
            let _ = all.add(histogram);
        }
        all
    }

    fn per_second(&self, n: u64) -> f64 {
        n as f64 / self.measured.seconds.max(f64::EPSILON)
    }

    /// CPU milliseconds per request.
    fn per_request(&self, cpu_ms: u64) -> f64 {
        cpu_ms as f64 / self.requests().max(1) as f64
    }

    /// CPU milliseconds of server and database per request.
    fn cpu_ms(&self) -> f64 {
        let processes = [&self.measured.server, &self.measured.database];
        let used = processes.into_iter().flatten().map(|u| u.cpu_ms).sum();
        self.per_request(used)
    }

    fn missed(&self) -> f64 {
        self.measured.record.misses as f64 / self.requests().max(1) as f64
    }

    fn json(&self) -> Value {
        let Measured {
            clients,
            seconds,
            record,
            server,
            database,
            own_cpu_ms,
        } = &self.measured;
        let process = |usage: &Option<crate::meter::Usage>| {
            usage.as_ref().map(|u| {
                json!({
                    "cpu_ms": u.cpu_ms,
                    "cpu_ms_per_request": self.per_request(u.cpu_ms),
                    "cpu_ms_per_resource": (record.resources > 0).then(|| u.cpu_ms as f64 / record.resources as f64),
                    "memory_kib": u.memory_kib,
                    "peak_kib": u.peak_kib,
                })
            })
        };
        let by_name: serde_json::Map<String, Value> = record
            .latencies
            .iter()
            .map(|(name, h)| ((*name).to_owned(), latency(h)))
            .collect();
        json!({
            "workload": self.workload,
            "clients": clients,
            "seconds": seconds,
            "requests": self.requests(),
            "requests_per_second": self.per_second(self.requests()),
            "resources": record.resources,
            "resources_per_second": self.per_second(record.resources),
            "bytes_received": record.bytes,
            "latency_us": latency(&self.all()),
            "by_operation": by_name,
            "failures": record.failures,
            "server": process(server),
            "database": process(database),
            "loadgen_cpu_ms": own_cpu_ms,
            "share_of_deliberate_misses": self.missed(),
            "ratio_to_point_read": self.beside.as_ref().map(|b| json!({
                "cpu": b.cpu,
                "p50": b.p50,
                "p99": b.p99,
            })),
            "ratio_to_the_same_alone": self.slowed.as_ref().map(|s| json!({
                "rate": s.rate,
                "p50": s.p50,
                "p99": s.p99,
                "cpu": s.cpu,
            })),
        })
    }

    fn table(&self) -> String {
        let Measured {
            clients,
            seconds,
            record,
            server,
            database,
            own_cpu_ms,
        } = &self.measured;
        let mut text = format!("{}: {clients} clients, {seconds:.1} s\n", self.workload);
        text += &format!(
            "  {:<12} {:>9} {:>10} {:>9} {:>9} {:>9} {:>9}\n",
            "", "requests", "per s", "p50 ms", "p95 ms", "p99 ms", "max ms"
        );
        if record.latencies.len() > 1 {
            for (name, histogram) in &record.latencies {
                text += &self.row(name, histogram);
            }
        }
        text += &self.row("all", &self.all());
        if record.resources > 0 {
            text += &format!(
                "  {} resources, {:.0} per s\n",
                record.resources,
                self.per_second(record.resources)
            );
        }
        for (name, usage) in [("server", server), ("database", database)] {
            if let Some(usage) = usage {
                let mib = |kib: u64| kib as f64 / 1024.0;
                text += &format!(
                    "  {name}: {:.3} CPU-ms per request, {:.1} MiB now, {:.1} MiB peak",
                    self.per_request(usage.cpu_ms),
                    mib(usage.memory_kib),
                    mib(usage.peak_kib)
                );
                if record.resources > 0 {
                    text += &format!(
                        ", {:.3} CPU-ms per resource",
                        usage.cpu_ms as f64 / record.resources as f64
                    );
                }
                text.push('\n');
            }
        }
        if let Some(beside) = &self.beside {
            text += &format!(
                "  point reads: {:.2} by CPU, {:.2} by p50, {:.2} by p99; deliberate misses {:.1} %\n",
                beside.cpu,
                beside.p50,
                beside.p99,
                self.missed() * 100.0
            );
        }
        if let Some(slowed) = &self.slowed {
            text += &format!(
                "  of the same alone: {:.3} by rate, {:.3} by p50, {:.3} by p99, {:.3} by CPU\n",
                slowed.rate, slowed.p50, slowed.p99, slowed.cpu
            );
        }
        text += &format!(
            "  loadgen: {:.3} CPU-ms per request\n",
            self.per_request(*own_cpu_ms)
        );
        for (what, n) in &record.failures {
            text += &format!("  FAILED {n} x {what}\n");
        }
        text
    }

    fn row(&self, name: &str, h: &Histogram<u64>) -> String {
        let ms = |us: u64| us as f64 / 1000.0;
        let (p50, p95, p99) = (
            h.value_at_quantile(0.5),
            h.value_at_quantile(0.95),
            h.value_at_quantile(0.99),
        );
        format!(
            "  {name:<12} {:>9} {:>10.1} {:>9.2} {:>9.2} {:>9.2} {:>9.2}\n",
            h.len(),
            self.per_second(h.len()),
            ms(p50),
            ms(p95),
            ms(p99),
            ms(h.max())
        )
    }
}

/// All reports on standard output.
#[allow(clippy::print_stdout)] // the result of this program
pub fn print(reports: &[Report], as_json: bool) {
    if as_json {
        println!(
            "{}",
            Value::Array(reports.iter().map(Report::json).collect())
        );
    } else {
        for report in reports {
            print!("{}", report.table());
        }
        print!("{}", summary(reports));
    }
}

/// One line for each workload that was compared with point reads.
fn summary(reports: &[Report]) -> String {
    let mut text = String::new();
    for report in reports {
        let Some(beside) = &report.beside else {
            continue;
        };
        if text.is_empty() {
            text += &format!(
                "{:<28} {:>9} {:>8} {:>8} {:>9} {:>9} {:>9} {:>9} {:>8}\n",
                "", "CPU-ms", "reads", "p50 ms", "p99 ms", "per s", "requests", "entries", "misses"
            );
        }
        let (all, requests) = (report.all(), report.requests());
        let ms = |q: f64| all.value_at_quantile(q) as f64 / 1000.0;
        text += &format!(
            "{:<28} {:>9.3} {:>8.2} {:>8.2} {:>9.2} {:>9.0} {:>9} {:>9.1} {:>7.1}%\n",
            report.workload,
            report.cpu_ms(),
            beside.cpu,
            ms(0.5),
            ms(0.99),
            report.per_second(requests),
            requests,
            report.measured.record.resources as f64 / requests.max(1) as f64,
            report.missed() * 100.0
        );
    }
    text
}

fn latency(h: &Histogram<u64>) -> Value {
    json!({
        "count": h.len(),
        "mean": h.mean(),
        "p50": h.value_at_quantile(0.5),
        "p95": h.value_at_quantile(0.95),
        "p99": h.value_at_quantile(0.99),
        "max": h.max(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::meter::Usage;
    use crate::record::{Phase, Record};

    #[test]
    fn a_report_says_rates_percentiles_and_cpu_per_request() {
        let phase = Phase::new(None);
        phase.measure();
        let mut record = Record::new(phase);
        for us in [1000, 2000, 3000, 4000] {
            record.answered("read", Duration::from_micros(us), 1);
        }
        record.moved(8);
        let usage = Usage {
            cpu_ms: 20,
            memory_kib: 2048,
            peak_kib: 4096,
        };
        let measured = Measured {
            clients: 2,
            seconds: 2.0,
            record,
            server: Some(usage),
            database: None,
            own_cpu_ms: 4,
        };
        let mut report = Report::new("read".to_owned(), measured);
        report.beside = Some(Beside::of(&report, &report));
        report.slowed = Some(Slowed::of(&report, &report));
        let none = Slowed {
            rate: 1.0,
            p50: 1.0,
            p99: 1.0,
            cpu: 1.0,
        };
        assert_eq!(report.slowed, Some(none));
        let json = report.json();
        assert_eq!(json["requests_per_second"], 2.0);
        assert_eq!(json["server"]["cpu_ms_per_request"], 5.0);
        assert_eq!(json["server"]["cpu_ms_per_resource"], 2.5);
        assert!(json["database"].is_null() && report.is_clean());
        assert!(
            report
                .table()
                .contains("5.000 CPU-ms per request, 2.0 MiB now")
        );
    }
}
