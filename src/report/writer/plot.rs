//! The main figure as characters for a terminal, drawn from the data file of the figure.

use crate::numerics::ln;
use crate::report::words::number;

/// Height of the plot in lines.
const LINES: usize = 14;
/// Maximum width of the plot in characters.
const WIDEST: usize = 84;
/// Characters left of the plot: a number and the axis.
const LEFT: usize = 11;

/// The series of points and their marks; later ones cover earlier ones.
const MARKS: [(&str, char); 3] = [("fitted", 'o'), ("held out", 'x'), ("answer", '◆')];

/// A row of the table: its series and position.
struct Place<'a> {
    series: &'a str,
    x: f64,
    y: f64,
}

/// The plot of a table as lines of at most `width` characters; `None` if there is nothing to draw.
pub(super) fn plot(table: &str, width: usize) -> Option<Vec<String>> {
    let rows: Vec<Vec<String>> = table.lines().map(cells).collect();
    let [names, rows @ ..] = rows.as_slice() else { return None };
    let at = |name: &str| names.iter().position(|known| known == name);
    let (series, x, y) = (at("series")?, at("x")?, at("y")?);
    let place = |row: &'_ Vec<String>| {
        let number = |at: usize| row.get(at)?.parse::<f64>().ok().filter(|value| *value > 0.0);
        Some((row.get(series)?.clone(), number(x)?, number(y)?))
    };
    let places: Vec<(String, f64, f64)> = rows.iter().filter_map(place).collect();
    let places: Vec<Place<'_>> = places.iter().map(|(series, x, y)| Place { series, x: *x, y: *y }).collect();
    let first = rows.first()?;
    let name = |column: &str| at(column).and_then(|at| first.get(at)).cloned().unwrap_or_default();
    Canvas::of(places, width.saturating_sub(LEFT + 2).min(WIDEST))?.lines(&name("x_name"), &name("y_name"))
}

/// The cells of a line of comma-separated values.
fn cells(line: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let (mut quoted, mut letters) = (false, line.chars().peekable());
    while let Some(letter) = letters.next() {
        let last = all.len() - 1;
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                all[last].push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => all.push(String::new()),
            letter => all[last].push(letter),
        }
    }
    all
}

/// A grid of characters, each of which holds two by four dots of a line.
struct Canvas<'a> {
    places: Vec<Place<'a>>,
    columns: usize,
    /// Low and high ends of both axes, as logarithms.
    x: (f64, f64),
    y: (f64, f64),
}

