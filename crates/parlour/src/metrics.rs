//! The figures of the process, as Prometheus reads them: `GET /metrics`. Counters are counted where things happen; gauges are
//! set by whoever knows. Relies on nothing of Parlour; carries no site, channel, member or address, whose number has no limit.

use std::sync::atomic::{AtomicI64, AtomicU64};

use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Brings figures up to date that are counted elsewhere.
type Observer = Box<dyn Fn(&Metrics) + Send + Sync>;

/// A request as it is counted: by the route that matched, never by its path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Answered {
    /// The route (`/v1/channels/{channel}/comments`), or `none`.
    pub route: String,
    /// The status.
    pub status: u16,
}

macro_rules! figures {
    (
        counters { $($counter:ident, $counter_name:literal, $counter_help:literal;)* }
        gauges { $($gauge:ident, $gauge_name:literal, $gauge_help:literal;)* }
    ) => {
        /// Every figure.
        pub struct Metrics {
            registry: Mutex<Registry>,
            observers: Mutex<Vec<Observer>>,
            $(#[doc = $counter_help] pub $counter: Counter<u64, AtomicU64>,)*
            $(#[doc = $gauge_help] pub $gauge: Gauge<i64, AtomicI64>,)*
            /// HTTP requests by route and status.
            pub http_requests: Family<Answered, Counter>,
        }

        impl Default for Metrics {
            fn default() -> Metrics {
                let mut registry = Registry::with_prefix("parlour");
                $(let $counter = Counter::default(); registry.register($counter_name, $counter_help, $counter.clone());)*
                $(let $gauge = Gauge::default(); registry.register($gauge_name, $gauge_help, $gauge.clone());)*
                let http_requests = Family::default();
                registry.register("http_requests", "HTTP requests by route and status", http_requests.clone());
                let started = Gauge::<i64, AtomicI64>::default();
                started.set(jiff::Timestamp::now().as_second());
                registry.register_with_unit("start_time", "When the process started, in Unix time", Unit::Seconds, started);
                Metrics { registry: Mutex::new(registry), observers: Mutex::default(), $($counter,)* $($gauge,)* http_requests }
            }
        }
    };
}

figures! {
    counters {
        publications, "publications", "Publications accepted";
        comments, "comments", "Comments accepted";
        deliveries, "deliveries", "Events given to readers";
        gaps, "gaps", "Readers that fell off a ring and were told of the gap";
        log_reads, "log_reads", "Reads of the log for rings and readers";
        appends, "appends", "Changes that the store was asked for and made";
        commits, "commits", "Transactions of the store";
        hooks_delivered, "webhooks_delivered", "Webhook messages that a receiver took";
        hooks_failed, "webhooks_failed", "Tries to deliver a webhook message that failed";
        connections_refused, "connections_refused", "Connections closed at once because there were too many";
    }
    gauges {
        connections, "connections", "Open connections";
        sessions, "sessions", "Sessions";
        subscriptions, "subscriptions", "Subscriptions";
        channels, "channels", "Channels in use";
        rings_bytes, "rings_bytes", "Bytes in the rings of channels";
    }
}

impl Metrics {
    /// Counts a request.
    pub fn answered(&self, route: &str, status: u16) {
        self.http_requests.get_or_create(&Answered { route: route.to_owned(), status }).inc();
    }

    /// From now on `observe` is called before the figures are told.
    pub fn observe(&self, observe: impl Fn(&Metrics) + Send + Sync + 'static) {
        self.observers.lock().push(Box::new(observe));
    }

    /// The text that Prometheus reads (OpenMetrics).
    pub fn text(&self) -> String {
        self.observers.lock().iter().for_each(|observe| observe(self));
        let mut text = String::new();
        // Writing into a string does not fail; if it did, what is there is still the truth.
        let _ = encode(&mut text, &self.registry.lock());
        text
    }
}

/// The content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_told() {
        let metrics = Metrics::default();
        metrics.publications.inc();
        metrics.sessions.set(3);
        metrics.answered("/healthz", 200);
        let text = metrics.text();
        assert!(text.contains("parlour_publications_total 1\n"), "{text}");
        assert!(text.contains("parlour_sessions 3\n"), "{text}");
        assert!(text.contains("parlour_http_requests_total{route=\"/healthz\",status=\"200\"} 1\n"), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
