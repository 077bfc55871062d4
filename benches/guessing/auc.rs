//! The area under the ROC curve of two samples.

use std::time::Duration;

/// The chance that one of the first sample is larger than one of the second, and where it lies with 95 % confidence.
pub struct Auc {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

impl Auc {
    /// By counting pairs, a tie as half of one (Mann–Whitney); the interval after `DeLong` and others, 1988.
    pub fn of(those: &[Duration], others: &[Duration]) -> Self {
        let above: Vec<f64> = those.iter().map(|time| share(others, |other| rank(*time, *other))).collect();
        let below: Vec<f64> = others.iter().map(|other| share(those, |time| rank(*time, *other))).collect();
        let value = mean(&above);
        let spread = (variance(&above, value) / count(&above) + variance(&below, value) / count(&below)).sqrt();
        Self { value, low: (value - 1.96 * spread).max(0.0), high: (value + 1.96 * spread).min(1.0) }
    }
}

fn rank(time: Duration, other: Duration) -> f64 {
    match time.cmp(&other) {
        std::cmp::Ordering::Greater => 1.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Less => 0.0,
    }
}

fn share(times: &[Duration], of: impl Fn(&Duration) -> f64) -> f64 {
    mean(&times.iter().map(of).collect::<Vec<_>>())
}

#[allow(clippy::cast_precision_loss, reason = "samples are thousands")]
fn count(values: &[f64]) -> f64 {
    values.len() as f64
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values)
}

fn variance(values: &[f64], mean: f64) -> f64 {
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count(values) - 1.0)
}
