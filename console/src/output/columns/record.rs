//! Columns of provider records. They are streamed, never sorted: the rank is their own order.

use super::{Column, Row, unranked};
use crate::output::look::Look;
use crate::output::table::Cell;

pub use crate::output::dto::Record;

impl Row for Record {
    const SCHEMA: &'static str = "hydra.v1/Record";

    fn columns() -> &'static [Column<Self>] {
        COLUMNS
    }

    fn name(&self) -> &str {
        self.cid_raw.as_deref().unwrap_or(&self.multihash_hex)
    }
}

const fn column(
    key: &'static str,
    title: &'static str,
    exact_title: &'static str,
    cell: fn(&Record, &Look) -> Cell,
) -> Column<Record> {
    Column { exact_title, ..unranked(key, title, cell) }
}

const COLUMNS: &[Column<Record>] = &[
    column("key", "KEY", "KEY", |record, look| look.key(&record.key_hex, 12).into()),
    column("cid", "CID (RAW CODEC)", "CID (RAW CODEC)", |record, look| {
        record.cid_raw.as_deref().map(|cid| look.cid(cid)).into()
    }),
    column("provider", "PROVIDER", "PROVIDER", |record, look| look.id(&record.provider_peer_id).into()),
    column("source", "SOURCE", "SOURCE", |record, _| record.source.into()),
    column("age", "AGE", "ANNOUNCED AT", |record, look| look.age(record.announced_at.map(|at| at.0)).into()),
    column("left", "LEFT", "EXPIRES AT", |record, look| look.left(record.expires_at.map(|at| at.0)).into()),
    // How many for a person, who has `-o wide`; all of them for everybody else.
    column("addresses", "ADDRESSES", "ADDRESSES", |record, look| match record.addresses.as_slice() {
        all if look.terminal => all.len().to_string().into(),
        [] => None.into(),
        all => all.join(" ").into(),
    }),
    Column { wide: true, ..column("head", "HEAD", "HEAD", |record, _| record.head.clone().into()) },
    Column {
        wide: true,
        ..column("near", "NEAR", "NEAR", |record, _| if record.near { "near" } else { "far" }.into())
    },
    Column {
        wide: true,
        ..column("until", "ADDRESSES LEFT", "ADDRESSES EXPIRE AT", |record, look| {
            look.left(record.addresses_expire_at.map(|at| at.0)).into()
        })
    },
    Column {
        wide: true,
        terminal: true,
        ..column("where", "WHERE", "WHERE", |record, _| {
            let addresses = record.addresses.join(" ");
            (!addresses.is_empty()).then_some(addresses).into()
        })
    },
];
