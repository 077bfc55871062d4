//! Counters, histograms and gauges that are written with single atomic operations. Every series is there from the start, with
//! zero, so that the first increase is seen as one.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::labels::Labels;

/// A counter for each series.
pub struct Counts<L>(Arc<[AtomicU64]>, PhantomData<L>);

impl<L: Labels> Counts<L> {
    pub fn new() -> Self {
        Self((0..L::series()).map(|_| AtomicU64::new(0)).collect(), PhantomData)
    }

    pub fn add(&self, labels: L, count: u64) {
        if let Some(cell) = self.0.get(labels.place()) {
            cell.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// For what somebody else counts.
    pub fn set(&self, labels: L, count: u64) {
        if let Some(cell) = self.0.get(labels.place()) {
            cell.store(count, Ordering::Relaxed);
        }
    }
}

impl<L: Labels> EncodeMetric for Counts<L> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (place, cell) in self.0.iter().enumerate() {
            let labels = L::told(place);
            encoder
                .encode_family(&labels)?
                .encode_counter::<NoLabelSet, _, u64>(&cell.load(Ordering::Relaxed), None)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }
}

/// Upper bounds of the buckets: from what memory takes to what a disk in trouble takes.
const BOUNDS: [Duration; 12] = [
    Duration::from_micros(100),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(5),
];

/// How many fell between two bounds, or above the last.
#[derive(Default)]
struct Buckets {
    counts: [AtomicU64; BOUNDS.len() + 1],
    nanos: AtomicU64,
}

/// How long things took: a histogram for each series.
pub struct Times<L>(Arc<[Buckets]>, PhantomData<L>);

impl<L: Labels> Times<L> {
    pub fn new() -> Self {
        Self((0..L::series()).map(|_| Buckets::default()).collect(), PhantomData)
    }

    pub fn observe(&self, labels: L, took: Duration) {
        let Some(buckets) = self.0.get(labels.place()) else { return };
        let place = BOUNDS.iter().position(|bound| took <= *bound).unwrap_or(BOUNDS.len());
        buckets.counts[place].fetch_add(1, Ordering::Relaxed);
        buckets.nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl<L: Labels> EncodeMetric for Times<L> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let bounds = BOUNDS.iter().map(Duration::as_secs_f64).chain([f64::INFINITY]);
        for (place, Buckets { counts, nanos }) in self.0.iter().enumerate() {
            let counts = counts.iter().map(|count| count.load(Ordering::Relaxed));
            let buckets: Vec<_> = bounds.clone().zip(counts).collect();
            // Not a counter of its own: it would disagree with the buckets while somebody observes.
            let all = buckets.iter().map(|(_, count)| count).sum();
            let seconds = Duration::from_nanos(nanos.load(Ordering::Relaxed)).as_secs_f64();
            let labels = L::told(place);
            encoder.encode_family(&labels)?.encode_histogram::<NoLabelSet>(seconds, all, &buckets, None)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

/// A number that is looked up when somebody asks for the metrics. Where it cannot be, there is no series: an old number would
/// pass for a new one.
pub struct Gauge(Arc<AtomicI64>);

/// Stands for "nobody knows".
const UNKNOWN: i64 = i64::MIN;

impl Gauge {
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(UNKNOWN)))
    }

    pub fn set(&self, value: Option<u64>) {
        let value = value.map_or(UNKNOWN, |value| i64::try_from(value).unwrap_or(i64::MAX));
        self.0.store(value, Ordering::Relaxed);
    }
}

impl EncodeMetric for Gauge {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        match self.0.load(Ordering::Relaxed) {
            UNKNOWN => Ok(()),
            value => encoder.encode_gauge(&value),
        }
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }
}

/// A counter without labels that is looked up like [`Gauge`]: what counts it outlives the process.
pub struct Total(pub Gauge);

impl EncodeMetric for Total {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        match u64::try_from(self.0.0.load(Ordering::Relaxed)) {
            Err(_) => Ok(()),
            Ok(value) => encoder.encode_counter::<NoLabelSet, _, u64>(&value, None),
        }
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }
}

/// A second handle on the same numbers: one is registered, the other written to.
macro_rules! handles {
    ($($kind:ident $(<$labels:ident>)?),+) => {$(
        impl$(<$labels>)? Clone for $kind$(<$labels>)? {
            fn clone(&self) -> Self {
                handles!(@ self $kind $($labels)?)
            }
        }

        impl$(<$labels>)? fmt::Debug for $kind$(<$labels>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($kind))
            }
        }
    )+};
    (@ $own:ident $kind:ident $labels:ident) => { $kind($own.0.clone(), PhantomData) };
    (@ $own:ident $kind:ident) => { $kind($own.0.clone()) };
}

handles!(Counts<L>, Times<L>, Gauge, Total);

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;
    use crate::service::metrics::labels::Hashed;

    fn told(metric: impl prometheus_client::registry::Metric) -> String {
        let mut registry = Registry::default();
        registry.register("x", "help", metric);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn a_time_is_in_the_first_bucket_that_takes_it_and_in_the_sum() {
        let times = Times::<(Hashed,)>::new();
        for took in [100, 101, 1_000, 5_000_000, 5_000_001] {
            times.observe((Hashed::Done,), Duration::from_micros(took));
        }
        let text = told(times);
        for line in [
            "x_bucket{le=\"0.0001\",outcome=\"done\"} 1",
            "x_bucket{le=\"0.0005\",outcome=\"done\"} 2",
            "x_bucket{le=\"0.001\",outcome=\"done\"} 3",
            "x_bucket{le=\"1.0\",outcome=\"done\"} 3",
            "x_bucket{le=\"5.0\",outcome=\"done\"} 4",
            "x_bucket{le=\"+Inf\",outcome=\"done\"} 5",
            "x_count{outcome=\"done\"} 5",
            "x_sum{outcome=\"done\"} 10.001202",
            "x_count{outcome=\"refused\"} 0",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn what_nobody_knows_has_no_series() {
        let gauge = Gauge::new();
        assert_eq!(told(gauge.clone()), "# HELP x help.\n# TYPE x gauge\n# EOF\n");
        gauge.set(Some(7));
        assert_eq!(told(gauge.clone()), "# HELP x help.\n# TYPE x gauge\nx 7\n# EOF\n");
        assert_eq!(told(Total(gauge.clone())), "# HELP x help.\n# TYPE x counter\nx_total 7\n# EOF\n");
        gauge.set(None);
        assert!(!told(Total(gauge)).contains("x_total"));
    }
}
