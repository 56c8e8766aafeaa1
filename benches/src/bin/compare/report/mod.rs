//! The page and the plot.

mod figures;
mod page;
mod svg;
mod table;

use std::fs;
use std::io;
use std::path::Path;

use crate::run::Outcome;

pub(crate) use page::page;

/// Writes both where they are kept.
pub(crate) fn write(directory: &Path, page: &str, outcomes: &[Outcome]) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    fs::write(directory.join("compare.md"), page)?;
    fs::write(directory.join("compare.svg"), svg::plot(&figures::bars(outcomes)))
}
