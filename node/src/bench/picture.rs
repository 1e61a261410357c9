//! A picture of waits over time, as SVG: the longest and the median wait of the requests that were due at
//! each moment, on a logarithmic scale, with a line for each thing that happened. Readable in light and dark.

use std::fmt::Write as _;

use super::series::Point;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 40.0;

const STYLE: &str = "\
:root { color-scheme: light dark; --page: #ffffff; --ink: #1f2328; --faint: #d0d7de; --median: #0969da; --longest: #cf222e; --back: #1a7f37; }
@media (prefers-color-scheme: dark) { :root { --page: #0d1117; --ink: #e6edf3; --faint: #30363d; --median: #58a6ff; --longest: #ff7b72; --back: #56d364; } }
text { font: 12px system-ui, sans-serif; fill: var(--ink); }
.title { font-size: 15px; font-weight: 600; }
.small { font-size: 10px; }
.page { fill: var(--page); }
.grid { stroke: var(--faint); }
.median { stroke: var(--median); fill: none; stroke-width: 1.5; }
.longest { stroke: var(--longest); fill: none; stroke-width: 1.5; }
.loss { stroke: var(--longest); stroke-dasharray: 4 3; }
.back { stroke: var(--back); stroke-dasharray: 1 3; }
";

/// Something that happened.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// Seconds since the beginning.
    pub at_s: f64,
    /// What.
    pub text: String,
    /// Whether a node was lost, rather than came back.
    pub is_loss: bool,
}

/// The axes of a picture.
struct Axes {
    seconds: f64,
    low_ms: f64,
    high_ms: f64,
}

impl Axes {
    fn of(points: &[Point], marks: &[Mark]) -> Axes {
        let times = points.iter().map(|point| point.at_s);
        let times = times.chain(marks.iter().map(|mark| mark.at_s));
        let longest = points.iter().map(|point| point.longest_ms);
        let shortest = points.iter().map(|point| point.median_ms);
        let high = longest.fold(10.0, f64::max);
        let low = shortest.fold(1.0, f64::min).max(0.01);
        Axes {
            seconds: times.fold(1.0, f64::max),
            low_ms: 10f64.powf(low.log10().floor()),
            high_ms: 10f64.powf(high.log10().ceil()),
        }
    }

    fn x(&self, at_s: f64) -> f64 {
        LEFT + at_s / self.seconds * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, ms: f64) -> f64 {
        let (low, high) = (self.low_ms.log10(), self.high_ms.log10());
        let share = (ms.max(self.low_ms).log10() - low) / (high - low);
        HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
    }
}

/// Draws waits over time, with marks.
pub(super) fn picture(title: &str, points: &[Point], marks: &[Mark]) -> String {
    let axes = Axes::of(points, marks);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">\n\
         <style>\n{STYLE}</style>\n<rect class=\"page\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n\
         <text class=\"title\" x=\"{LEFT}\" y=\"22\">{title}</text>\n",
        title = escaped(title),
    );
    legend(&mut svg);
    grid(&mut svg, &axes);
    draw_marks(&mut svg, &axes, marks);
    let line = |wait: fn(&Point) -> f64| {
        let at = |point: &Point| format!("{:.1},{:.1}", axes.x(point.at_s), axes.y(wait(point)));
        points.iter().map(at).collect::<Vec<_>>().join(" ")
    };
    let longest = line(|point| point.longest_ms);
    let median = line(|point| point.median_ms);
    let _ = writeln!(svg, "<polyline class=\"longest\" points=\"{longest}\"/>");
    let _ = writeln!(svg, "<polyline class=\"median\" points=\"{median}\"/>");
    svg.push_str("</svg>\n");
    svg
}

fn legend(svg: &mut String) {
    for (place, class) in ["longest", "median"].into_iter().enumerate() {
        let x = WIDTH - 220.0 + place as f64 * 110.0;
        let _ = writeln!(
            svg,
            "<line class=\"{class}\" x1=\"{x}\" y1=\"18\" x2=\"{}\" y2=\"18\"/><text x=\"{}\" y=\"22\">{class}</text>",
            x + 20.0,
            x + 26.0
        );
    }
}

