//! Flows as what they were read from, for a setup that is kept.
//!
//! **Invariant:** a flow that was kept is read back as the same program: its file's name and text,
//! and the files beside it that it looks things up in, are all that it was made of.
//!
//! **Deliberately absent:** what the configuration declared beside it. A flow that was checked
//! against that once needs no second check.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::flow::{self, Flow, Known};

#[derive(Serialize, Deserialize)]
struct FlowSource<'a> {
    file: Cow<'a, str>,
    source: Cow<'a, str>,
    /// The files beside it that its steps look things up in.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    beside: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
}

pub(super) fn serialize<S: Serializer>(flows: &[Arc<Flow>], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(flows.iter().map(|flow| {
        let (file, source) = flow.source();
        let beside = flow.beside().map(|(name, text)| (name.into(), text.into())).collect();
        FlowSource { file: file.into(), source: source.into(), beside }
    }))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Arc<Flow>>, D::Error> {
    let sources: Vec<FlowSource<'static>> = Vec::deserialize(from)?;
    let read = |FlowSource { file, source, beside }: &FlowSource<'_>| {
        let files = beside.iter().map(|(name, text)| (name.to_string(), Ok(Arc::from(&**text))));
        let known = Known { files: Some(files.collect()), ..Known::anything() };
        let flow = flow::parse(file, source, &known);
        flow.map(Arc::new).map_err(|said| de::Error::custom(flow::explain(&said)))
    };
    sources.iter().map(read).collect()
}
