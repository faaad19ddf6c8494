//! Values of typed columns that are stored as integers: dates, times, durations and decimals.

use super::Cell;

/// The meaning of an integer that stores a date, a time or a duration.
#[derive(Clone, Copy)]
pub(super) enum Clock {
    /// Days since 1970-01-01.
    Days,
    /// Units since 1970-01-01: the number of units per second, and whether the time is in UTC.
    Instant(i64, bool),
    /// Units since midnight, with the number of units per second.
    Midnight(i64),
    /// A duration, with the number of units per second.
    Length(i64),
}

const SECONDS_PER_DAY: i64 = 86_400;

impl Clock {
    /// A date or time as ISO 8601 text; a duration as a number of seconds.
    pub(super) fn cell(self, count: i64) -> Cell {
        Cell::Text(match self {
            Self::Length(parts) => return Cell::Number(count as f64 / parts as f64),
            Self::Days => date(count),
            Self::Midnight(parts) => time(count, parts),
            Self::Instant(parts, in_zone) => {
                let day = parts * SECONDS_PER_DAY;
                let zone = if in_zone { "Z" } else { "" };
                format!("{}T{}{zone}", date(count.div_euclid(day)), time(count.rem_euclid(day), parts))
            }
        })
    }
}

/// The Gregorian date of a number of days since 1970-01-01. Eras of 400 years begin in March, so that a leap day is
/// the last day of a year.
fn date(days: i64) -> String {
    const ERA: i64 = 146_097;
    // Days since 1 March of the year 0.
    let days = days.saturating_add(719_468);
    let (era, day_of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = 400 * era + year_of_era + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The time of day for a count of units, with decimals of the second if they are not zero.
fn time(count: i64, parts: i64) -> String {
    let (seconds, rest) = (count.div_euclid(parts), count.rem_euclid(parts));
    let whole = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if rest == 0 {
        return whole;
    }
    let digits = parts.ilog10() as usize;
    format!("{whole}.{}", format!("{rest:0digits$}").trim_end_matches('0'))
}

/// The nearest float to a decimal: `units` times 10^-scale.
pub(super) fn decimal(units: &str, scale: i32) -> f64 {
    format!("{units}e{}", -scale).parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_written_as_iso_8601_has_them() {
        for (days, written) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (11_016, "2000-02-29"),
            (19_782, "2024-02-29"),
            (19_783, "2024-03-01"),
            (-25_509, "1900-02-28"),
            (-25_508, "1900-03-01"),
        ] {
            assert_eq!(date(days), written);
        }
        let text = |clock: Clock, count| clock.cell(count);
        assert_eq!(
            text(Clock::Instant(1_000, true), 1_709_210_096_500),
            Cell::Text("2024-02-29T12:34:56.5Z".to_owned())
        );
        assert_eq!(text(Clock::Instant(1, false), -1), Cell::Text("1969-12-31T23:59:59".to_owned()));
        assert_eq!(text(Clock::Midnight(1_000_000), 3_723_000_001), Cell::Text("01:02:03.000001".to_owned()));
        assert_eq!(text(Clock::Length(1_000), 1_500), Cell::Number(1.5));
    }

    #[test]
    fn decimals_are_rounded_once() {
        assert_eq!(decimal("123456", 3), 123.456);
        assert_eq!(decimal("-1", 40), -1e-40);
        assert_eq!(decimal("170141183460469231731687303715884105727", 0), 1.701_411_834_604_692_3e38);
    }
}
