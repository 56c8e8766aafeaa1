//! The plot: groups of bars on a logarithmic scale.

use std::fmt::Write as _;

use benches::log_axis::LogAxis;

use super::figures::{Group, number};

const WIDTH: f64 = 1440.0;
const HEIGHT: f64 = 440.0;
/// The drawn part.
const LEFT: f64 = 56.0;
const RIGHT: f64 = WIDTH - 12.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = HEIGHT - 60.0;

/// Two shades of a colour for a system and its floor, other colours for others.
const COLOURS: [(&str, &str); 12] = [
    ("std", "#1f5fa8"),
    ("bare std", "#9fc3e8"),
    ("smol", "#b3541e"),
    ("bare smol", "#f0bf9a"),
    ("std, GRO", "#4d86c6"),
    ("smol, GRO", "#d07f4f"),
    ("std, bundles", "#12304f"),
    ("smol, bundles", "#5c2a0c"),
    ("bare, runs", "#777777"),
    ("bare, bundles", "#b9bec4"),
    ("nats-server", "#3c8c50"),
    ("mosquitto", "#7d5ba6"),
];
const OTHER: &str = "#000000";

/// Draws CPU time a copy.
pub(super) fn plot(groups: &[Group]) -> String {
    let medians = groups.iter().flat_map(|group| &group.bars).map(|(_, spread)| spread.median);
    // Down to 1 µs at least: what is above that by little is not to look like much.
    let axis = LogAxis::of(medians.chain([1.0]), BOTTOM, TOP);
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\">Server CPU-µs a copy (less is better, \
         logarithmic)</text>"
    );
    legend(&mut out, groups);
    axis.draw(&mut out, LEFT, RIGHT, |value| value.to_string());
    let step = (RIGHT - LEFT) / groups.len().max(1) as f64;
    for (place, group) in groups.iter().enumerate() {
        draw(&mut out, group, LEFT + step * place as f64, step, &axis);
    }
    out + "</svg>\n"
}

fn legend(out: &mut String, groups: &[Group]) {
    let mut names = Vec::new();
    for (name, _) in groups.iter().flat_map(|group| &group.bars) {
        if !names.contains(name) {
            names.push(name);
        }
    }
    for (place, name) in names.into_iter().enumerate() {
        let x = LEFT + 110.0 * place as f64;
        let _ = writeln!(
            out,
            "<rect x=\"{x:.0}\" y=\"34\" width=\"12\" height=\"12\" fill=\"{}\"/>\
             <text x=\"{:.0}\" y=\"44\">{}</text>",
            colour(name),
            x + 17.0,
            escaped(name)
        );
    }
}

fn draw(out: &mut String, group: &Group, x: f64, step: f64, axis: &LogAxis) {
    let words: Vec<_> = group.name.split(' ').collect();
    for (line, words) in words.chunks(2).enumerate() {
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.0}\" text-anchor=\"middle\" font-size=\"10\">{}</text>",
            x + step / 2.0,
            BOTTOM + 18.0 + 15.0 * line as f64,
            escaped(&words.join(" "))
        );
    }
    let width = step * 0.84 / group.bars.len().max(1) as f64;
    for (place, (name, spread)) in group.bars.iter().enumerate() {
        let (left, y) = (x + step * 0.08 + width * place as f64, axis.y(spread.median));
        let _ = writeln!(
            out,
            "<rect x=\"{left:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\">\
             <title>{}, {}: {} µs</title></rect>",
            width - 1.0,
            BOTTOM - y,
            colour(name),
            escaped(&group.name),
            escaped(name),
            number(spread.median)
        );
    }
}

fn colour(name: &str) -> &'static str {
    COLOURS.iter().find(|(known, _)| *known == name).map_or(OTHER, |(_, colour)| colour)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use benches::spread::Spread;

    use super::*;

    fn group(name: &str, medians: &[(&'static str, f64)]) -> Group {
        let bar = |(name, median): &(&'static str, f64)| {
            (*name, Spread { median: *median, least: *median, most: *median })
        };
        Group { name: name.to_owned(), bars: medians.iter().map(bar).collect() }
    }

    #[test]
    fn every_bar_is_drawn_and_named() {
        let plot = plot(&[
            group("M=2 <W=1>", &[("std", 5.0), ("nats-server", 28.5)]),
            group("M=100", &[("std", 0.325)]),
        ]);
        assert_eq!(plot.matches("<title>").count(), 3);
        assert!(plot.contains("<title>M=2 &lt;W=1&gt;, nats-server: 28.5 µs</title>"));
        assert!(plot.starts_with("<svg ") && plot.ends_with("</svg>\n"));
        // The frame, three bars, two names in the legend.
        assert_eq!(plot.matches("<rect ").count(), 1 + 3 + 2);
        assert!(!plot.contains("NaN") && !plot.contains("inf"));
    }

    #[test]
    fn nothing_measured_is_an_empty_plot() {
        let plot = plot(&[]);
        assert!(!plot.contains("<title>") && !plot.contains("NaN"));
    }
}
