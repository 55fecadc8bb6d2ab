//! `attendant callers`: what is kept of one caller, to be handed over or taken out.
//!
//! **Invariant:** both commands mean the same calls: those from the numbers, and those of others
//! that name one of them.
//!
//! **Deliberately absent:** a second way to erase. It asks the HTTP interface, as anybody may who
//! has the role.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use attendant::api::record_json;
use attendant::config::{self, Loaded, Secret, Sources};
use attendant::media::io::file_of;
use attendant::number::normalize;
use attendant::store;
use attendant::words::CallRecord;

use crate::cli::reload::{ask, said, unreachable};
use crate::cli::{EX_CONFIG, EX_IOERR, EX_UNAVAILABLE, EX_USAGE, fail, print, records_of, told};

#[derive(Debug, Subcommand)]
pub(crate) enum Callers {
    /// Print every record that names a caller, one JSON object per line
    ///
    /// Of their own calls the records are whole: path, keys (not those of `secret` steps),
    /// variables, notes. The records are read in `server.state`, whether or not a server runs.
    Export(Export),
    /// Take a caller out of everything that is kept of ended calls
    ///
    /// The running server does it, at `api.listen`, with `api.operate_token`. Number, name,
    /// variables, keys and notes go from the records, and recordings are deleted; what counts for
    /// the figures stays. Asking again does no harm. Backups, and recordings that a provider keeps,
    /// are yours to delete.
    Erase(Erase),
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The number, +14155550123, or the account in the callers' file
    who: String,
    /// Copy the caller's recordings into this folder
    #[arg(long, value_name = "DIR")]
    recordings: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Erase {
    /// The number, +14155550123, or the account in the callers' file
    who: String,
    /// The operate token, where the configuration has none
    #[arg(long, value_name = "TOKEN", env = "ATTENDANT_OPERATE_TOKEN", hide_env_values = true)]
    token: Option<Secret>,
}

pub(crate) fn run(sources: &Sources, wanted: &Callers) -> ExitCode {
    let loaded = match config::load(sources) {
        Ok(loaded) => loaded,
        Err(problems) => return told(&problems),
    };
    let (Callers::Export(Export { who, .. }) | Callers::Erase(Erase { who, .. })) = wanted;
    let numbers = numbers_of(&loaded, who);
    if numbers.is_empty() {
        return fail(EX_USAGE, "this is neither a number nor an account of the callers' file");
    }
    match wanted {
        Callers::Export(wanted) => export(&loaded, &numbers, wanted.recordings.as_deref()),
        Callers::Erase(wanted) => erase(&loaded, &numbers, wanted.token.as_ref()),
    }
}

/// The numbers of an account, or the number itself as records have it.
fn numbers_of(loaded: &Loaded, who: &str) -> Vec<String> {
    let of_account = loaded.directory.numbers_of(who).map(str::to_owned).collect::<Vec<_>>();
    if !of_account.is_empty() {
        return of_account;
    }
    let number = normalize(who, &loaded.config.callers.region);
    number.map(std::borrow::Cow::into_owned).into_iter().collect()
}

fn export(loaded: &Loaded, numbers: &[String], recordings: Option<&Path>) -> ExitCode {
    let server = &loaded.config.server;
    let reader = match records_of(&attendant::server::place(server)) {
        Ok(reader) => reader,
        Err(message) => return fail(EX_IOERR, &message),
    };
    let mut lines = String::new();
    for number in numbers {
        let records = match store::naming(&*reader, number) {
            Ok(records) => records,
            Err(error) => return fail(EX_IOERR, &format!("{}: {error}", server.state.display())),
        };
        for record in records {
            let is_own = record.from.as_deref() == Some(number.as_str());
            if let Some(folder) = recordings.filter(|_| is_own)
                && let Err(error) = copy(&record, &server.recordings, folder)
            {
                return fail(EX_IOERR, &format!("{}: {error}", folder.display()));
            }
            lines += &format!("{}\n", record_json(record));
        }
    }
    print(&lines)
}

/// Copies what a call recorded, as far as it is here.
fn copy(record: &CallRecord, from: &Path, into: &Path) -> io::Result<()> {
    fs::create_dir_all(into)?;
    for recording in &record.recordings {
        let file = file_of(from, recording.name);
        match fs::copy(&file, into.join(format!("{}.wav", recording.name))) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn erase(loaded: &Loaded, numbers: &[String], token: Option<&Secret>) -> ExitCode {
    let api = &loaded.config.api;
    let Some(token) = token.or(api.operate_token.as_ref()) else {
        let message = "no operate token: give the one that the server printed at its start, with \
                       --token, or set `api.operate_token`";
        return fail(EX_CONFIG, message);
    };
    let url = format!("http://{}", crate::cli::health::reachable(api.listen));
    let mut text = String::new();
    for number in numbers {
        let body = json!({ "number": number });
        match ask(&url, token.expose(), "/v1/callers/erase", Some(&body)) {
            Ok((200, answer)) => text += &erased(&answer),
            Ok((503, Value::Null)) => {
                let message = "there are many records, and the server is still at it: ask again to \
                               hear when it is done";
                return fail(EX_UNAVAILABLE, message);
            }
            Ok((_, answer)) => return fail(EX_UNAVAILABLE, &said(&answer)),
            Err(error) => return fail(EX_UNAVAILABLE, &unreachable(&url, &error)),
        }
    }
    print(&text)
}

/// What was done, and what is left to do.
fn erased(answer: &Value) -> String {
    let count = |key: &str| answer[key].as_u64().unwrap_or_default();
    let mut text = format!(
        "erased: calls {}, calls of others that named the number {}, recordings {}, journals of \
         earlier runs {}\n",
        count("calls"),
        count("named_in"),
        count("recordings"),
        count("journals")
    );
    let live = count("live_calls");
    if live > 0 {
        text += &format!("calls of the caller are up: {live}; erase again once they have ended\n");
    }
    for url in answer["at_providers"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        text += &format!("a provider keeps a recording, delete it there: {url}\n");
    }
    text += "the journal of the present run has what came in until it ends: it is deleted after a \
             later start\n";
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_to_do_is_said() {
        let answer = json!({
            "calls": 2, "named_in": 1, "recordings": 3, "at_providers": ["https://p.example/7"],
            "journals": 1, "live_calls": 1,
        });
        let expected = "erased: calls 2, calls of others that named the number 1, recordings 3, \
                        journals of earlier runs 1\n\
                        calls of the caller are up: 1; erase again once they have ended\n\
                        a provider keeps a recording, delete it there: https://p.example/7\n\
                        the journal of the present run has what came in until it ends: it is \
                        deleted after a later start\n";
        assert_eq!(erased(&answer), expected);
    }
}
