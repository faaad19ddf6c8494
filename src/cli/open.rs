//! `lawfit open`: opens the report of a spec in the browser.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use clap::Args;

use super::Exit;
use super::screen::Screen;
use crate::plan::SpecFile;

/// Open the report of a spec in the browser.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The spec file.
    #[arg(value_name = "SPEC")]
    spec: PathBuf,
    /// Folder for reports, with a subfolder for each spec.
    #[arg(long, value_name = "DIR", default_value = "outputs")]
    out: PathBuf,
    /// Print the path of the page without opening it.
    #[arg(long)]
    print: bool,
}

/// Programs that open a page, one for each operating system, with the arguments before the page.
const OPENERS: [&[&str]; 3] = [&["xdg-open"], &["open"], &["cmd", "/C", "start", ""]];

pub(super) fn run(arguments: &Arguments, screen: &Screen) -> Exit {
    let stem = SpecFile { path: arguments.spec.clone(), bytes: Vec::new() }.stem();
    let folder = arguments.out.join(stem);
    let Some(page) = ["report.html", "report.md"].map(|name| folder.join(name)).into_iter().find(|page| page.exists())
    else {
        let hint = format!("`lawfit run {}` writes it", arguments.spec.display());
        screen.error(&format!("there is no report in {}", folder.display()), &[hint]);
        return Exit::BadSpec;
    };
    if arguments.print {
        super::output::print_line(page.display());
        return Exit::Done;
    }
    let asked = std::env::var("BROWSER").ok().filter(|browser| !browser.is_empty());
    let own: Option<Vec<&str>> = asked.as_deref().map(|browser| vec![browser]);
    let openers = own.into_iter().chain(OPENERS.map(<[&str]>::to_vec));
    for opener in openers {
        let [program, before @ ..] = opener.as_slice() else { continue };
        let opened = Command::new(program)
            .args(before)
            .arg(&page)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if opened.is_ok_and(|status| status.success()) {
            return Exit::Done;
        }
    }
    let hint = format!("open {} yourself, or name a browser in the variable BROWSER", page.display());
    screen.error("no program was found that opens pages", &[hint]);
    Exit::Internal
}
