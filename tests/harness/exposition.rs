//! The text format that Prometheus reads, read strictly: whatever a scraper could stumble over fails the test.

use std::collections::{BTreeMap, BTreeSet};

pub type Labels = BTreeMap<String, String>;

/// One metric with everything that was said of it.
#[derive(Debug, Default)]
pub struct Family {
    pub kind: String,
    pub unit: Option<String>,
    /// By suffix and labels.
    samples: BTreeMap<(String, Labels), f64>,
}

/// All metrics of one answer.
#[derive(Debug)]
pub struct Exposition(pub BTreeMap<String, Family>);

impl Exposition {
    /// Reads a whole answer.
    #[track_caller]
    pub fn parse(text: &str) -> Self {
        let lines = text.strip_suffix("# EOF\n").expect("the last line says so");
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        let mut present = String::new();
        for line in lines.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap_or_else(|| panic!("no help: {line}"));
                assert!(is_name(name) && help.len() > 5, "{line}");
                assert!(families.insert(name.to_owned(), Family::default()).is_none(), "{name} comes twice");
                name.clone_into(&mut present);
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap_or_else(|| panic!("no type: {line}"));
                let family = families.get_mut(name).filter(|_| name == present);
                let family = family.unwrap_or_else(|| panic!("out of place: {line}"));
                assert!(family.kind.is_empty() && family.samples.is_empty(), "{line}");
                kind.clone_into(&mut family.kind);
            } else if let Some(rest) = line.strip_prefix("# UNIT ") {
                let (name, unit) = rest.split_once(' ').unwrap_or_else(|| panic!("no unit: {line}"));
                assert!(name == present && name.ends_with(&format!("_{unit}")), "{line}");
                families.get_mut(name).expect("the present one").unit = Some(unit.to_owned());
            } else {
                assert!(
                    !line.starts_with('#') && !line.is_empty(),
                    "neither a sample nor what is said of one: {line:?}"
                );
                let (name, labels, value) = sample(line);
                let family = families.get_mut(&present).unwrap_or_else(|| panic!("a sample of nothing: {line}"));
                let suffix = name.strip_prefix(present.as_str()).unwrap_or_else(|| panic!("out of place: {line}"));
                let there = family.samples.insert((suffix.to_owned(), labels), value);
                assert!(there.is_none(), "comes twice: {line}");
            }
        }
        for (name, family) in &families {
            family.check(name);
        }
        Self(families)
    }

    #[track_caller]
    fn family(&self, name: &str) -> &Family {
        self.0.get(name).unwrap_or_else(|| panic!("there is no {name}"))
    }

    /// The whole number that one series holds, all of whose labels are given; the name is that of the sample.
    #[track_caller]
    pub fn value(&self, sample: &str, labels: &[(&str, &str)]) -> u64 {
        let all = self.find(sample, labels).unwrap_or_else(|| panic!("there is no {sample} {labels:?}"));
        whole(all)
    }

    /// The same of seconds, in milliseconds.
    #[track_caller]
    pub fn millis(&self, sample: &str, labels: &[(&str, &str)]) -> u64 {
        let all = self.find(sample, labels).unwrap_or_else(|| panic!("there is no {sample} {labels:?}"));
        whole((all * 1000.0).ceil())
    }

    /// Of one series, whatever it is.
    pub fn find(&self, sample: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels: Labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let of = |(name, family): (&String, &Family)| {
            let suffix = sample.strip_prefix(name.as_str())?;
            family.samples.get(&(suffix.to_owned(), labels.clone())).copied()
        };
        self.0.iter().find_map(of)
    }

    /// The series of a counter or gauge that are not zero, each with its labels' values in the order of the labels' names.
    #[track_caller]
    pub fn counted(&self, name: &str) -> BTreeMap<Vec<String>, u64> {
        let samples = self.family(name).samples.iter().filter(|(_, value)| **value != 0.0);
        samples.map(|((_, labels), value)| (labels.values().cloned().collect(), whole(*value))).collect()
    }
}

impl Family {
    /// The names of its labels, without what the format itself adds.
    pub fn labels(&self) -> BTreeSet<&str> {
        let names = self.samples.keys().flat_map(|(_, labels)| labels.keys().map(String::as_str));
        names.filter(|name| *name != "le").collect()
    }

