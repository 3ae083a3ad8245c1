//! Workbooks: cells of text, in and out.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{DataRef, Reader as _, Xlsx, XlsxError};
use rust_xlsxwriter::{Format, Workbook, XlsxError as WriteError};

use crate::control::{Refusal, Result};

/// Bytes of a workbook that is read.
const FILE_BYTES_MAX: usize = 5 << 20;
/// Bytes of what is packed in it.
const UNPACKED_BYTES_MAX: u64 = 64 << 20;
/// Columns that are looked at.
const COLUMNS_MAX: u32 = 200;
/// Cells of one sheet.
const CELLS_MAX: usize = 1_000_000;
/// Characters of one cell, a limit of the format.
pub(super) const CELL_CHARS_MAX: usize = 32_767;
/// What is taken.
const ALLOWED: &str = "a file .xlsx of at most 5 MB, as the template is";

/// A sheet to be written: a name, a header, rows.
pub(super) struct Sheet {
    pub(super) name: &'static str,
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

/// Rows of a sheet by their number, from 1; cells by the text of their column's header.
pub(super) type Rows = BTreeMap<u32, BTreeMap<String, String>>;

/// Writes a workbook.
///
/// # Errors
/// [`Refusal::Unsupported`] for a text that no cell can hold.
pub(super) fn write(sheets: &[Sheet]) -> Result<Vec<u8>> {
    for sheet in sheets {
        let long = sheet.rows.iter().flatten().find(|text| text.chars().count() > CELL_CHARS_MAX);
        if let Some(text) = long {
            return Err(Refusal::Unsupported {
                what: format!("a text of {} characters in a workbook", text.chars().count()),
                instead: format!("texts of at most {CELL_CHARS_MAX} characters"),
            });
        }
    }
    written(sheets).map_err(Refusal::internal)
}

fn written(sheets: &[Sheet]) -> Result<Vec<u8>, WriteError> {
    let mut book = Workbook::new();
    let bold = Format::new().set_bold();
    for sheet in sheets {
        let out = book.add_worksheet();
        out.set_name(sheet.name)?;
        out.set_freeze_panes(1, 0)?;
        for (column, text) in (0..).zip(&sheet.header) {
            out.write_string_with_format(0, column, text, &bold)?;
        }
        for (row, cells) in (1..).zip(&sheet.rows) {
            // As text, whatever it looks like: no formula comes of a name.
            for (column, text) in (0..).zip(cells).filter(|(_, text)| !text.is_empty()) {
                out.write_string(row, column, text)?;
            }
        }
        out.autofit();
    }
    book.save_to_buffer()
}

/// Reads sheets of a workbook, in the order of `names`; one that is not there is empty.
///
/// # Errors
/// [`Refusal::Invalid`] for what is no such workbook, or is too large.
pub(super) fn read(file: &[u8], names: &[&str]) -> Result<Vec<Rows>> {
    if file.len() > FILE_BYTES_MAX {
        return Err(wrong(format!("{} bytes", file.len())));
    }
    check_unpacked(file)?;
    // A panic of the reader at a file that nobody foresaw is a file that cannot be read.
    catch_unwind(AssertUnwindSafe(|| sheets(file, names)))
        .unwrap_or_else(|_| Err(wrong("it cannot be read".to_owned())))
}

fn wrong(what: String) -> Refusal {
    Refusal::invalid("file", what, ALLOWED)
}

/// What it says of its own size is not believed.
fn check_unpacked(file: &[u8]) -> Result<()> {
    let broken = |e: &dyn std::fmt::Display| wrong(format!("it is no workbook: {e}"));
    let mut archive = zip::ZipArchive::new(Cursor::new(file)).map_err(|e| broken(&e))?;
    let mut left = UNPACKED_BYTES_MAX;
    for i in 0..archive.len() {
        let packed = archive.by_index(i).map_err(|e| broken(&e))?;
        let read = std::io::copy(&mut packed.take(left + 1), &mut std::io::sink());
        let read = read.map_err(|e| broken(&e))?;
        left = left
            .checked_sub(read)
            .ok_or_else(|| wrong(format!("more than {UNPACKED_BYTES_MAX} bytes unpacked")))?;
    }
    Ok(())
}

fn sheets(file: &[u8], names: &[&str]) -> Result<Vec<Rows>> {
    let broken = |e: XlsxError| wrong(format!("it is no workbook: {e}"));
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(file)).map_err(broken)?;
    let there = book.sheet_names();
    let mut read = Vec::with_capacity(names.len());
    for name in names {
        if !there.iter().any(|one| one == name) {
            read.push(Rows::new());
            continue;
        }
        // Cell by cell: a sheet may say that it is as large as a sheet can be.
        let mut cells = book.worksheet_cells_reader(name).map_err(broken)?;
        let mut texts: BTreeMap<u32, BTreeMap<u32, String>> = BTreeMap::new();
        let mut count = 0;
        while let Some(cell) = cells.next_cell().map_err(broken)? {
            let (row, column) = cell.get_position();
            let Some(text) = text(cell.get_value()) else { continue };
            count += 1;
            if column >= COLUMNS_MAX || count > CELLS_MAX {
                return Err(wrong(format!("sheet {name} has more cells than a template")));
            }
            texts.entry(row).or_default().insert(column, text);
        }
        read.push(by_header(texts));
    }
    Ok(read)
}

