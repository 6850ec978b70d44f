//! Rows as comma-separated values: the fields of the JSON contract, in its order.

use std::fmt;
use std::io::{self, Write};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::columns::Row;

/// Fields of a JSON object in the order they were written.
struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

fn fields<R: Row>(row: &R) -> io::Result<Vec<(String, Value)>> {
    let text = serde_json::to_string(row)?;
    let Fields(fields) = serde_json::from_str(&text)?;
    Ok(fields)
}

/// Names of the fields of a kind of row.
pub(super) fn names<R: Row>() -> io::Result<Vec<String>> {
    Ok(fields(&R::default())?.into_iter().map(|(name, _)| name).collect())
}

/// One record; `chosen` picks and orders the fields by position, nothing is all.
pub(super) fn record<R: Row>(out: &mut dyn Write, row: &R, chosen: &[usize]) -> io::Result<()> {
    let values: Vec<String> = fields(row)?.into_iter().map(|(_, value)| text(&value)).collect();
    let chosen: Vec<&String> = if chosen.is_empty() {
        values.iter().collect()
    } else {
        chosen.iter().filter_map(|&at| values.get(at)).collect()
    };
    line(out, &chosen)
}

/// One line of values, quoted where they need it.
pub(super) fn line<T: AsRef<[u8]>>(out: &mut dyn Write, values: &[T]) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    writer.write_record(values).map_err(io::Error::other)?;
    let line = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    out.write_all(&line)
}

/// A value in a field: unknown is empty, several are separated by spaces, deeper ones stay JSON.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.iter().all(|value| !value.is_array() && !value.is_object()) => {
            values.iter().map(text).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}
