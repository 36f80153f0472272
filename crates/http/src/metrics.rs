//! Figures for Prometheus, served on a listener of their own. No label holds anything a client chose.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::time::Duration;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    interaction: &'static str,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Asked {
    interaction: &'static str,
}

pub struct Metrics {
    registry: Registry,
    answers: Family<Answered, Counter>,
    seconds: Family<Asked, Histogram>,
    in_flight: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("ward");
        let answers = Family::default();
        let seconds: Family<Asked, Histogram> = Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.000_1, 2.0, 16)));
        let in_flight = Gauge::default();
        registry.register("answers", "Answers by interaction and status", answers.clone());
        registry.register("answer_seconds", "Time to the answer by interaction", seconds.clone());
        registry.register("requests_in_flight", "Requests being answered", in_flight.clone());
        Self { registry, answers, seconds, in_flight }
    }
}

impl Metrics {
    pub fn begin(&self) {
        self.in_flight.inc();
    }

    pub fn end(&self, interaction: &'static str, status: u16, took: Duration) {
        self.in_flight.dec();
        self.answers.get_or_create(&Answered { interaction, status }).inc();
        self.seconds.get_or_create(&Asked { interaction }).observe(took.as_secs_f64());
    }

    /// OpenMetrics text.
    pub fn render(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut out, &self.registry);
        out
    }
}
