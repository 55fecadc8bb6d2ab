//! `attendant import`: call records of another telephone system, beside those of our own.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::tz::TimeZone;

use attendant::config::{self, Config, Sources};
use attendant::import::{ImportFormat, ImportItem, ImportReader, ImportSettings, LineRemark};
use attendant::server;
use attendant::store::{CALLS_PER_SECOND_MAX, Imported, Importing, StoreError, StorePlace};
use attendant::time::Timestamp;
use attendant::words::CallRecord;

use crate::cli::period::shown;
use crate::cli::plain::field;
use crate::cli::{
    EX_DATAERR, EX_IOERR, EX_UNAVAILABLE, EX_USAGE, complain, fail, print, records_of, report, told,
};

/// Read from a file at once.
const PIECE_LEN: usize = 64 * 1024;
/// Files in one folder that is named.
const FILES_MAX: usize = 1_000_000;
/// A name is no longer.
const NAME_LEN_MAX: usize = 64;

/// Bring call records of another telephone system into the store: its AHT and FCR before you move.
///
/// You can always tell imported calls from your own: their `via` is import:NAME, their ids begin
/// with call-4095., `records --import NAME` lists them, and flows know nothing of them. In figures
/// they count as calls of the time in which they ended. What a file does not say stays absent;
/// where after-call work is not in it, AHT is talk and hold, and the report says so.
///
/// Calls that are there already change nothing, so the same files may be imported again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  attendant import --from queue_log --name old-pbx --dry-run /var/log/asterisk/queue_log
  attendant import --from queue_log --name old-pbx queue_log.2 queue_log.1 queue_log
  attendant import --from freeswitch --name switch-1 /var/log/freeswitch/xml_cdr
  attendant import --from csv --name cloud --time-zone Europe/Berlin calls.csv
  attendant import --list
  attendant import --undo old-pbx
  attendant --state trial import --from csv --name cloud calls.csv && attendant --state trial report

The columns of csv, and what is read of each format: docs/import.md. Name files of one system in the
order of their times, all in one command: a call may begin in one and end in the next.

Exit codes: 0 everything was read; 65 lines or calls were skipped, and the rest imported; 69 a server
runs on the folder: stop it first; 74 a file or the store cannot be read or written.")]
pub(crate) struct Import {
    /// What the files are: queue_log (Asterisk), freeswitch (mod_callcenter), or csv
    #[arg(long, value_name = "FORMAT", value_parser = format,
        required_unless_present_any = ["undo", "list"], requires = "name")]
    from: Option<ImportFormat>,
    /// What the system is called here: its calls are listed, and taken out, by this name
    #[arg(long, value_parser = name)]
    name: Option<String>,
    /// Where times without an offset are of: Europe/Berlin
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    time_zone: Option<TimeZone>,
    /// Import nothing; print what would be, and its figures
    #[arg(long)]
    dry_run: bool,
    /// How many remarks about lines are printed; all are counted
    #[arg(long, value_name = "N", default_value_t = 20)]
    remarks: u64,
    /// Take out everything that was imported under this name
    #[arg(long, value_name = "NAME", value_parser = name,
        conflicts_with_all = ["from", "name", "dry_run", "list", "files"])]
    undo: Option<String>,
    /// Print what was imported, by name
    #[arg(long, conflicts_with_all = ["from", "name", "dry_run", "files"])]
    list: bool,
    /// Files, or folders of them; - is standard input
    #[arg(required_unless_present_any = ["undo", "list"])]
    files: Vec<PathBuf>,
}

/// What reading files came to.
#[derive(Debug, Default)]
struct Seen {
    files: u64,
    calls: u64,
    skipped: u64,
    /// Remarks that were printed, of all.
    remarked: (u64, u64),
    period: Option<(Timestamp, Timestamp)>,
    without_acw: u64,
}

