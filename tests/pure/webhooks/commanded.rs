//! Documents as commands, for a provider that does one after another.

use std::fmt::Write as _;
use std::time::Duration;

use attendant::id::CallId;
use attendant::time::Timestamp;
use attendant::webhook::{
    Document, Fields, LegEvent, LegEventKind, Link, Provider, RenderContext, RestCommand,
    RestOutcome, sign,
};
use serde_json::Value;

const CALLER: &str = "v3:call";

/// The commands of one document, as if the caller pressed no key and everything went well.
pub(crate) fn text(
    provider: &dyn Provider,
    document: &Document,
    context: &RenderContext,
) -> String {
    let make = provider.commanded().expect("each action is commanded");
    let mut legs = make(context.clone(), Duration::from_secs(8));
    let mut now = Timestamp(1_700_000_000_000);
    let event = |kind, mark: &str| Fields {
        reference: CALLER.to_owned(),
        leg_event: Some(LegEvent { kind, mark: mark.to_owned() }),
        ..Fields::default()
    };
    legs.handle_event(now, &event(LegEventKind::Arrived, ""));
    legs.execute(now, CALLER, &Link::Step { call: CallId(41), n: 7 }, Some(document));
    let mut text = String::new();
    loop {
        while let Some(order) = legs.poll_order() {
            let RestCommand::Action { id, name, mut body, .. } = order.command else {
                panic!("{:?}", order.command)
            };
            let mark = match body.remove("client_state") {
                Some(Value::String(state)) => {
                    String::from_utf8(sign::from_base64(&state).unwrap()).unwrap()
                }
                _ => String::new(),
            };
            writeln!(text, "{name} {id}\n  marked {mark}\n  {}", Value::Object(body)).unwrap();
            legs.handle_rest_result(now, CALLER, &id, &RestOutcome::Done);
            let over = match name {
                "answer" => LegEventKind::Answered,
                "speak" | "playback_start" => LegEventKind::Sounded,
                "gather" | "gather_using_speak" | "gather_using_audio" => LegEventKind::Collected,
                "record_start" => LegEventKind::Saved,
                "hangup" | "reject" => return text,
                _ => LegEventKind::Other,
            };
            legs.handle_event(now, &event(over, &mark));
        }
        let Some(at) = legs.poll_timeout().filter(|at| at.since(now).as_secs() < 20) else { break };
        now = at;
        writeln!(text, "…").unwrap();
        legs.handle_timeout(now);
    }
    legs.poll_request(); // that the call arrived
    while let Some((link, fields)) = legs.poll_request() {
        writeln!(text, "then {link:?}, keys {:?}", fields.keys).unwrap();
    }
    text
}
