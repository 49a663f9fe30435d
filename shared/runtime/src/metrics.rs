//! Metrics in CloudWatch's embedded metric format: lines of JSON among the log lines, out of which CloudWatch
//! makes metrics without any call.
//!
//! Dimensions are few and have few values (`service`, `cluster`), since each combination of values is a
//! metric that costs. What has many values (a node, an instance) is a property: it can be searched for in
//! the logs and is no metric.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::lines::Lines;

/// CloudWatch ignores what goes beyond 100 metrics in a line.
const METRICS_IN_A_LINE: usize = 100;
/// CloudWatch ignores what goes beyond 100 values of a metric in a line.
const VALUES_IN_A_LINE: usize = 100;
/// CloudWatch refuses more than 30 dimensions; `service` is one of them.
const EXTRA_DIMENSIONS: usize = 29;

/// The metrics of one invocation.
///
/// ```
/// use runtime::metrics::Metrics;
/// let mut metrics = Metrics::new("Lamplighter", "node-drain").dimensions([("cluster", "blue")]);
/// metrics.count("PodsEvicted", 3);
/// metrics.count("PodsEvicted", 2);
/// let lines = metrics.render("2026-11-21T07:42:11Z".parse().unwrap());
/// assert!(lines[0].contains(r#""PodsEvicted":5"#));
/// ```
#[derive(Debug, Clone)]
pub struct Metrics {
    namespace: &'static str,
    dimensions: BTreeMap<String, String>,
    properties: Map<String, Value>,
    measured: BTreeMap<&'static str, Measured>,
    cold_start_of: Option<String>,
}

#[derive(Debug, Clone)]
enum Measured {
    Count(u64),
    Milliseconds(Vec<i64>),
}

impl Metrics {
    /// No metrics yet.
    pub fn new(namespace: &'static str, service: impl Into<String>) -> Self {
        Self {
            namespace,
            dimensions: BTreeMap::from([("service".to_owned(), service.into())]),
            properties: Map::new(),
            measured: BTreeMap::new(),
            cold_start_of: None,
        }
    }

    /// Adds dimensions beside `service`: few, with few values, none of them empty.
    #[must_use]
    pub fn dimensions<const N: usize>(mut self, dimensions: [(&str, &str); N]) -> Self {
        const {
            assert!(
                N <= EXTRA_DIMENSIONS,
                "CloudWatch takes 30 dimensions, `service` included"
            );
        };
        self.dimensions
            .extend(dimensions.map(|(name, value)| (name.to_owned(), value.to_owned())));
        self
    }

    /// Adds to a count. Counts of one name add up within the invocation.
    pub fn count(&mut self, name: &'static str, number: u64) {
        match self.measured.entry(name).or_insert(Measured::Count(0)) {
            Measured::Count(sum) => *sum = sum.saturating_add(number),
            Measured::Milliseconds(_) => tracing::warn!(metric = name, "a duration can't be counted"),
        }
    }

    /// Adds a duration. Each is a value of its own, so that CloudWatch can tell percentiles.
    pub fn milliseconds(&mut self, name: &'static str, duration: SignedDuration) {
        let value = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        match self
            .measured
            .entry(name)
            .or_insert_with(|| Measured::Milliseconds(Vec::new()))
        {
            Measured::Milliseconds(values) => values.push(value),
            Measured::Count(_) => tracing::warn!(metric = name, "a count is no duration"),
        }
    }

    /// Adds what is no dimension: an instance, a node, a request id.
    pub fn property(&mut self, name: &str, value: impl Into<Value>) {
        self.properties.insert(name.to_owned(), value.into());
    }

    /// Counts the start of this sandbox. It has a line of its own, with the dimensions `service` and
    /// `function_name` only, as Powertools writes it.
    pub fn cold_start(&mut self, function_name: &str) {
        self.cold_start_of = Some(function_name.to_owned());
    }

    /// The lines: none if nothing was measured, as a rule one, more if CloudWatch's limits ask for it or a
    /// cold start is to be told.
    pub fn render(&self, now: Timestamp) -> Vec<String> {
        let mut lines: Vec<Line> = Vec::new();
        for (name, measured) in &self.measured {
            match measured {
                Measured::Count(sum) => place(&mut lines, name, "Count", json!(sum)),
                Measured::Milliseconds(values) => {
                    for chunk in values.chunks(VALUES_IN_A_LINE) {
                        let value = if let [one] = chunk {
                            json!(one)
                        } else {
                            json!(chunk)
                        };
                        place(&mut lines, name, "Milliseconds", value);
                    }
                }
            }
        }
        let mut rendered: Vec<String> = lines
            .into_iter()
            .map(|line| self.blob(now, &self.dimensions, &self.properties, line))
            .collect();
        if let Some(function_name) = &self.cold_start_of {
            let mut dimensions = BTreeMap::from([("function_name".to_owned(), function_name.clone())]);
            dimensions.extend(
                self.dimensions
                    .get_key_value("service")
                    .map(|(k, v)| (k.clone(), v.clone())),
            );
            let line = Line::from([("ColdStart", ("Count", json!(1)))]);
            rendered.push(self.blob(now, &dimensions, &Map::new(), line));
        }
        rendered
    }