impl<'a> Canvas<'a> {
    fn of(places: Vec<Place<'a>>, columns: usize) -> Option<Self> {
        let is_drawn = |place: &&Place<'_>| mark(place.series).is_some() || is_law(place.series);
        let span = |of: &dyn Fn(&Place<'_>) -> f64| {
            let logs = places.iter().filter(is_drawn).map(|place| ln(of(place)));
            let (low, high) =
                logs.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), log| (low.min(log), high.max(log)));
            (high > low).then_some((low, high))
        };
        let (x, y) = (span(&|place| place.x)?, span(&|place| place.y)?);
        let has_rows = places.iter().any(|place| mark(place.series).is_some());
        (has_rows && columns > 20).then_some(Self { places, columns, x, y })
    }

    /// The position of a row on a grid of `across` by `up` dots.
    fn dot(&self, place: &Place<'_>, across: usize, up: usize) -> (usize, usize) {
        let share = |value: f64, (low, high): (f64, f64)| ((ln(value) - low) / (high - low)).clamp(0.0, 1.0);
        let column = share(place.x, self.x) * (across - 1) as f64;
        let row = (1.0 - share(place.y, self.y)) * (up - 1) as f64;
        (column.round() as usize, row.round() as usize)
    }

    fn lines(&self, x_name: &str, y_name: &str) -> Option<Vec<String>> {
        let mut grid = vec![vec![' '; self.columns]; LINES];
        for (column, row) in self.law() {
            // Braille: the dots of a character are its bits.
            const BITS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
            let cell = &mut grid[row / 4][column / 2];
            let dots = if *cell == ' ' { 0x2800 } else { u32::from(*cell) };
            *cell = char::from_u32(dots | BITS[row % 4][column % 2])?;
        }
        for (_, sign) in MARKS {
            for place in self.places.iter().filter(|place| mark(place.series) == Some(sign)) {
                let (column, row) = self.dot(place, self.columns, LINES);
                grid[row][column] = sign;
            }
        }
        let end = |log: f64| crate::numeral::trimmed(&number(crate::numerics::exp(log)));
        let mut lines = vec![format!("  {y_name}")];
        for (at, row) in grid.iter().enumerate() {
            let value = if at == 0 {
                end(self.y.1)
            } else if at == LINES - 1 {
                end(self.y.0)
            } else {
                String::new()
            };
            let row: String = row.iter().collect();
            lines.push(format!("{value:>pad$} │{}", row.trim_end(), pad = LEFT - 2));
        }
        lines.push(format!("{:>pad$} └{}", "", "─".repeat(self.columns), pad = LEFT - 2));
        let (low, high) = (end(self.x.0), end(self.x.1));
        let room = self.columns.saturating_sub(low.chars().count() + high.chars().count());
        let name: String = x_name.chars().take(room.saturating_sub(4)).collect();
        lines.push(format!("{:LEFT$}{low}{name:^room$}{high}", ""));
        let seen = |(word, sign): &(&str, char)| {
            let is = self.places.iter().any(|place| mark(place.series) == Some(*sign));
            is.then(|| format!("{sign} {word}"))
        };
        let law = self.places.iter().any(|place| is_law(place.series)).then(|| "⠒ law".to_owned());
        lines.push(format!("{:LEFT$}{}", "", MARKS.iter().filter_map(seen).chain(law).collect::<Vec<_>>().join("   ")));
        Some(lines)
    }

    /// The dots of the law's curve, without gaps between its points.
    fn law(&self) -> Vec<(usize, usize)> {
        let mut dots = Vec::new();
        let mut last: Option<(&str, (usize, usize))> = None;
        for place in self.places.iter().filter(|place| is_law(place.series)) {
            let next = self.dot(place, 2 * self.columns, 4 * LINES);
            if let Some((_, from)) = last.filter(|(series, _)| *series == place.series) {
                let steps = from.0.abs_diff(next.0).max(from.1.abs_diff(next.1)).max(1);
                let between = |a: usize, b: usize, step: usize| {
                    (a as f64 + (b as f64 - a as f64) * step as f64 / steps as f64).round() as usize
                };
                dots.extend((0..steps).map(|step| (between(from.0, next.0, step), between(from.1, next.1, step))));
            }
            dots.push(next);
            last = Some((place.series, next));
        }
        dots
    }
}

/// The mark of a series of points.
fn mark(series: &str) -> Option<char> {
    MARKS.iter().find(|(word, _)| series.starts_with(word)).map(|(_, sign)| *sign)
}

/// Whether a series is the curve of a law, or the line of equal prediction and observation.
fn is_law(series: &str) -> bool {
    series.starts_with("law") || series == "equal"
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "plot,series,x_name,y_name,x,y,lower,upper,run\n\
        ,range of fitted rows,N (parameters),L,1,,,,\n\
        ,\"law, best split\",N (parameters),L,1,8,,,\n,\"law, best split\",N (parameters),L,100,2,,,\n\
        ,fitted (2),N (parameters),L,1,8,,,0\n,fitted (2),N (parameters),L,10,4,,,1\n\
        ,answer: next,N (parameters),L,100,2,1.9,2.1,\n";

    #[test]
    fn rows_answers_and_the_law_stand_where_they_are() {
        let lines = plot(TABLE, 60).unwrap();
        assert!(lines.iter().all(|line| line.chars().count() <= 60), "{lines:#?}");
        let letters = |line: usize| lines[line].chars().collect::<Vec<_>>();
        // The first row lies at the upper left corner, the second in the middle, the answer at the lower right.
        assert_eq!(letters(1)[LEFT], 'o', "{lines:#?}");
        assert_eq!(letters(LINES).last(), Some(&'◆'), "{lines:#?}");
        let middle: Vec<usize> = (2..LINES).filter(|&line| letters(line).contains(&'o')).collect();
        assert!(middle.len() == 1 && (6..=9).contains(&middle[0]), "{lines:#?}");
        assert!(lines[1].starts_with("        8") && lines[LINES].starts_with("        2"));
        assert!(lines.iter().any(|line| line.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c))), "the law");
        assert!(lines.last().unwrap().contains("o fitted   ◆ answer   ⠒ law"), "{lines:#?}");
    }

    #[test]
    fn there_is_no_plot_without_rows_or_room() {
        assert!(plot("plot,series,x_name,y_name,x,y\n,law,a,b,1,2\n,law,a,b,2,3\n", 80).is_none());
        assert!(plot(TABLE, 25).is_none());
        assert!(plot("", 80).is_none());
    }

    #[test]
    fn a_quoted_cell_is_one_cell() {
        assert_eq!(cells("a,\"b, \"\"c\"\"\",,d"), ["a", "b, \"c\"", "", "d"]);
    }
}