/// Why an import ended.
#[derive(Debug, thiserror::Error)]
enum ImportError {
    #[error("{path}: {error}", path = .0.display(), error = .1)]
    File(PathBuf, io::Error),
    #[error("{path}: there are more than {FILES_MAX} files in it: name some", path = .0.display())]
    TooMany(PathBuf),
    #[error(
        "{path}: a server runs on this folder. Stop it, import and start it again; or import into a \
         folder of its own (--state FOLDER), which `attendant --state FOLDER report` reads",
        path = .0.display()
    )]
    InUse(PathBuf),
    #[error("{path}: {error}", path = .0.display(), error = .1)]
    Store(PathBuf, StoreError),
}

pub(crate) fn run(sources: &Sources, wanted: &Import) -> ExitCode {
    let config = match config::check(sources) {
        Ok(checked) => checked.config,
        Err(problems) => return told(&problems),
    };
    let state = &server::place(&config.server);
    let done = match (&wanted.undo, wanted.list, wanted.from, &wanted.name) {
        (Some(import), ..) => undo(state, import),
        (None, true, ..) => return list(state),
        (None, false, Some(format), Some(name)) => {
            let settings = ImportSettings {
                name: name.clone(),
                format,
                region: config.callers.region.clone(),
                time_zone: wanted.time_zone.clone(),
            };
            match wanted.dry_run {
                true => try_out(&config, settings, wanted),
                false => import(state, settings, wanted).map(|(seen, text)| (seen.code(), text)),
            }
        }
        (None, false, ..) => return fail(EX_USAGE, "--from and --name say what is imported"),
    };
    match done {
        Ok((code, text)) => match print(&text) {
            printed if printed == ExitCode::SUCCESS => code,
            failed => failed,
        },
        Err(error @ ImportError::InUse(_)) => fail(EX_UNAVAILABLE, &error.to_string()),
        Err(error @ (ImportError::File(..) | ImportError::TooMany(_) | ImportError::Store(..))) => {
            fail(EX_IOERR, &error.to_string())
        }
    }
}

fn format(text: &str) -> Result<ImportFormat, String> {
    match text {
        "queue_log" => Ok(ImportFormat::QueueLog),
        "freeswitch" => Ok(ImportFormat::Freeswitch),
        "csv" => Ok(ImportFormat::Csv),
        _ => Err("there is queue_log, freeswitch and csv".to_owned()),
    }
}

fn name(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let is_name = (1..=NAME_LEN_MAX).contains(&text.len()) && text.chars().all(is_plain);
    is_name.then(|| text.to_owned()).ok_or_else(|| {
        format!("write letters, digits and - _ . alone, at most {NAME_LEN_MAX} of them")
    })
}

fn zone(text: &str) -> Result<TimeZone, String> {
    TimeZone::get(text).map_err(|_| "write a time zone as in Europe/Berlin or UTC".to_owned())
}

fn open(place: &StorePlace) -> Result<Importing, ImportError> {
    Importing::open(place.clone()).map_err(|error| failed(&place.folder, error))
}

fn failed(state: &Path, error: StoreError) -> ImportError {
    match error {
        StoreError::InUse { .. } => ImportError::InUse(state.to_path_buf()),
        StoreError::Io { .. }
        | StoreError::Database(_)
        | StoreError::Newer { .. }
        | StoreError::Names { .. }
        | StoreError::OtherNode { .. }
        | StoreError::NoRecords { .. }
        | StoreError::OtherRecords { .. }
        | StoreError::NotBuilt { .. }
        | StoreError::NotWhole { .. }
        | StoreError::NotEmpty { .. }
        | StoreError::Moving { .. }
        | StoreError::Behind
        | StoreError::Lost
        | StoreError::ListsBusy => ImportError::Store(state.to_path_buf(), error),
    }
}

