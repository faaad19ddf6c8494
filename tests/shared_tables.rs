//! Every real table beside the repository is read whole, with every column that it has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lawfit::source::{Cell, Format, Limits, Options, SourceError, read};

use crate::world::shared_data;

/// The rows of each file as DATA.md counts them: a section for each folder, with tables of `| file | rows | ...`.
fn counted(folder: &Path) -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(folder.join("DATA.md")).unwrap();
    let (mut section, mut all) = (String::new(), BTreeMap::new());
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            title.split(' ').next().unwrap_or_default().clone_into(&mut section);
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let ["", file, rows, ..] = cells.as_slice()
            && let Ok(rows) = rows.replace(',', "").parse()
        {
            all.insert(format!("{section}/{file}"), rows);
        }
    }
    all
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push(path);
        }
    }
    all.sort();
    all
}

/// The names of a table's columns: those that an error lists, with the rest found by asking again beside them.
fn columns(bytes: &[u8], format: Format) -> Vec<String> {
    let none = ["no column has this name".to_owned()];
    match read(bytes.to_vec(), format, &none, &Options::default(), &Limits::USUAL) {
        Err(SourceError::NoColumn { known, .. }) => known,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_table_that_is_shared_is_read_with_all_its_rows_and_columns() {
    let Some(folder) = shared_data("every_table_that_is_shared_is_read_with_all_its_rows_and_columns") else { return };
    let counted = counted(&folder);
    let mut seen = 0;
    for path in files(&folder) {
        let name = path.strip_prefix(&folder).unwrap().to_string_lossy().into_owned();
        let Some(format) = Format::of_name(&name) else { continue };
        let bytes = std::fs::read(&path).unwrap();
        let columns = columns(&bytes, format);
        let table = read(bytes, format, &columns, &Options::default(), &Limits::USUAL).unwrap();
        let rows = table[0].len();
        assert!(table.iter().all(|column| column.len() == rows) && rows > 0, "{name}");
        assert!(table.iter().flatten().any(|cell| matches!(cell, Cell::Number(_))), "{name} has numbers");
        // What is packed has the rows of the same file unpacked.
        if let Some(wanted) = counted.get(&name).or_else(|| counted.get(name.trim_end_matches(".gz"))) {
            assert_eq!(rows, *wanted, "{name}");
            seen += 1;
        }
    }
    assert!(seen > 50, "DATA.md counts the rows of the files: {seen}");
}
