//! The upright axis of a plot in SVG, on a logarithmic scale.

use std::fmt::Write as _;

/// From a power of ten at the bottom to another at the top.
#[derive(Debug)]
pub struct LogAxis {
    least: i32,
    most: i32,
    bottom: f64,
    top: f64,
}

impl LogAxis {
    /// An axis between two heights of the drawing on which all `values` above zero have their place.
    pub fn of(values: impl Iterator<Item = f64>, bottom: f64, top: f64) -> Self {
        let powers: Vec<_> = values.filter(|value| *value > 0.0).map(f64::log10).collect();
        let least = powers.iter().copied().reduce(f64::min).unwrap_or(0.0).floor() as i32;
        let most = powers.iter().copied().fold(f64::from(least) + 1.0, f64::max).ceil() as i32;
        Self { least, most, bottom, top }
    }

    /// Where a value is drawn; what is below the axis, at its bottom.
    pub fn y(&self, value: f64) -> f64 {
        let share = (value.max(f64::MIN_POSITIVE).log10() - f64::from(self.least))
            / f64::from(self.most - self.least);
        self.bottom - share.clamp(0.0, 1.0) * (self.bottom - self.top)
    }

    /// Draws a line from `left` to `right` for each 1, 2 and 5 of each power, named by `label`.
    pub fn draw(&self, out: &mut String, left: f64, right: f64, label: impl Fn(f64) -> String) {
        let values = (self.least..=self.most)
            .flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)))
            .filter(|value| *value <= 10_f64.powi(self.most) * 1.001);
        for value in values {
            let y = self.y(value);
            let _ = writeln!(
                out,
                "<line x1=\"{left}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" stroke=\"#dddddd\"/>\
                 <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                left - 6.0,
                y + 4.0,
                label(value)
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_spans_what_there_is() {
        let axis = LogAxis::of([0.2, 42.0, 0.0].into_iter(), 400.0, 100.0);
        assert_eq!((axis.least, axis.most), (-1, 2));
        assert!((axis.y(0.1) - 400.0).abs() < 0.01 && (axis.y(100.0) - 100.0).abs() < 0.01);
        assert!(axis.y(1.0) > axis.y(2.0));
        assert!((axis.y(0.0) - 400.0).abs() < 0.01, "nothing is drawn below the ground");
        let mut out = String::new();
        axis.draw(&mut out, 50.0, 900.0, |value| format!("{value} µs"));
        assert_eq!(out.matches("<line ").count(), 10);
        assert!(out.contains(">0.1 µs</text>") && out.contains(">100 µs</text>"));
        assert!(!out.contains(">200 µs</text>"));
    }

    #[test]
    fn of_nothing_it_is_an_axis_still() {
        let axis = LogAxis::of(std::iter::empty(), 400.0, 100.0);
        assert_eq!((axis.least, axis.most), (0, 1));
    }
}
