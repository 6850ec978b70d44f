//! How values stand in lists and in JSON.

use std::fmt::Display;
use std::path::PathBuf;

use serde_json::Value;

use super::values::{
    AddressPolicy, BellyIndex, Bytes, LogFormat, PrefetchScope, ProtocolPrefix, Reachability, UiTheme,
};
use crate::hydra::Target;
use crate::identity::IndexSet;

/// A value of a setting; what is none is empty.
pub(super) trait Shown {
    fn text(&self) -> String;
    fn json(&self) -> Value;
}

impl Shown for u64 {
    fn text(&self) -> String {
        self.to_string()
    }
    fn json(&self) -> Value {
        (*self).into()
    }
}

impl Shown for bool {
    fn text(&self) -> String {
        self.to_string()
    }
    fn json(&self) -> Value {
        (*self).into()
    }
}

impl Shown for Bytes {
    fn text(&self) -> String {
        self.to_string()
    }
    fn json(&self) -> Value {
        self.0.into()
    }
}

impl<T: Shown> Shown for Option<T> {
    fn text(&self) -> String {
        self.as_ref().map_or_else(|| "auto".to_owned(), Shown::text)
    }
    fn json(&self) -> Value {
        self.as_ref().map_or_else(|| "auto".into(), Shown::json)
    }
}

impl<T: Display> Shown for Vec<T> {
    fn text(&self) -> String {
        self.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
    fn json(&self) -> Value {
        self.iter().map(ToString::to_string).collect()
    }
}

macro_rules! shown_as_text {
    ($($kind:ty),*) => {$(
        impl Shown for $kind {
            fn text(&self) -> String {
                self.to_string()
            }
            fn json(&self) -> Value {
                self.to_string().into()
            }
        }
    )*};
}

shown_as_text!(
    String,
    IndexSet,
    ProtocolPrefix,
    AddressPolicy,
    BellyIndex,
    LogFormat,
    PrefetchScope,
    Reachability,
    Target,
    UiTheme
);

impl Shown for PathBuf {
    fn text(&self) -> String {
        self.display().to_string()
    }
    fn json(&self) -> Value {
        self.to_string_lossy().into()
    }
}
