//! Columns of counts of distinct peers.

use super::{Column, Row, unranked};
use crate::output::dto::UniquePeers;
use crate::output::look::Look;
use crate::output::table::Cell;

impl Row for UniquePeers {
    const SCHEMA: &'static str = "hydra.v1/UniquePeers";

    fn columns() -> &'static [Column<Self>] {
        COLUMNS
    }

    fn name(&self) -> &str {
        &self.seen_by
    }
}

const fn column(
    key: &'static str,
    title: &'static str,
    right: bool,
    cell: fn(&UniquePeers, &Look) -> Cell,
) -> Column<UniquePeers> {
    Column { right, ..unranked(key, title, cell) }
}

const COLUMNS: &[Column<UniquePeers>] = &[
    column("hour", "HOUR (UTC)", false, |count, look| match count.hour_at {
        None => "in all".into(),
        Some(at) if look.terminal => at.0.strftime("%m-%d %H:00").to_string().into(),
        Some(at) => crate::output::look::exact(at.0).into(),
    }),
    column("seen_by", "SEEN BY", false, |count, _| count.seen_by.clone().into()),
    column("peers", "PEERS", true, |count, look| {
        let symbol = if look.terminal { "≈ " } else { "" };
        format!("{symbol}{}", look.count(count.peers)).into()
    }),
];
