//! Call records of FreeSWITCH with the variables that mod_callcenter sets on a caller's channel.
//!
//! A file is XML (mod_xml_cdr), JSON (mod_json_cdr) or CSV (mod_cdr_csv with the template in
//! `docs/import.md`, or any with a header of variables), as its first character says. The module
//! writes one record per channel: of the caller (`cc_side` is `member`), and of each agent, which
//! is no call.
//!
//! **Invariant:** times are those of the variables, whole seconds. A channel keeps the variables of
//! its last queue alone, so a call has one visit and at most one agent.
//!
//! **Deliberately absent:** hold, which is in the talk; after-call work; offers that nobody
//! answered: no variable has them.

use crate::import::documents::{self, DOCUMENT_LEN_MAX, Document, Documents, Variables};
use crate::import::rows::{Header, Row, Rows};
use crate::import::{Format, Sink, fields, queue_calls};
use crate::time::Timestamp;
use crate::words::{CallOutcome, Cause, EndedBy, LegOutcome, Overflow, QueueExit, QueueVisit};

/// The variables of a CSV without a header, in this order.
pub(super) const TEMPLATE: [&str; 17] = [
    "uuid",
    "caller_id_number",
    "destination_number",
    "start_epoch",
    "answer_epoch",
    "end_epoch",
    "hangup_cause_q850",
    "sip_hangup_disposition",
    "cc_side",
    "cc_queue",
    "cc_agent",
    "cc_queue_joined_epoch",
    "cc_queue_answered_epoch",
    "cc_queue_terminated_epoch",
    "cc_queue_canceled_epoch",
    "cc_cancel_reason",
    "cc_exit_key",
];
/// A value is no longer, in bytes.
const TEXT_LEN_MAX: usize = 500;

#[derive(Debug, Default)]
pub(super) struct Freeswitch {
    shape: Option<FileShape>,
    rows: Rows,
    documents: Documents,
}

#[derive(Clone, Debug)]
enum FileShape {
    Xml,
    Json,
    Csv(Header),
    /// Its header was refused.
    Nothing,
}

impl Format for Freeswitch {
    fn line(&mut self, line: &str, into: &mut Sink) {
        if line.trim().is_empty() && self.rows.is_between() && self.documents.is_between() {
            return;
        }
        let shape = match self.shape.take() {
            Some(shape) => shape,
            None => match first_shape(line, into) {
                (shape, true) => return self.shape = Some(shape),
                (shape, false) => shape,
            },
        };
        match &shape {
            FileShape::Xml => self.document(line, Documents::xml, documents::of_xml, into),
            FileShape::Json => self.document(line, Documents::json, documents::of_json, into),
            FileShape::Csv(header) => self.row(header, line, into),
            FileShape::Nothing => into.beside("rows under a header that was refused"),
        }
        self.shape = Some(shape);
    }

    fn end_of_file(&mut self, into: &mut Sink) {
        self.shape = None;
        if self.rows.end().is_some() {
            into.skip("a quote is opened in the last row and never closed");
        }
        if let Some(first) = self.documents.end() {
            into.skip(format!("the document that begins in line {first} has no end"));
        }
    }

    fn finish(&mut self, _: &mut Sink) {}
}

/// How a file is written, and whether this line was its header.
fn first_shape(line: &str, into: &mut Sink) -> (FileShape, bool) {
    match line.trim_start().chars().next() {
        Some('<') => return (FileShape::Xml, false),
        Some('{') => return (FileShape::Json, false),
        Some(_) | None => {}
    }
    let is_header = line.contains("cc_queue");
    let header = if is_header { Header::of(line) } else { Header::named(&TEMPLATE, ',') };
    match header {
        Ok(header) if header.has("uuid") && header.has("cc_queue_joined_epoch") => {
            (FileShape::Csv(header), is_header)
        }
        Ok(_) => {
            into.skip(
                "the header has no `uuid` or no `cc_queue_joined_epoch`: nothing of the file is \
                 read",
            );
            (FileShape::Nothing, true)
        }
        Err(why) => {
            into.skip(why);
            (FileShape::Nothing, true)
        }
    }
}

