//! Files compressed with gzip and zip, some of them in ways that no usual program would use.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

/// Bytes compressed with gzip.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// A small gzip file with `before` and then many mebibytes of repeated letters: one gzip member, repeated.
pub(super) fn gzip_bomb(mebibytes: usize, letters: &[u8], before: &[u8]) -> Vec<u8> {
    let part = gzip(&letters.repeat((16 << 20) / letters.len()));
    [gzip(before), part.repeat(mebibytes / 16)].concat()
}

/// A zip archive of files. If `claims` is given, the headers have it as the size of each file instead of the true
/// size.
pub(super) fn zip(files: &[(&str, &[u8])], claims: Option<u32>) -> Vec<u8> {
    let mut all = Vec::new();
    let mut directory = Vec::new();
    for (name, bytes) in files {
        let mut packer = DeflateEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(bytes).unwrap();
        let packed = packer.finish().unwrap();
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        let at = all.len() as u32;
        let mut head: Vec<u8> = Vec::new();
        for part in [20_u16, 0, 8, 0, 33] {
            head.extend(part.to_le_bytes());
        }
        for part in [crc.sum(), packed.len() as u32, claims.unwrap_or(bytes.len() as u32)] {
            head.extend(part.to_le_bytes());
        }
        head.extend((name.len() as u16).to_le_bytes());
        head.extend(0_u16.to_le_bytes());
        all.extend(b"PK\x03\x04");
        all.extend(&head);
        all.extend(name.as_bytes());
        all.extend(packed);
        directory.extend(b"PK\x01\x02");
        directory.extend(20_u16.to_le_bytes());
        directory.extend(&head);
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let at = all.len() as u32;
    all.extend(&directory);
    all.extend(b"PK\x05\x06");
    all.extend([0; 4]);
    for _ in 0..2 {
        all.extend((files.len() as u16).to_le_bytes());
    }
    all.extend((directory.len() as u32).to_le_bytes());
    all.extend(at.to_le_bytes());
    all.extend([0; 2]);
    all
}

/// An Excel workbook with one sheet, with rows given as XML.
pub(super) fn xlsx(rows: &str) -> Vec<u8> {
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006";
    let types = format!(
        "<Types xmlns=\"{package}/content-types\"><Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
         <Override PartName=\"/xl/workbook.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml\"/></Types>"
    );
    let relations = |kind: &str, target: &str| {
        format!(
            "<Relationships xmlns=\"{package}/relationships\"><Relationship Id=\"rId1\" Type=\"{office}/{kind}\" Target=\"{target}\"/></Relationships>"
        )
    };
    let book = format!(
        "<workbook xmlns=\"{main}\" xmlns:r=\"{office}\"><sheets><sheet name=\"Runs\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
    );
    let sheet = format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>");
    let [to_book, to_sheet] =
        [relations("officeDocument", "xl/workbook.xml"), relations("worksheet", "worksheets/sheet1.xml")];
    let files: [(&str, &[u8]); 5] = [
        ("[Content_Types].xml", types.as_bytes()),
        ("_rels/.rels", to_book.as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", to_sheet.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ];
    zip(&files, None)
}

/// A LibreOffice workbook with one sheet, with rows given as XML.
pub(super) fn ods(rows: &str) -> Vec<u8> {
    let space = |name: &str| format!("xmlns:{name}=\"urn:oasis:names:tc:opendocument:xmlns:{name}:1.0\"");
    let spaces = ["office", "table", "text"].map(space).join(" ");
    let content = format!(
        "<?xml version=\"1.0\"?><office:document-content {spaces}><office:body><office:spreadsheet>\
         <table:table table:name=\"Runs\">{rows}</table:table></office:spreadsheet></office:body></office:document-content>"
    );
    let manifest = "<?xml version=\"1.0\"?><manifest:manifest xmlns:manifest=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\"/>";
    let files: [(&str, &[u8]); 3] = [
        ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        ("META-INF/manifest.xml", manifest.as_bytes()),
        ("content.xml", content.as_bytes()),
    ];
    zip(&files, None)
}
