//! The layer that turns an event into one line of JSON.

use std::error::Error;
use std::fmt::{Debug, Write as _};
use std::sync::Arc;

use jiff::Timestamp;
use serde::ser::{SerializeMap as _, Serializer as _};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, Scope};

use crate::error::chain;
use crate::lines::Lines;

/// The keys that the layer writes itself; a field of such a name is left out. They come first in the line, in
/// the order in which people read.
const OWN_KEYS: [&str; 5] = ["level", "location", "message", "timestamp", "service"];

pub(super) struct JsonLayer<N> {
    service: String,
    now: N,
    lines: Arc<dyn Lines>,
}

impl<N: Fn() -> Timestamp + 'static> JsonLayer<N> {
    pub(super) fn new(service: String, now: N, lines: Arc<dyn Lines>) -> Self {
        Self { service, now, lines }
    }

    fn render(&self, event: &Event<'_>, mut fields: Map<String, Value>) -> serde_json::Result<String> {
        let metadata = event.metadata();
        let message = fields.remove("message").unwrap_or_default();
        fields.retain(|name, _| !OWN_KEYS.contains(&name.as_str()));
        let module = metadata.module_path().unwrap_or_else(|| metadata.target());

        let mut line = Vec::with_capacity(256);
        let mut serializer = serde_json::Serializer::new(&mut line);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("level", metadata.level().as_str())?;
        map.serialize_entry(
            "location",
            &format!("{module}:{}", metadata.line().unwrap_or_default()),
        )?;
        map.serialize_entry("message", &message)?;
        // RFC 3339: without it Lambda's level filter takes every line for INFO.
        map.serialize_entry("timestamp", &format!("{:.3}", (self.now)()))?;
        map.serialize_entry("service", &self.service)?;
        for (name, value) in &fields {
            map.serialize_entry(name, value)?;
        }
        map.end()?;
        Ok(String::from_utf8_lossy(&line).into_owned())
    }
}

impl<S, N> Layer<S> for JsonLayer<N>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: Fn() -> Timestamp + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut all = Fields::default();
        // From the root inwards, so that the innermost value of a name wins.
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            if let Some(fields) = span.extensions().get::<Fields>() {
                all.0.extend(fields.0.clone());
            }
        }
        // A span's `message` is not the event's.
        all.0.remove("message");
        event.record(&mut all);
        if let Ok(line) = self.render(event, all.0) {
            self.lines.write(&line);
        }
    }
}

/// Fields by name, as JSON.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn set(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.set(field, chain(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = String::new();
        // Writing to a String fails only if the value's own Debug does; what it wrote until then is kept.
        let _ = write!(text, "{value:?}");
        self.set(field, text);
    }
}
