//! The configuration in force, for people and for programs.

use serde_json::json;

use super::Config;

/// Columns KEY, VALUE, FROM, aligned; one line a setting.
#[must_use]
pub fn table(config: &Config) -> String {
    let mut rows = vec![["KEY".to_owned(), "VALUE".to_owned(), "FROM".to_owned()]];
    for setting in &config.origins {
        let value = if setting.value.is_empty() { "none".to_owned() } else { setting.value.clone() };
        rows.push([setting.key.to_owned(), value, setting.from()]);
    }
    // A long list does not push all origins to the right.
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.filter(|width| *width <= 48).max().unwrap_or(0)
    };
    let (keys, values) = (width(0), width(1));
    let lines = rows.iter().map(|[key, value, from]| format!("{key:keys$}  {value:values$}  {from}\n"));
    lines.collect()
}

/// The same as one JSON object: `items` in the order of the table.
#[must_use]
pub fn to_json(config: &Config) -> String {
    let items: Vec<_> = config.origins.iter().map(super::Annotated::to_json).collect();
    let list = json!({"schema": "hydra.v1/SettingList", "items": items, "next_page_token": ""});
    format!("{list}\n")
}
