//! Files beside flows, which their steps look things up in.
//!
//! **Deliberately absent:** what is in them: [`flow`](crate::flow) reads that, and says what is
//! wrong at the step that names the file.

use std::path::Path;
use std::sync::Arc;

use crate::config::load::is_left_alone;
use crate::config::text;
use crate::flow;

/// Files of one folder that its flows may look things up in.
const FILES_BESIDE_MAX: usize = 200;

/// The files of a folder that its flows may look things up in. What is wrong with one matters to
/// the flow that names it.
pub(super) fn files_beside(folder: &Path) -> flow::Beside {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let paths = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|it| it.path());
    let named = paths.filter_map(|path| {
        let name = path.file_name()?.to_str()?.to_owned();
        (flow::is_beside(&name) && !is_left_alone(&name)).then_some((name, path))
    });
    let read = |path: &Path| match text::read(path, flow::BESIDE_LEN_MAX) {
        Ok(text) => Ok(Arc::from(text)),
        Err(text::Unreadable { line: Some(line), message, .. }) => {
            Err(format!("line {line}: {message}"))
        }
        Err(text::Unreadable { message, .. }) => Err(message),
    };
    named.map(|(name, path)| (name, read(&path))).take(FILES_BESIDE_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_says_why_and_what_editors_keep_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes);
        write("stores.csv", b"zip,name\n").unwrap();
        write("vip.txt", b"+1415\n+1\xf3\n").unwrap();
        write(".vip.txt.swp", b"x").unwrap();
        write("vip.txt~", b"x").unwrap();
        write("a.toml", b"x").unwrap();
        let files = files_beside(folder.path());
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        assert_eq!(names, ["stores.csv", "vip.txt"]);
        assert_eq!(files["stores.csv"].as_deref(), Ok("zip,name\n"));
        let why = files["vip.txt"].as_ref().unwrap_err();
        assert!(why.starts_with("line 2: is not UTF-8"), "{why}");
        assert!(files_beside(&folder.path().join("none")).is_empty());
    }
}