    #[track_caller]
    fn check(&self, name: &str) {
        let suffixes: &[&str] = match self.kind.as_str() {
            "counter" => &["_total"],
            "gauge" => &[""],
            "info" => &["_info"],
            "histogram" => &["_bucket", "_count", "_sum"],
            other => panic!("{name} is of the type {other:?}"),
        };
        assert!(!name.ends_with("_total") && !name.ends_with("_info"), "{name}: the suffix is the samples'");
        for ((suffix, labels), value) in &self.samples {
            assert!(suffixes.contains(&suffix.as_str()), "{name}{suffix} is no {}", self.kind);
            assert!(self.kind == "gauge" || *value >= 0.0, "{name}{suffix} {labels:?} {value}");
            assert_eq!(labels.contains_key("le"), suffix == "_bucket", "{name}{suffix} {labels:?}");
        }
        if self.kind == "histogram" {
            self.check_buckets(name);
        }
    }

    /// Buckets rise, and the last of them is all there is.
    #[track_caller]
    fn check_buckets(&self, name: &str) {
        let mut series: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
        for ((_, labels), count) in self.samples.iter().filter(|((suffix, _), _)| suffix == "_bucket") {
            let mut labels = labels.clone();
            let bound = labels.remove("le").expect("a bucket has a bound");
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().expect("a number") };
            series.entry(labels).or_default().push((bound, *count));
        }
        for (labels, mut buckets) in series {
            buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
            assert!(buckets.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{name} {labels:?} {buckets:?}");
            let all = self.samples.get(&("_count".to_owned(), labels.clone()));
            assert_eq!(buckets.last().map(|(bound, _)| *bound), Some(f64::INFINITY), "{name} {labels:?}");
            assert_eq!(buckets.last().map(|(_, count)| count), all, "{name} {labels:?}");
            assert!(self.samples.contains_key(&("_sum".to_owned(), labels)), "{name}");
        }
    }
}

#[track_caller]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is looked at first")]
fn whole(value: f64) -> u64 {
    assert!(value.fract().abs() < f64::EPSILON && (0.0..1e15).contains(&value), "{value} is no count");
    value as u64
}

fn is_name(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
    starts && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// `name{label="value",…} number`
#[track_caller]
fn sample(line: &str) -> (&str, Labels, f64) {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
    let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
    let Some((name, labels)) = series.split_once('{') else {
        assert!(is_name(series), "{line}");
        return (series, Labels::new(), value);
    };
    assert!(is_name(name), "{line}");
    let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("labels do not end: {line}"));
    let mut read = Labels::new();
    for label in labels.split(',') {
        let (name, value) = label.split_once('=').unwrap_or_else(|| panic!("no label: {line}"));
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        let value = value.unwrap_or_else(|| panic!("no quotes: {line}"));
        // None of ours needs to escape anything; one that does would be somebody's input.
        assert!(is_name(name) && !value.is_empty() && !value.contains(['"', '\\', ' ']), "{line}");
        assert!(read.insert(name.to_owned(), value.to_owned()).is_none(), "{line}");
    }
    (name, read, value)
}

#[test]
fn what_a_scraper_would_stumble_over_is_found() {
    let good = "# HELP a_b help text.\n# TYPE a_b counter\na_b_total{x=\"y\"} 1\na_b_total{x=\"z\"} 0\n# EOF\n";
    let read = Exposition::parse(good);
    assert_eq!(read.counted("a_b"), [(vec!["y".to_owned()], 1)].into());
    let fails = |text: String| std::panic::catch_unwind(|| Exposition::parse(&text)).is_err();
    for (from, to) in [
        ("# EOF\n", ""),
        ("a_b_total{x=\"z\"} 0", "a_b_total{x=\"y\"} 0"),
        ("a_b_total{x=\"z\"} 0", "a_b{x=\"z\"} 0"),
        ("a_b_total{x=\"z\"} 0", "c_total 0"),
        ("{x=\"z\"} 0", "{x=\"z\"} -1"),
        ("{x=\"z\"} 0", "{x=\"z\"} many"),
        ("{x=\"z\"}", "{x=z}"),
        ("counter", "summary"),
        ("# TYPE a_b counter\n", ""),
        ("# HELP a_b help text.\n", ""),
    ] {
        assert!(fails(good.replace(from, to)), "{from} → {to}");
    }
    let buckets = |first, last, all| {
        format!(
            "# HELP a help text.\n# TYPE a histogram\na_sum 1\na_count {all}\n\
             a_bucket{{le=\"1.0\"}} {first}\na_bucket{{le=\"+Inf\"}} {last}\n# EOF\n"
        )
    };
    assert!(!fails(buckets(1, 2, 2)));
    assert!(fails(buckets(3, 2, 2)) && fails(buckets(1, 2, 3)));
}
