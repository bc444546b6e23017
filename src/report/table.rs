//! Tables: captions, header cells, bars within cells, matrices shaded by value.

use maud::{Markup, Render, html};

use super::{Text, count, fixed, percent};

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    head: Text,
    number: bool,
}

impl Column {
    /// A column of words, set to the left.
    #[must_use]
    pub fn text(head: Text) -> Self {
        Self { head, number: false }
    }

    /// A column of numbers, set to the right.
    #[must_use]
    pub fn number(head: Text) -> Self {
        Self { head, number: true }
    }
}

/// A cell.
#[derive(Debug, Clone)]
pub struct Cell {
    content: Markup,
    head: bool,
    class: &'static str,
}

impl Cell {
    /// Words.
    #[must_use]
    pub fn text(words: &Text) -> Self {
        Self::markup(words.render())
    }

    /// Words that read the same in both languages, such as a code or a number that is formatted already.
    #[must_use]
    pub fn plain(words: impl AsRef<str>) -> Self {
        Self::markup(html! { (words.as_ref()) })
    }

    /// A code: an id, a file's path.
    #[must_use]
    pub fn code(words: impl AsRef<str>) -> Self {
        Self::markup(html! { code { (words.as_ref()) } })
    }

    /// Whatever it is.
    #[must_use]
    pub fn markup(content: Markup) -> Self {
        Self { content, head: false, class: "" }
    }

    /// The cell that names its row.
    #[must_use]
    pub fn head(words: &Text) -> Self {
        Self { content: words.render(), head: true, class: "" }
    }

    /// The cell that names its row, whatever it is.
    #[must_use]
    pub fn markup_head(content: Markup) -> Self {
        Self { content, head: true, class: "" }
    }

    /// The cell that names its row, with a line in small print below.
    #[must_use]
    pub fn head_with(words: &Text, below: &Text) -> Self {
        Self { content: html! { (words) span.sub { (below) } }, head: true, class: "" }
    }

    /// A whole number.
    #[must_use]
    pub fn count(value: u64) -> Self {
        Self::plain(count(value))
    }

    /// A number with so many decimals; a dash if there is none.
    #[must_use]
    pub fn number(value: f64, places: usize) -> Self {
        Self::plain(fixed(value, places))
    }

    /// A share as a percentage.
    #[must_use]
    pub fn percent(share: f64) -> Self {
        Self::plain(percent(share))
    }

    /// A number with a bar behind it; `share` of the bar's full length, from 0 to 1.
    #[must_use]
    pub fn bar(shown: impl AsRef<str>, share: f64) -> Self {
        let width = if share.is_finite() { share.clamp(0.0, 1.0) * 100.0 } else { 0.0 };
        let style = format!("width:{width:.1}%");
        Self::markup(html! { (shown.as_ref()) span.track aria-hidden="true" { i style=(style) {} } })
    }

    /// Whether something holds, in words and in colour.
    #[must_use]
    pub fn verdict(good: bool, words: &Text) -> Self {
        Self { content: words.render(), head: false, class: if good { "good" } else { "bad" } }
    }
}

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    caption: Text,
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    total: Option<Vec<Cell>>,
}

impl Table {
    /// A table with a caption and columns.
    #[must_use]
    pub fn new(caption: Text, columns: impl IntoIterator<Item = Column>) -> Self {
        Self { caption, columns: columns.into_iter().collect(), rows: Vec::new(), total: None }
    }

    /// Adds a row, one cell a column.
    #[must_use]
    pub fn row(mut self, cells: impl IntoIterator<Item = Cell>) -> Self {
        self.push(cells);
        self
    }

    /// Adds a row, one cell a column.
    pub fn push(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The row at the foot.
    #[must_use]
    pub fn total(mut self, cells: impl IntoIterator<Item = Cell>) -> Self {
        self.total = Some(cells.into_iter().collect());
        self
    }

    /// Whether it has no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn cells(&self, row: &[Cell]) -> Markup {
        html! {
            tr {
                @for (cell, column) in row.iter().zip(&self.columns) {
                    @let class = match (column.number, cell.class) {
                        (true, "") => Some("num"),
                        (false, "") => None,
                        (_, class) => Some(class),
                    };
                    @if cell.head { th scope="row" class=[class] { (cell.content) } }
                    @else { td class=[class] { (cell.content) } }
                }
            }
        }
    }

