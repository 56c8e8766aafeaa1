//! The plot: a line for each thing that is timed, on logarithmic scales.

use std::fmt::Write as _;

use crate::SIZES;
use crate::rules::Series;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 440.0;
/// The drawn part.
const LEFT: f64 = 72.0;
const RIGHT: f64 = WIDTH - 28.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = HEIGHT - 48.0;

const COLOURS: [&str; 5] = ["#1f5fa8", "#9fc3e8", "#b3541e", "#3c8c50", "#7d5ba6"];

/// Draws nanoseconds over members.
pub(super) fn plot(series: &[Series]) -> String {
    let scale = Scale::of(series);
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\">Nanoseconds in the engine, by members in all \
         (rooms of ten; logarithmic)</text>"
    );
    grid(&mut out, &scale);
    for (place, (series, colour)) in series.iter().zip(COLOURS.iter().cycle()).enumerate() {
        legend(&mut out, place, series.name, colour);
        line(&mut out, &scale, series, colour);
    }
    out + "</svg>\n"
}

/// From a power of ten to another.
struct Scale {
    least: i32,
    most: i32,
}

impl Scale {
    fn of(series: &[Series]) -> Self {
        let values = series.iter().flat_map(|series| &series.nanos).copied();
        let powers: Vec<_> = values.filter(|value| *value > 0.0).map(f64::log10).collect();
        let least = powers.iter().copied().fold(2.0, f64::min).floor() as i32;
        let most = powers.iter().copied().fold(f64::from(least) + 1.0, f64::max).ceil() as i32;
        Self { least, most }
    }

    fn y(&self, value: f64) -> f64 {
        let share = (value.max(f64::MIN_POSITIVE).log10() - f64::from(self.least))
            / f64::from(self.most - self.least);
        BOTTOM - share.clamp(0.0, 1.0) * (BOTTOM - TOP)
    }
}

/// Where a size stands: they are a power of ten apart.
fn x(place: usize) -> f64 {
    LEFT + 24.0 + (RIGHT - LEFT - 48.0) * place as f64 / (SIZES.len() - 1) as f64
}

/// A line for each 1, 2 and 5 of each power, and the sizes.
fn grid(out: &mut String, scale: &Scale) {
    let values = (scale.least..=scale.most)
        .flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)))
        .filter(|value| *value <= 10_f64.powi(scale.most) * 1.001);
    for value in values {
        let y = scale.y(value);
        let _ = writeln!(
            out,
            "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{RIGHT}\" y2=\"{y:.1}\" stroke=\"#dddddd\"/>\
             <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{value} ns</text>",
            LEFT - 6.0,
            y + 4.0
        );
    }
    for (place, size) in SIZES.iter().enumerate() {
        let (x, y) = (x(place), BOTTOM + 18.0);
        let _ = writeln!(
            out,
            "<text x=\"{x:.1}\" y=\"{y:.0}\" text-anchor=\"middle\">{size} members</text>"
        );
    }
}

fn legend(out: &mut String, place: usize, name: &str, colour: &str) {
    let left = LEFT + 172.0 * place as f64;
    let _ = writeln!(
        out,
        "<rect x=\"{left:.0}\" y=\"34\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\
         <text x=\"{:.0}\" y=\"44\">{name}</text>",
        left + 17.0
    );
}

fn line(out: &mut String, scale: &Scale, series: &Series, colour: &str) {
    let points = series.nanos.iter().enumerate().map(|(place, nanos)| (x(place), scale.y(*nanos)));
    let joined: Vec<_> = points.clone().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = writeln!(
        out,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
        joined.join(" ")
    );
    for (((x, y), nanos), size) in points.zip(&series.nanos).zip(SIZES) {
        let _ = writeln!(
            out,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\">\
             <title>{}, {size} members: {nanos:.0} ns</title></circle>",
            series.name
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_drawn_and_named() {
        let series = [
            Series { name: "relay", nanos: vec![150.0, 160.0, 155.0, 170.0, 180.0] },
            Series { name: "join", nanos: vec![1500.0; 5] },
        ];
        let plot = plot(&series);
        assert_eq!(plot.matches("<title>").count(), 10);
        assert_eq!(plot.matches("<polyline ").count(), 2);
        assert!(plot.contains("<title>relay, 100000 members: 180 ns</title>"));
        assert!(plot.starts_with("<svg ") && plot.ends_with("</svg>\n"));
        assert!(!plot.contains("NaN") && !plot.contains("inf"));
    }

    #[test]
    fn the_scale_spans_what_there_is() {
        let scale = Scale::of(&[Series { name: "relay", nanos: vec![150.0, 4200.0] }]);
        assert_eq!((scale.least, scale.most), (2, 4));
        assert!((scale.y(100.0) - BOTTOM).abs() < 0.01 && (scale.y(10_000.0) - TOP).abs() < 0.01);
        assert!(!plot(&[]).contains("NaN"));
    }
}
