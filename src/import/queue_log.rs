//! Lines of Asterisk's `queue_log`: which event of which call, with its parameters.
//!
//! A file has `time|call|queue|agent|event|parameters…`, the time in seconds since 1970. Rows of
//! the realtime table, exported as CSV with a header, have the same in columns (`time`, `callid`,
//! `queuename`, `agent`, `event`, and `data1` to `data5` or `data`). Each file is one of both, as
//! its first line says. The events are those of app_queue, app_agent_pool and the logger of
//! Asterisk 1.4 to 22.
//!
//! **Invariant:** an event whose name is not known is counted under it, and never read as another.
//!
//! **Deliberately absent:** what events make of a call ([`QueueCalls`]); agents' log-ins and
//! breaks, which are no calls.

use std::collections::BTreeSet;

use crate::import::queue_calls::QueueCalls;
use crate::import::rows::{Header, Row, Rows, Values};
use crate::import::{Format, Sink, fields};
use crate::time::Timestamp;

/// What happens to calls.
const OF_CALLS: &[&str] = &[
    "ABANDON",
    "AGENTDUMP",
    "ATTENDEDTRANSFER",
    "BLINDTRANSFER",
    "COMPLETEAGENT",
    "COMPLETECALLER",
    "CONNECT",
    "DID",
    "ENTERQUEUE",
    "EXITEMPTY",
    "EXITWITHKEY",
    "EXITWITHTIMEOUT",
    "HOLD",
    "RINGCANCELED",
    "RINGNOANSWER",
    "SYSCOMPAT",
    "TRANSFER",
    "UNHOLD",
];
/// What happens to members, agents and the server.
const OTHERS: &[&str] = &[
    "ADDMEMBER",
    "AGENTCALLBACKLOGIN",
    "AGENTCALLBACKLOGOFF",
    "AGENTLOGIN",
    "AGENTLOGOFF",
    "CONFIGRELOAD",
    "INFO",
    "MEMBERSTATUS",
    "PAUSE",
    "PAUSEALL",
    "PAUSEREASON",
    "PENALTY",
    "QUEUESTART",
    "REMOVEMEMBER",
    "RINGINUSE",
    "UNPAUSE",
    "UNPAUSEALL",
];
/// Columns of the realtime table that must be there.
const COLUMNS: [&str; 5] = ["time", "callid", "queuename", "agent", "event"];
const DATA: [&str; 5] = ["data1", "data2", "data3", "data4", "data5"];
/// In place of a call, queue or agent where there is none.
const NONE: &str = "NONE";
/// Unknown events that are warned of by name.
const UNKNOWN_MAX: usize = 16;
/// The id of a call and the names of queues and agents are no longer, in bytes; Asterisk's are at
/// most 150.
const NAME_LEN_MAX: usize = 200;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Logged<'a> {
    pub(super) at: Timestamp,
    pub(super) call: &'a str,
    pub(super) queue: &'a str,
    pub(super) agent: &'a str,
    pub(super) event: &'a str,
    pub(super) params: Vec<&'a str>,
}

#[derive(Debug, Default)]
pub(super) struct QueueLog {
    shape: Option<Shape>,
    rows: Rows,
    calls: QueueCalls,
    unknown: BTreeSet<String>,
}

/// How a file is written.
#[derive(Clone, Debug)]
enum Shape {
    Bars,
    Table(Header),
    /// Its header was refused.
    Nothing,
}

impl Logged<'_> {
    /// `None` where the parameter is not there, or empty.
    pub(super) fn param(&self, n: usize) -> Option<&str> {
        self.params.get(n).copied().filter(|param| !param.is_empty())
    }
}

impl Format for QueueLog {
    fn line(&mut self, line: &str, into: &mut Sink) {
        if line.trim().is_empty() && self.rows.is_between() {
            return;
        }
        match self.shape.clone() {
            None if is_of_bars(line) => {
                self.shape = Some(Shape::Bars);
                self.bars(line, into);
            }
            None => self.shape = Some(header(line, into)),
            Some(Shape::Bars) => self.bars(line, into),
            Some(Shape::Table(header)) => self.row(&header, line, into),
            Some(Shape::Nothing) => into.beside("rows under a header that was refused"),
        }
    }