fn grid(svg: &mut String, axes: &Axes) {
    let mut ms = axes.low_ms;
    while ms <= axes.high_ms * 1.001 {
        let (y, right) = (axes.y(ms), WIDTH - RIGHT);
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y + 4.0,
            wait(ms)
        );
        ms *= 10.0;
    }
    let every = step(axes.seconds);
    let mut at_s = 0.0;
    while at_s <= axes.seconds {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{at_s:.0} s</text>",
            axes.x(at_s),
            HEIGHT - BOTTOM + 18.0
        );
        at_s += every;
    }
}

fn draw_marks(svg: &mut String, axes: &Axes, marks: &[Mark]) {
    // Beyond some number the texts would only cover each other; the lines say enough.
    let with_text = marks.len() <= 16;
    for (number, mark) in marks.iter().enumerate() {
        let class = if mark.is_loss { "loss" } else { "back" };
        let (x, bottom) = (axes.x(mark.at_s), HEIGHT - BOTTOM);
        let _ = writeln!(
            svg,
            "<line class=\"{class}\" x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\"><title>{}</title></line>",
            escaped(&mark.text)
        );
        if with_text {
            let y = TOP - 6.0 - (number % 2) as f64 * 12.0;
            let _ = writeln!(
                svg,
                "<text class=\"small\" x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{}</text>",
                escaped(&mark.text)
            );
        }
    }
}

/// A wait as an axis says it.
fn wait(ms: f64) -> String {
    if ms >= 1000.0 {
        format!("{:.0} s", ms / 1000.0)
    } else if ms >= 1.0 {
        format!("{ms:.0} ms")
    } else {
        format!("{:.0} us", ms * 1000.0)
    }
}

/// Seconds between two numbers of the axis, so that there are at most a dozen.
fn step(seconds: f64) -> f64 {
    let steps = [1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0];
    let fits = steps.into_iter().find(|step| seconds / step <= 12.0);
    fits.unwrap_or(600.0)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points() -> Vec<Point> {
        let point = |at_s, median_ms, longest_ms| Point {
            at_s,
            median_ms,
            longest_ms,
        };
        vec![
            point(0.0, 0.4, 2.0),
            point(1.0, 0.5, 700.0),
            point(2.0, 0.4, 3.0),
        ]
    }

    fn marks(count: usize) -> Vec<Mark> {
        let mark = |number| Mark {
            at_s: number as f64 / 10.0,
            text: "kill <node-1>".to_owned(),
            is_loss: true,
        };
        (0..count).map(mark).collect()
    }

    #[test]
    fn longer_waits_stand_higher_and_later_ones_further_right() {
        let axes = Axes::of(&points(), &[]);
        assert_eq!(
            (axes.low_ms, axes.high_ms, axes.seconds),
            (0.1, 1000.0, 2.0)
        );
        assert!(axes.y(700.0) < axes.y(2.0) && axes.x(2.0) > axes.x(1.0));
        assert_eq!(axes.y(0.1), HEIGHT - BOTTOM);
        assert_eq!(axes.y(1000.0), TOP);
        // One decade is as high as another.
        assert!(((axes.y(1.0) - axes.y(10.0)) - (axes.y(10.0) - axes.y(100.0))).abs() < 1e-9);
        // What is below the scale stays on it.
        assert_eq!(axes.y(0.0), axes.y(0.1));
    }

    #[test]
    fn a_picture_has_its_lines_its_marks_and_both_schemes() {
        let svg = picture("a & b", &points(), &marks(2));
        assert!(svg.contains("prefers-color-scheme: dark"));
        assert!(svg.contains("a &amp; b") && !svg.contains("<node-1>"));
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert_eq!(svg.matches("class=\"loss\"").count(), 2);
        assert_eq!(svg.matches("class=\"small\"").count(), 2);
        assert!(svg.trim_end().ends_with("</svg>"));
    }

    #[test]
    fn many_marks_are_lines_only_and_nothing_is_a_picture_too() {
        assert!(!picture("x", &points(), &marks(17)).contains("class=\"small\""));
        assert!(picture("x", &[], &[]).contains("</svg>"));
    }

    #[test]
    fn an_axis_has_at_most_a_dozen_numbers() {
        for seconds in [3.0, 17.0, 130.0, 3_000.0] {
            assert!(seconds / step(seconds) <= 12.0);
        }
    }
}