    /// The table, in a box of its own that scrolls where the page is narrow.
    #[must_use]
    pub fn render(&self) -> Markup {
        html! {
            // Reached by the keyboard, so that it can be scrolled by it.
            div.scroll tabindex="0" role="region" aria-label=(self.caption.plain()) {
                // Few columns side by side, not at the two ends of the page.
                table class=[(self.columns.len() < 4).then_some("narrow")] {
                    caption { (self.caption) }
                    thead {
                        tr { @for c in &self.columns { th scope="col" class=[c.number.then_some("num")] { (c.head) } } }
                    }
                    tbody { @for row in &self.rows { (self.cells(row)) } }
                    @if let Some(total) = &self.total { tfoot { (self.cells(total)) } }
                }
            }
        }
    }
}

/// A matrix whose cells are shaded by their values.
#[derive(Debug, Clone)]
pub struct Matrix {
    caption: Text,
    corner: Text,
    columns: Vec<Text>,
    rows: Vec<(Text, Vec<MatrixCell>)>,
}

/// A cell of a matrix.
#[derive(Debug, Clone)]
pub struct MatrixCell {
    /// What is read.
    pub shown: String,
    /// How strongly it is shaded: 0 not at all, 1 or −1 fully, negative in the second colour.
    pub weight: f64,
}

impl Matrix {
    /// A matrix; `corner` says what rows and columns are ("from ↓ to →").
    #[must_use]
    pub fn new(caption: Text, corner: Text, columns: impl IntoIterator<Item = Text>) -> Self {
        Self { caption, corner, columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    /// Adds a row, one cell a column.
    pub fn push(&mut self, head: Text, cells: impl IntoIterator<Item = MatrixCell>) {
        self.rows.push((head, cells.into_iter().collect()));
    }

    /// The matrix, in a box of its own that scrolls where the page is narrow.
    #[must_use]
    pub fn render(&self) -> Markup {
        let cell = |cell: &MatrixCell| {
            let weight = if cell.weight.is_finite() { cell.weight.clamp(-1.0, 1.0) } else { 0.0 };
            let share = (weight.abs() * 88.0).round() as i32;
            let class = match (weight < 0.0, share > 55) {
                (false, false) => "num",
                (false, true) => "num dark",
                (true, false) => "num low",
                (true, true) => "num low dark",
            };
            let style = (share > 0).then(|| format!("--w:{share}%"));
            html! { td class=(class) style=[style] { (cell.shown) } }
        };
        html! {
            div.scroll tabindex="0" role="region" aria-label=(self.caption.plain()) {
                table.matrix {
                    caption { (self.caption) }
                    thead {
                        tr {
                            th scope="col" { (self.corner) }
                            @for column in &self.columns { th scope="col" class="num" { (column) } }
                        }
                    }
                    tbody {
                        @for (head, cells) in &self.rows { tr { th scope="row" { (head) } @for c in cells { (cell(c)) } } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text;

    #[test]
    fn a_table_says_what_its_cells_are() {
        let table = Table::new(
            text("表", "Table"),
            [Column::text(text("段", "Segment")), Column::number(text("人", "Members"))],
        )
        .row([Cell::head(&Text::same("<a>")), Cell::count(1234)])
        .row([Cell::head(&Text::same("b")), Cell::bar("5", 0.5)])
        .total([Cell::head(&text("合计", "All")), Cell::count(1239)]);
        let markup = table.render().0;
        for part in [
            "<caption>",
            r#"<th scope="col" class="num">"#,
            r#"<th scope="row">&lt;a&gt;</th>"#,
            "1,234",
            "width:50.0%",
            "<tfoot>",
        ] {
            assert!(markup.contains(part), "{part} in {markup}");
        }
    }

    #[test]
    fn a_matrix_is_shaded() {
        let mut matrix = Matrix::new(text("迁移", "Moves"), Text::same("↓ →"), [Text::same("a")]);
        matrix.push(Text::same("a"), [MatrixCell { shown: "9".into(), weight: 1.0 }]);
        matrix.push(Text::same("b"), [MatrixCell { shown: "0".into(), weight: f64::NAN }]);
        matrix.push(Text::same("c"), [MatrixCell { shown: "−1".into(), weight: -0.25 }]);
        let markup = matrix.render().0;
        for part in [
            r#"<td class="num dark" style="--w:88%">9"#,
            r#"<td class="num">0"#,
            r#"<td class="num low" style="--w:22%">"#,
        ] {
            assert!(markup.contains(part), "{part} in {markup}");
        }
    }
}