    /// Writes the lines and starts anew, with the same dimensions.
    pub fn flush(&mut self, now: Timestamp, lines: &dyn Lines) {
        for line in self.render(now) {
            lines.write(&line);
        }
        self.measured.clear();
        self.properties.clear();
        self.cold_start_of = None;
    }

    fn blob(
        &self,
        now: Timestamp,
        dimensions: &BTreeMap<String, String>,
        properties: &Map<String, Value>,
        line: Line,
    ) -> String {
        let definitions: Vec<Value> = line
            .iter()
            .map(|(name, (unit, _))| json!({ "Name": name, "Unit": unit }))
            .collect();
        let mut blob = properties.clone();
        blob.extend(
            dimensions
                .iter()
                .map(|(name, value)| (name.clone(), json!(value))),
        );
        blob.extend(
            line.into_iter()
                .map(|(name, (_, value))| (name.to_owned(), value)),
        );
        blob.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": now.as_millisecond(),
                "CloudWatchMetrics": [{
                    "Namespace": self.namespace,
                    "Dimensions": [dimensions.keys().collect::<Vec<_>>()],
                    "Metrics": definitions,
                }],
            }),
        );
        Value::Object(blob).to_string()
    }
}

/// Unit and value by name.
type Line = BTreeMap<&'static str, (&'static str, Value)>;

/// Puts the value into the first line that has room for it and no value of this name yet.
fn place(lines: &mut Vec<Line>, name: &'static str, unit: &'static str, value: Value) {
    let free = lines
        .iter()
        .position(|line| line.len() < METRICS_IN_A_LINE && !line.contains_key(name));
    match free {
        Some(index) => {
            lines[index].insert(name, (unit, value));
        }
        None => lines.push(Line::from([(name, (unit, value))])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::Memory;

    fn now() -> Timestamp {
        "2026-11-21T07:42:11.123Z".parse().unwrap()
    }

    fn metrics() -> Metrics {
        Metrics::new("Lamplighter", "node-drain").dimensions([("cluster", "blue")])
    }

    fn rendered(metrics: &Metrics) -> Vec<Value> {
        metrics
            .render(now())
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn an_invocation_is_one_line() {
        let mut metrics = metrics();
        metrics.count("PodsEvicted", 3);
        metrics.count("PodsEvicted", 2);
        metrics.milliseconds("Drain", SignedDuration::from_millis(1500));
        metrics.property("node", "ip-10-0-1-7");
        assert_eq!(
            rendered(&metrics),
            [json!({
                "_aws": {
                    "Timestamp": 1_795_246_931_123_i64,
                    "CloudWatchMetrics": [{
                        "Namespace": "Lamplighter",
                        "Dimensions": [["cluster", "service"]],
                        "Metrics": [
                            { "Name": "Drain", "Unit": "Milliseconds" },
                            { "Name": "PodsEvicted", "Unit": "Count" },
                        ],
                    }],
                },
                "service": "node-drain",
                "cluster": "blue",
                "node": "ip-10-0-1-7",
                "Drain": 1500,
                "PodsEvicted": 5,
            })]
        );
    }

    #[test]
    fn nothing_measured_is_nothing_written() {
        let mut metrics = metrics();
        metrics.property("node", "ip-10-0-1-7");
        assert_eq!(metrics.render(now()), Vec::<String>::new());
    }

    #[test]
    fn a_cold_start_has_a_line_of_its_own() {
        let mut metrics = metrics();
        metrics.cold_start("lamplighter-node-drain");
        metrics.count("Drains", 1);
        let lines = rendered(&metrics);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].get("ColdStart"), None);
        assert_eq!(lines[1]["ColdStart"], 1);
        let definition = &lines[1]["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(definition["Dimensions"], json!([["function_name", "service"]]));
        assert_eq!(lines[1].get("cluster"), None);
    }

    #[test]
    fn what_is_too_much_for_a_line_goes_into_the_next() {
        let mut metrics = metrics();
        for pod in 0..250 {
            metrics.milliseconds("Eviction", SignedDuration::from_millis(pod));
        }
        metrics.count("PodsEvicted", 250);
        let lines = rendered(&metrics);
        let sizes: Vec<_> = lines
            .iter()
            .map(|line| line["Eviction"].as_array().unwrap().len())
            .collect();
        assert_eq!(sizes, [100, 100, 50]);
        let counts: Vec<_> = lines.iter().map(|line| line["PodsEvicted"].as_u64()).collect();
        assert_eq!(counts, [Some(250), None, None]);
    }

    #[test]
    fn no_line_has_more_than_a_hundred_metrics() {
        let mut metrics = metrics();
        for number in 0..130 {
            metrics.count(Box::leak(format!("Metric{number}").into_boxed_str()), 1);
        }
        let sizes: Vec<_> = rendered(&metrics)
            .iter()
            .map(|line| {
                line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
                    .as_array()
                    .unwrap()
                    .len()
            })
            .collect();
        assert_eq!(sizes, [100, 30]);
    }

    #[test]
    fn a_flush_writes_once_and_keeps_the_dimensions() {
        let memory = Memory::default();
        let mut metrics = metrics();
        metrics.count("Drains", 1);
        metrics.flush(now(), &memory);
        metrics.flush(now(), &memory);
        assert_eq!(memory.lines().len(), 1);
        metrics.count("Drains", 1);
        assert_eq!(rendered(&metrics)[0]["cluster"], "blue");
    }
}
