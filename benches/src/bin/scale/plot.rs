//! The plot: a panel for each part, and in it a line for each thing that is timed, on logarithmic scales.

use std::fmt::Write as _;

use benches::log_axis::LogAxis;

use crate::SIZES;

/// One line of the plot: nanoseconds at each of the sizes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    pub(super) name: &'static str,
    /// Of two lines of one name and one colour, the second.
    pub(super) dashed: bool,
    pub(super) nanos: Vec<f64>,
}

/// Several lines on one scale.
pub(super) struct Panel<'a> {
    pub(super) title: &'a str,
    pub(super) series: &'a [Series],
}

const WIDTH: f64 = 960.0;
/// Of a panel.
const HEIGHT: f64 = 440.0;
/// The drawn part.
const LEFT: f64 = 72.0;
const RIGHT: f64 = WIDTH - 28.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = HEIGHT - 48.0;
/// From its sides to the first and the last point.
const INSET: f64 = 36.0;

const COLOURS: [&str; 5] = ["#1f5fa8", "#9fc3e8", "#b3541e", "#3c8c50", "#7d5ba6"];

/// Draws nanoseconds over members, the panels one below the other.
pub(super) fn plot(panels: &[Panel<'_>]) -> String {
    let height = HEIGHT * panels.len() as f64;
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>"
    );
    for (place, panel) in panels.iter().enumerate() {
        let _ = writeln!(out, "<g transform=\"translate(0 {})\">", HEIGHT * place as f64);
        panel.draw(&mut out);
        out += "</g>\n";
    }
    out + "</svg>\n"
}

impl Panel<'_> {
    fn draw(&self, out: &mut String) {
        let nanos = self.series.iter().flat_map(|series| &series.nanos);
        let axis = LogAxis::of(nanos.copied(), BOTTOM, TOP);
        let title = self.title;
        let _ = writeln!(out, "<text x=\"{LEFT}\" y=\"22\" font-size=\"15\">{title}</text>");
        axis.draw(out, LEFT, RIGHT, time);
        sizes(out);
        let full = self.series.iter().filter(|series| !series.dashed);
        let names: Vec<_> = full.map(|series| series.name).collect();
        for (place, (name, colour)) in names.iter().zip(COLOURS.iter().cycle()).enumerate() {
            let left = LEFT + (RIGHT - LEFT) * place as f64 / names.len() as f64;
            legend(out, left, name, colour);
            for series in self.series.iter().filter(|series| series.name == *name) {
                line(out, &axis, series, colour);
            }
        }
    }
}

/// Where a size stands: they are a power of ten apart.
fn x(place: usize) -> f64 {
    LEFT + INSET + (RIGHT - LEFT - 2.0 * INSET) * place as f64 / (SIZES.len() - 1) as f64
}

fn sizes(out: &mut String) {
    for (place, size) in SIZES.iter().enumerate() {
        let (x, y) = (x(place), BOTTOM + 18.0);
        let _ = writeln!(
            out,
            "<text x=\"{x:.1}\" y=\"{y:.0}\" text-anchor=\"middle\">{size} members</text>"
        );
    }
}

fn legend(out: &mut String, left: f64, name: &str, colour: &str) {
    let _ = writeln!(
        out,
        "<rect x=\"{left:.0}\" y=\"34\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\
         <text x=\"{:.0}\" y=\"44\">{name}</text>",
        left + 17.0
    );
}

fn line(out: &mut String, axis: &LogAxis, series: &Series, colour: &str) {
    let points = series.nanos.iter().enumerate().map(|(place, nanos)| (x(place), axis.y(*nanos)));
    let joined: Vec<_> = points.clone().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let dashes = if series.dashed { " stroke-dasharray=\"6 4\"" } else { "" };
    let _ = writeln!(
        out,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dashes}/>",
        joined.join(" ")
    );
    for (((x, y), nanos), size) in points.zip(&series.nanos).zip(SIZES) {
        let _ = writeln!(
            out,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\">\
             <title>{}, {size} members: {}</title></circle>",
            series.name,
            time(*nanos)
        );
    }
}

/// With as many digits as are worth reading.
fn time(nanos: f64) -> String {
    if nanos < 1000.0 {
        format!("{nanos:.0} ns")
    } else if nanos < 9999.5 {
        format!("{} µs", (nanos / 10.0).round() / 100.0)
    } else {
        format!("{:.0} µs", nanos / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &'static str, nanos: [f64; 5]) -> Series {
        Series { name, dashed: false, nanos: nanos.to_vec() }
    }

    #[test]
    fn every_point_is_drawn_and_named() {
        let rules =
            [series("relay", [150.0, 160.0, 155.0, 170.0, 180.0]), series("join", [1500.0; 5])];
        let servers = [series("relay", [17_000.0; 5]), {
            Series { dashed: true, ..series("relay", [18_000.0; 5]) }
        }];
        let panels = [("of the rules", &rules), ("of the servers", &servers)]
            .map(|(title, series)| Panel { title, series });
        let plot = plot(&panels);
        assert_eq!(plot.matches("<title>").count(), 20);
        assert_eq!(plot.matches("<polyline ").count(), 4);
        assert_eq!(plot.matches("stroke-dasharray").count(), 1);
        assert_eq!(plot.matches(">relay</text>").count(), 2, "one name for both lines");
        for text in [
            ">of the rules</text>",
            ">of the servers</text>",
            "<title>relay, 100000 members: 180 ns</title>",
            "<title>relay, 10 members: 18 µs</title>",
        ] {
            assert!(plot.contains(text), "{text}");
        }
        assert!(plot.starts_with("<svg ") && plot.ends_with("</svg>\n"));
        assert!(!plot.contains("NaN") && !plot.contains("inf"));
    }

    #[test]
    fn nothing_timed_is_an_empty_plot() {
        assert!(!plot(&[Panel { title: "nothing", series: &[] }]).contains("NaN"));
    }

    #[test]
    fn a_time_is_short() {
        let times = [180.4, 999.0, 1000.0, 1726.0, 20_000.0, 99_700.0].map(time);
        assert_eq!(times, ["180 ns", "999 ns", "1 µs", "1.73 µs", "20 µs", "100 µs"]);
    }
}
