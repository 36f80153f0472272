//! Figures for Prometheus, served on a listener of their own. No label holds anything a client chose.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::fmt;
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
        let seconds: Family<Asked, Histogram> =
            Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.000_1, 2.0, 16)));
        let in_flight = Gauge::default();
        registry.register(
            "answers",
            "Answers by interaction and status",
            answers.clone(),
        );
        registry.register(
            "answer_seconds",
            "Time to the answer by interaction",
            seconds.clone(),
        );
        registry.register(
            "requests_in_flight",
            "Requests being answered",
            in_flight.clone(),
        );
        Self {
            registry,
            answers,
            seconds,
            in_flight,
        }
    }
}

impl Metrics {
    /// Adds a count that is kept elsewhere and asked for at each scrape.
    pub fn with_count(
        mut self,
        name: &'static str,
        meaning: &'static str,
        count: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        self.registry.register_collector(Box::new(Asking {
            name,
            meaning,
            count: Box::new(count),
        }));
        self
    }

    /// Counts a request as being answered until what is returned is dropped, also when its client goes away.
    pub fn begin(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    pub fn end(&self, interaction: &'static str, status: u16, took: Duration) {
        self.answers
            .get_or_create(&Answered {
                interaction,
                status,
            })
            .inc();
        self.seconds
            .get_or_create(&Asked { interaction })
            .observe(took.as_secs_f64());
    }

    /// OpenMetrics text.
    pub fn render(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut out, &self.registry);
        out
    }
}

/// One request being answered.
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

struct Asking {
    name: &'static str,
    meaning: &'static str,
    count: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl fmt::Debug for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Collector for Asking {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let count = ConstCounter::new((self.count)());
        count.encode(encoder.encode_descriptor(
            self.name,
            self.meaning,
            None,
            count.metric_type(),
        )?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_kept_elsewhere_is_asked_for_at_each_scrape() {
        let metrics = Metrics::default().with_count("store_statements", "Statements", || 7);
        assert!(
            metrics
                .render()
                .contains("\nward_store_statements_total 7\n"),
            "{}",
            metrics.render()
        );
    }
}
