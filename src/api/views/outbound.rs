//! Outbound calls: what is asked for, and what came of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::views::LiveCall;

/// A call that we should begin by dialing a customer. `flow` or `queue` must be there.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct DialRequest {
    /// The customer's number, which a trunk may dial (`prefixes`).
    pub to: String,
    /// The number that is shown to them: one at which a flow answers. The first of the flow's where
    /// it is left out; the `caller_id` of the trunk goes before either.
    pub from: Option<String>,
    /// The trunk to go through. The first that may dial the number where it is left out.
    pub trunk: Option<String>,
    /// The flow that whoever answers hears. Beside `queue` it may be left out, where one flow alone
    /// enters that.
    pub flow: Option<String>,
    /// The flow begins at the step that enters this queue, and not at its first step.
    pub queue: Option<String>,
    /// At most 32: texts, numbers, `true` or `false`. They are kept in the journal and the record.
    /// A flow takes one by a `set` step: `vars = { order = "{{ order|default('') }}" }`.
    #[serde(default)]
    pub vars: BTreeMap<String, serde_json::Value>,
    /// How long it may ring, in seconds: 5 to 120. 30 where it is left out.
    pub ring_s: Option<u64>,
}

/// An outbound call that was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct OutboundCall {
    /// As in `/v1/calls/{id}`, and in its record later.
    pub id: u64,
    /// The same was asked for before, with the same `Idempotency-Key`: nothing is dialed again.
    pub is_repeat: bool,
    /// None where it has ended: `/v1/records/{id}` has it then.
    pub live: Option<LiveCall>,
}