    fn end_of_file(&mut self, into: &mut Sink) {
        self.shape = None;
        if self.rows.end().is_some() {
            into.skip("a quote is opened in the last row and never closed");
        }
    }

    fn finish(&mut self, into: &mut Sink) {
        self.calls.finish(into);
    }
}

/// Whether it is a line of the file, and no header.
fn is_of_bars(line: &str) -> bool {
    let mut fields = line.splitn(3, '|');
    let time = fields.next().unwrap_or_default();
    let is_number = time.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    (is_number && !time.is_empty()) || line.matches('|').count() >= 4
}

fn header(line: &str, into: &mut Sink) -> Shape {
    let header = Header::of(line).and_then(|header| {
        match COLUMNS.into_iter().find(|column| !header.has(column)) {
            Some(column) => Err(format!(
                "the first line is neither `time|call|queue|agent|event` nor a header with the \
                 column `{column}`: nothing of the file is read"
            )),
            None => Ok(header),
        }
    });
    match header {
        Ok(header) => Shape::Table(header),
        Err(why) => {
            into.skip(why);
            Shape::Nothing
        }
    }
}

impl QueueLog {
    fn bars(&mut self, line: &str, into: &mut Sink) {
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let [time, call, queue, agent, event, params @ ..] = &*fields else {
            let is = fields.len();
            return into.skip(format!(
                "the line has {is} fields: it begins with time|call|queue|agent|event"
            ));
        };
        match fields::epoch(time) {
            Ok(at) => {
                let params = params.to_vec();
                self.event(&Logged { at, call, queue, agent, event, params }, into);
            }
            Err(why) => into.skip(why),
        }
    }

    fn row(&mut self, header: &Header, line: &str, into: &mut Sink) {
        match self.rows.line(into.line, line) {
            Row::Begun => {}
            Row::NeverClosed(first) => {
                into.skip(format!("a quote is opened in line {first} and never closed"));
            }
            Row::Whole(_, row) => match header.values(&row) {
                Ok(values) => self.values(&values, into),
                Err(why) => into.skip(why),
            },
        }
    }

    fn values(&mut self, values: &Values<'_>, into: &mut Sink) {
        let zone = into.settings.time_zone.clone();
        let at = values.must("time", |text| match text.contains(['-', ':']) {
            true => fields::time(text, zone.as_ref()),
            false => fields::epoch(text),
        });
        let at = match at {
            Ok(at) => at,
            Err(why) => return into.skip(why),
        };
        let of = |column| values.get(column).unwrap_or_default();
        let mut params: Vec<&str> = DATA.iter().map(|column| of(column)).collect();
        while params.last().is_some_and(|param| param.is_empty()) {
            params.pop();
        }
        if params.is_empty() {
            params = values.get("data").map(|data| data.split('|').collect()).unwrap_or_default();
        }
        let [call, queue, agent, event] = [of("callid"), of("queuename"), of("agent"), of("event")];
        self.event(&Logged { at, call, queue, agent, event, params }, into);
    }

    fn event(&mut self, logged: &Logged<'_>, into: &mut Sink) {
        let event = logged.event;
        if OTHERS.contains(&event) {
            return into.beside(event);
        }
        if !OF_CALLS.contains(&event) {
            return self.unknown(event, into);
        }
        let call = logged.call;
        if call.is_empty() || call == NONE {
            return into.skip(format!("{event} names no call: the second field is its id"));
        }
        if [call, logged.queue, logged.agent].iter().any(|name| name.len() > NAME_LEN_MAX) {
            return into.skip(format!("a name is longer than {NAME_LEN_MAX} bytes"));
        }
        if event != "DID" && (logged.queue.is_empty() || logged.queue == NONE) {
            return into.skip(format!("{event} names no queue: the third field is its name"));
        }
        self.calls.on(logged, into);
    }

    fn unknown(&mut self, event: &str, into: &mut Sink) {
        let is_name = (1..=40).contains(&event.len())
            && event.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        if !is_name {
            return into.skip("the fifth field is no event");
        }
        into.beside(event);
        if self.unknown.len() < UNKNOWN_MAX && self.unknown.insert(event.to_owned()) {
            into.warn(format!("the event {event} is not known: it is not read, here and later"));
        }
    }
}