/// Reads all files into the folder; says what came of it, in words as well.
fn import(
    state: &StorePlace,
    settings: ImportSettings,
    wanted: &Import,
) -> Result<(Seen, String), ImportError> {
    let mut into = open(state)?;
    let mut reader = ImportReader::new(settings);
    let mut seen = Seen::default();
    let mut take = |reader: &mut ImportReader, seen: &mut Seen| {
        while let Some(item) = reader.poll() {
            match item {
                ImportItem::Call(record) => {
                    seen.call(&record);
                    into.add(record).map_err(|error| failed(&state.folder, error))?;
                }
                ImportItem::Skipped(remark) => seen.skipped(&remark, wanted.remarks),
                ImportItem::Warning(remark) => seen.remark("warning: ", &remark, wanted.remarks),
            }
        }
        Ok(())
    };
    for path in files(&wanted.files)? {
        seen.files += 1;
        read(&path, &mut reader, |reader| take(reader, &mut seen))?;
    }
    reader.finish();
    take(&mut reader, &mut seen)?;
    let imported = into.finish().map_err(|error| failed(&state.folder, error))?;
    seen.skipped += imported.no_room;
    let text = seen.summary(imported, reader.beside());
    Ok((seen, text))
}

/// As [`import`], into a folder of its own that is gone afterwards, with the figures.
fn try_out(
    config: &Config,
    settings: ImportSettings,
    wanted: &Import,
) -> Result<(ExitCode, String), ImportError> {
    let scratch = Scratch::make()?;
    let (seen, mut text) = import(&StorePlace::from(&*scratch.0), settings, wanted)?;
    text.insert_str(0, "nothing is imported: this is what would be\n");
    if let Some((since, last)) = seen.period {
        let until = last + Duration::from_millis(1);
        let setup = server::setup(config, Vec::new(), std::sync::Arc::default());
        let figures = records_of(&StorePlace::from(&*scratch.0)).and_then(|reader| {
            report::text_of(&*reader, setup, (since, until), server::now())
                .map_err(|error| error.to_string())
        });
        match figures {
            Ok(figures) => text += &format!("\n{figures}"),
            Err(why) => complain(&format!("attendant: {why}\n")),
        }
    }
    Ok((seen.code(), text))
}

fn undo(state: &StorePlace, import: &str) -> Result<(ExitCode, String), ImportError> {
    // A folder is made for what comes in, and not for what goes out.
    fs::metadata(&state.folder).map_err(|error| ImportError::File(state.folder.clone(), error))?;
    let calls = open(state)?.take_out(import).map_err(|error| failed(&state.folder, error))?;
    let text = match calls {
        0 => format!("nothing was imported as {import}: `attendant import --list` has the names\n"),
        calls => format!("{calls} calls of {import} are taken out\n"),
    };
    let code = if calls == 0 { ExitCode::from(EX_DATAERR) } else { ExitCode::SUCCESS };
    Ok((code, text))
}

fn list(state: &StorePlace) -> ExitCode {
    let reader = match records_of(state) {
        Ok(reader) => reader,
        Err(message) => return fail(EX_IOERR, &message),
    };
    let imports = match reader.imports() {
        Ok(imports) => imports,
        Err(error) => return fail(EX_IOERR, &format!("{}: {error}", state.folder.display())),
    };
    let lines = imports.iter().map(|it| {
        let (first, last) = (shown(it.first_arrived_at), shown(it.last_ended_at));
        format!("{}  {} calls  {first} to {last}\n", field(&it.name), it.calls)
    });
    match imports.is_empty() {
        true => print("nothing was imported\n"),
        false => print(&lines.collect::<String>()),
    }
}

/// The files that are named, and those in folders that are, by name.
fn files(named: &[PathBuf]) -> Result<Vec<PathBuf>, ImportError> {
    let mut files = Vec::new();
    for path in named {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let wrong = |error| ImportError::File(path.clone(), error);
        let mut inside = Vec::new();
        for entry in fs::read_dir(path).map_err(wrong)? {
            let entry = entry.map_err(wrong)?;
            if entry.file_type().map_err(wrong)?.is_file() {
                inside.push(entry.path());
            }
            if inside.len() > FILES_MAX {
                return Err(ImportError::TooMany(path.clone()));
            }
        }
        inside.sort();
        files.extend(inside);
    }
    Ok(files)
}