/// The text of a cell; none if it is empty.
fn text(value: &DataRef<'_>) -> Option<String> {
    let text = match value {
        DataRef::Empty => return None,
        DataRef::String(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(value) => value.to_string(),
        DataRef::Int(value) => value.to_string(),
        // `Display` of a whole number has no point.
        DataRef::Float(value) => value.to_string(),
        DataRef::DateTime(value) => value.to_string(),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::Error(error) => error.to_string(),
    };
    let text = text.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn by_header(mut texts: BTreeMap<u32, BTreeMap<u32, String>>) -> Rows {
    let Some((_, header)) = texts.pop_first() else { return Rows::new() };
    let named = |cells: BTreeMap<u32, String>| {
        let named = cells
            .into_iter()
            .filter_map(|(column, text)| header.get(&column).map(|name| (name.clone(), text)));
        named.collect()
    };
    texts.into_iter().map(|(row, cells)| (row + 1, named(cells))).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn cells_come_back_as_they_were_written() {
        let sheet = Sheet {
            name: "jobs",
            header: vec!["name".to_owned(), "note".to_owned()],
            rows: vec![
                vec!["a".to_owned(), String::new()],
                vec!["=1+1".to_owned(), "Straße, \"x\"\n第二行".to_owned()],
            ],
        };
        let file = write(&[sheet]).expect("a workbook");
        let read = read(&file, &["jobs", "none"]).expect("its rows");
        let row = |cells: &[(&str, &str)]| -> BTreeMap<String, String> {
            cells.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
        };
        let second = row(&[("name", "=1+1"), ("note", "Straße, \"x\"\n第二行")]);
        assert_eq!(read[0], Rows::from([(2, row(&[("name", "a")])), (3, second)]));
        assert!(read[1].is_empty());
    }

    #[test]
    fn what_is_no_workbook_or_too_large_is_refused() {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file("xl/a", zip::write::SimpleFileOptions::default()).expect("a file");
        zip.write_all(&vec![0; 65 << 20]).expect("its content");
        let bomb = zip.finish().expect("a zip").into_inner();
        let mut empty = zip::ZipWriter::new(Cursor::new(Vec::new()));
        empty.start_file("a", zip::write::SimpleFileOptions::default()).expect("a file");
        let empty = empty.finish().expect("a zip").into_inner();
        for (file, wanted) in [
            (b"PK".to_vec(), "no workbook"),
            (empty, "no workbook"),
            (bomb, "unpacked"),
            (vec![0; FILE_BYTES_MAX + 1], "bytes"),
        ] {
            let refusal = read(&file, &["jobs"]).expect_err(wanted).to_string();
            assert!(refusal.contains(wanted), "{refusal}");
        }
        let long = "x".repeat(CELL_CHARS_MAX + 1);
        let sheet = Sheet { name: "s", header: Vec::new(), rows: vec![vec![long]] };
        assert!(matches!(write(&[sheet]), Err(Refusal::Unsupported { .. })));
    }
}
