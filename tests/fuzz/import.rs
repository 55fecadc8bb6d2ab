//! Call records of other telephone systems, from files that people were given.

use attendant::import::{ImportFormat, ImportItem, ImportReader, ImportSettings};

/// The first byte says which format, the rest is a file.
pub(super) fn import(bytes: &[u8]) {
    let Some((first, file)) = bytes.split_first() else { return };
    let format = match first % 3 {
        0 => ImportFormat::QueueLog,
        1 => ImportFormat::Freeswitch,
        _ => ImportFormat::Csv,
    };
    let whole = read(format, file, file.len().max(1));
    assert_eq!(whole, read(format, file, 3), "pieces make a difference");
    for item in whole {
        match item {
            ImportItem::Call(call) => {
                assert!(call.arrived_at <= call.ended_at, "{call:?}");
                assert_eq!(call.via.import(), Some("old"));
            }
            ImportItem::Skipped(remark) | ImportItem::Warning(remark) => {
                assert!(remark.line > 0 || file.is_empty(), "{remark}");
            }
        }
    }
}

fn read(format: ImportFormat, file: &[u8], piece: usize) -> Vec<ImportItem> {
    let (name, region) = ("old".to_owned(), "US".to_owned());
    let mut reader = ImportReader::new(ImportSettings { name, format, region, time_zone: None });
    reader.begin_file("file");
    file.chunks(piece).for_each(|piece| reader.feed(piece));
    reader.end_file();
    reader.finish();
    std::iter::from_fn(|| reader.poll()).collect()
}
