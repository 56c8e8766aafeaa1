//! A table in Markdown.

/// Cells by row, the header first. Rows may be short.
pub(super) fn markdown(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut out = line(header.iter().copied());
    // All but the first column are figures.
    let rules = (0..header.len()).map(|column| if column == 0 { "---" } else { "---:" });
    out += &line(rules);
    for row in rows {
        let cells = row.iter().map(String::as_str).chain(std::iter::repeat("–"));
        out += &line(cells.take(header.len()));
    }
    out
}

fn line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let mut out = String::from("|");
    for cell in cells {
        out.push(' ');
        out.push_str(&cell.replace('|', "\\|"));
        out.push_str(" |");
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_as_many_cells_as_the_header() {
        let rows =
            [vec!["部屋".to_owned(), "1".to_owned(), "x".to_owned()], vec!["a|b".to_owned()]];
        let table = markdown(&["room", "members"], &rows);
        assert_eq!(table, "| room | members |\n| --- | ---: |\n| 部屋 | 1 |\n| a\\|b | – |\n");
    }
}