impl Freeswitch {
    fn document(
        &mut self,
        line: &str,
        take: fn(&mut Documents, u64, &str) -> Document,
        read: fn(&str) -> Result<Variables, String>,
        into: &mut Sink,
    ) {
        let why = match take(&mut self.documents, into.line, line) {
            Document::Begun => return,
            Document::TooLong(first) => format!(
                "the document that begins in line {first} is longer than {DOCUMENT_LEN_MAX} bytes"
            ),
            Document::Whole(first, text) => match read(&text) {
                Ok(variables) => {
                    let here = std::mem::replace(&mut into.line, first);
                    channel(&variables, into);
                    into.line = here;
                    return;
                }
                Err(why) => why,
            },
        };
        into.skip(why);
    }

    fn row(&mut self, header: &Header, line: &str, into: &mut Sink) {
        match self.rows.line(into.line, line) {
            Row::Begun => {}
            Row::NeverClosed(first) => {
                into.skip(format!("a quote is opened in line {first} and never closed"));
            }
            Row::Whole(_, row) => match header.values(&row) {
                Ok(values) => {
                    let value = |name: &str| Some((name.to_owned(), values.get(name)?.to_owned()));
                    channel(&header.names().filter_map(value).collect(), into);
                }
                Err(why) => into.skip(why),
            },
        }
    }
}

/// Takes the record of one channel.
fn channel(variables: &Variables, into: &mut Sink) {
    let of = |name: &str| variables.get(name).map(String::as_str).filter(|it| !it.is_empty());
    if of("cc_queue").is_none() {
        return into.beside("calls that came to no queue");
    }
    if of("cc_side").is_some_and(|side| side != "member") {
        return into.beside("channels of agents");
    }
    if let Err(why) = member(&of, into) {
        let uuid = of("uuid").unwrap_or("without a uuid");
        into.skip(format!("{why}: the call {uuid} is left out"));
    }
}

fn member<'a>(of: &dyn Fn(&str) -> Option<&'a str>, into: &mut Sink) -> Result<(), String> {
    let must = |name: &str| {
        let value = of(name).ok_or_else(|| format!("{name} is missing"))?;
        let fits = value.len() <= TEXT_LEN_MAX;
        if fits { Ok(value) } else { Err(format!("{name} is longer than {TEXT_LEN_MAX} bytes")) }
    };
    let at = |epoch: &str, stamp: &str| moment(of, (epoch, stamp), into);
    let (uuid, queue) = (must("uuid")?, must("cc_queue")?);
    let joined_at = at("cc_queue_joined_epoch", "")?
        .ok_or("cc_queue_joined_epoch is missing: the call entered no queue")?;
    let answered_at = at("cc_queue_answered_epoch", "")?;
    let canceled_at = at("cc_queue_canceled_epoch", "")?;
    let arrived_at = at("start_epoch", "start_stamp")?.unwrap_or(joined_at);
    let hung_up_at = at("end_epoch", "end_stamp")?;
    let terminated_at = at("cc_queue_terminated_epoch", "")?.or(hung_up_at);
    let (left_at, left, outcome, last_at) = match (answered_at, canceled_at) {
        (Some(answered_at), _) => {
            let last =
                terminated_at.ok_or("cc_queue_terminated_epoch and end_epoch are missing")?;
            (answered_at, QueueExit::Answered, CallOutcome::Handled, last)
        }
        (None, Some(canceled_at)) => {
            let (left, outcome) = canceled(of)?;
            (canceled_at, left, outcome, canceled_at)
        }
        (None, None) => return Err("it was neither answered nor canceled in its queue".to_owned()),
    };
    let ended_at = hung_up_at.unwrap_or(last_at);
    let times = [arrived_at, joined_at, left_at, last_at, ended_at];
    if !times.is_sorted() {
        return Err("its times are in no order: start, joined, answered or canceled, terminated \
                    and end follow one another"
            .to_owned());
    }
    let mut record = into.record(uuid.to_owned(), arrived_at, ended_at);
    record.outcome = outcome;
    record.answered_at = at("answer_epoch", "answer_stamp")?;
    record.from = of("caller_id_number").and_then(|raw| into.caller(raw));
    record.to = of("destination_number")
        .map(|_| must("destination_number"))
        .transpose()?
        .unwrap_or_default()
        .to_owned();
    record.ended_by = ended_by(of("sip_hangup_disposition"), outcome);
    let cause = of("hangup_cause_q850").and_then(|cause| cause.parse().ok());
    record.cause = cause.map_or(Cause::NORMAL_UNSPECIFIED, Cause);
    record.queued.push(QueueVisit {
        queue: queue.to_owned(),
        entered_at: joined_at,
        left_at,
        left,
        priority: 0,
        in_line_since: None,
        consulted: false,
    });
    if left == QueueExit::Answered {
        let agent = must("cc_agent")?.to_owned();
        let offered_by = Some(queue.to_owned());
        let accepted = LegOutcome::Accepted;
        let mut leg = queue_calls::agents_leg(1, (agent, offered_by), left_at, accepted);
        (leg.answered_at, leg.ended_at) = (Some(left_at), Some(last_at));
        leg.talk_ms = fields::between(left_at, last_at);
        record.legs.push(leg);
    }
    into.call(record);
    Ok(())
}