/// Reads one file in pieces, with a look at what was found after each.
fn read(
    path: &Path,
    reader: &mut ImportReader,
    mut take: impl FnMut(&mut ImportReader) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    let wrong = |error| ImportError::File(path.to_path_buf(), error);
    let mut file: Box<dyn Read> = match path == Path::new("-") {
        true => Box::new(io::stdin().lock()),
        false => Box::new(File::open(path).map_err(wrong)?),
    };
    reader.begin_file(&path.display().to_string());
    let mut piece = vec![0; PIECE_LEN];
    loop {
        let len = match file.read(&mut piece) {
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(wrong(error)),
        };
        if len == 0 {
            break;
        }
        reader.feed(&piece[..len]);
        take(reader)?;
    }
    reader.end_file();
    take(reader)
}

impl Seen {
    fn call(&mut self, record: &CallRecord) {
        self.calls += 1;
        let (first, last) = self.period.unwrap_or((record.ended_at, record.ended_at));
        self.period = Some((first.min(record.ended_at), last.max(record.ended_at)));
        let unmeasured = record.legs.iter().filter(|leg| leg.served() && leg.wrap_up.is_none());
        self.without_acw += unmeasured.count() as u64;
    }

    fn skipped(&mut self, remark: &LineRemark, most: u64) {
        self.skipped += 1;
        self.remark("", remark, most);
    }

    fn remark(&mut self, kind: &str, remark: &LineRemark, most: u64) {
        self.remarked.1 += 1;
        if self.remarked.0 < most {
            self.remarked.0 += 1;
            complain(&format!("{kind}{}\n", field(&remark.to_string())));
        }
    }

    fn code(&self) -> ExitCode {
        if self.skipped > 0 { ExitCode::from(EX_DATAERR) } else { ExitCode::SUCCESS }
    }

    fn summary(&self, imported: Imported, beside: &BTreeMap<String, u64>) -> String {
        let Self { files, calls, skipped, remarked, .. } = self;
        let Imported { new, known, no_room } = imported;
        let mut text = format!(
            "{files} files, {calls} calls: {new} new, {known} known already; {skipped} lines or \
             calls skipped\n"
        );
        if no_room > 0 {
            text += &format!(
                "{no_room} of them because more than {CALLS_PER_SECOND_MAX} calls arrived in one \
                 second: times that are rounded to minutes or days cannot be imported\n"
            );
        }
        let hidden = remarked.1 - remarked.0;
        if hidden > 0 {
            text += &format!("{hidden} remarks are not shown: --remarks {}\n", remarked.1);
        }
        if !beside.is_empty() {
            let each = beside.iter().map(|(kind, n)| format!("{} {n}", field(kind)));
            text += &format!("no calls: {}\n", each.collect::<Vec<_>>().join(", "));
        }
        if self.without_acw > 0 {
            text += &format!(
                "{} talks have no after-call work: their AHT is talk and hold\n",
                self.without_acw
            );
        }
        if let Some((first, last)) = self.period {
            let until = shown(last + Duration::from_secs(1));
            text +=
                &format!("figures: attendant report --since {} --until {until}\n", shown(first));
        }
        text
    }
}

/// A folder that is gone with this value.
struct Scratch(PathBuf);

impl Scratch {
    /// For its owner alone, and made anew: nobody else put anything there.
    fn make() -> Result<Self, ImportError> {
        let path = std::env::temp_dir().join(format!("attendant-import-{}", std::process::id()));
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|error| ImportError::File(path.clone(), error))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            complain(&format!("attendant: {}: {error}: delete it\n", self.0.display()));
        }
    }
}

#[cfg(test)]
mod tests;