/// A moment from its variable in seconds since 1970, where 0 is none, or else from the one with
/// a local time.
fn moment<'a>(
    of: &dyn Fn(&str) -> Option<&'a str>,
    (epoch, stamp): (&str, &str),
    into: &Sink,
) -> Result<Option<Timestamp>, String> {
    let zone = into.settings.time_zone.as_ref();
    match (of(epoch).filter(|value| *value != "0"), of(stamp)) {
        (Some(value), _) => fields::epoch(value).map(Some).map_err(|why| format!("{epoch}: {why}")),
        (None, Some(value)) => {
            fields::time(value, zone).map(Some).map_err(|why| format!("{stamp}: {why}"))
        }
        (None, None) => Ok(None),
    }
}

/// Why a caller left the queue without an agent.
fn canceled<'a>(of: &dyn Fn(&str) -> Option<&'a str>) -> Result<(QueueExit, CallOutcome), String> {
    let overflowed = |why| Ok((QueueExit::Overflowed(why), CallOutcome::Overflowed));
    let exited = Ok((QueueExit::ExitKey, CallOutcome::Exited));
    match of("cc_cancel_reason").ok_or("cc_cancel_reason is missing")? {
        "EXIT_WITH_KEY" => exited,
        // Earlier versions write this one for the key, too.
        "BREAK_OUT" if of("cc_exit_key").is_some() => exited,
        "BREAK_OUT" | "NONE" => Ok((QueueExit::Abandoned, CallOutcome::Abandoned)),
        "TIMEOUT" => overflowed(Overflow::Timeout),
        "NO_AGENT_TIMEOUT" => overflowed(Overflow::NoAgents),
        other => Err(format!("the cc_cancel_reason `{other}` is not known")),
    }
}

/// Who hung up, from what the caller's channel received or sent.
fn ended_by(disposition: Option<&str>, outcome: CallOutcome) -> EndedBy {
    let we_did = disposition.is_some_and(|it| it.starts_with("send_"));
    match (we_did, outcome == CallOutcome::Handled) {
        (true, true) => EndedBy::Agent,
        (true, false) => EndedBy::Flow,
        (false, _) => EndedBy::Caller,
    }
}
