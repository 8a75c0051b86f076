//! A picture of panels side by side, both axes logarithmic; it is told apart from a light and from a dark page.

use std::fmt::Write as _;

const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 300.0;
/// Room for titles and the numbers of the axes.
const LEFT: f64 = 58.0;
const TOP: f64 = 44.0;
const RIGHT: f64 = 16.0;
const BOTTOM: f64 = 84.0;
/// Of the lines in turn; seen on white and on black, and by the colour-blind.
const COLOURS: [&str; 2] = ["#2f7fd0", "#d9730d"];

/// Points joined by a line; both numbers above 0.
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// One pair of axes.
pub struct Panel {
    pub title: &'static str,
    pub lines: Vec<Line>,
}

/// The whole picture, with what the horizontal axes mean.
pub fn picture(across: &str, panels: &[Panel]) -> String {
    let width = WIDTH * panels.len() as f64;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"11\" fill=\"#808080\">\n"
    );
    for (number, panel) in panels.iter().enumerate() {
        let _ = writeln!(out, "<g transform=\"translate({} 0)\">", WIDTH * number as f64);
        draw(&mut out, across, panel);
        out.push_str("</g>\n");
    }
    out + "</svg>\n"
}

/// Powers of ten that hold some numbers, as exponents.
#[derive(Clone, Copy)]
struct Decades(f64, f64);

impl Decades {
    fn holding(numbers: impl Iterator<Item = f64>) -> Self {
        let logs = numbers.map(|number| number.max(1e-9).log10());
        let (low, high) = logs.fold((f64::MAX, f64::MIN), |(low, high), log| (log.min(low), log.max(high)));
        let low = low.floor();
        Self(low, high.ceil().max(low + 1.0))
    }

    /// Where a number lies, from 0 to 1.
    fn place(self, number: f64) -> f64 {
        (number.max(1e-9).log10() - self.0) / (self.1 - self.0)
    }

    fn ticks(self) -> impl Iterator<Item = f64> {
        (self.0 as i32..=self.1 as i32).map(|exponent| 10_f64.powi(exponent))
    }
}

fn draw(out: &mut String, across: &str, panel: &Panel) {
    let points = || panel.lines.iter().flat_map(|line| line.points.iter());
    let (x, y) = (Decades::holding(points().map(|point| point.0)), Decades::holding(points().map(|point| point.1)));
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let at_x = |number: f64| LEFT + x.place(number) * (right - LEFT);
    let at_y = |number: f64| bottom - y.place(number) * (bottom - TOP);
    let _ = writeln!(out, "<text x=\"{LEFT}\" y=\"22\" font-size=\"14\" font-weight=\"bold\">{}</text>", panel.title);
    for tick in x.ticks() {
        let (at, name) = (at_x(tick), number(tick));
        let _ = writeln!(
            out,
            "<path d=\"M{at:.1} {TOP}V{bottom}\" stroke=\"#8884\"/>\
             <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{name}</text>",
            bottom + 15.0
        );
    }
    for tick in y.ticks() {
        let (at, name) = (at_y(tick), number(tick));
        let _ = writeln!(
            out,
            "<path d=\"M{LEFT} {at:.1}H{right}\" stroke=\"#8884\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
            LEFT - 6.0,
            at + 4.0
        );
    }
    let middle = f64::midpoint(LEFT, right);
    let _ = writeln!(out, "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{across}</text>", bottom + 32.0);
    for (row, (line, colour)) in panel.lines.iter().zip(COLOURS).enumerate() {
        let path: Vec<_> = line.points.iter().map(|(x, y)| format!("{:.1},{:.1}", at_x(*x), at_y(*y))).collect();
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        );
        for ((across, up), at) in line.points.iter().zip(&path) {
            let (x, y) = at.split_once(',').expect("written above");
            let _ = writeln!(
                out,
                "<circle cx=\"{x}\" cy=\"{y}\" r=\"3.5\" fill=\"{colour}\"><title>{across}: {up:.3}</title></circle>"
            );
        }
        let below = bottom + 50.0 + 16.0 * row as f64;
        let _ = writeln!(
            out,
            "<circle cx=\"{}\" cy=\"{}\" r=\"4\" fill=\"{colour}\"/><text x=\"{}\" y=\"{below}\">{}</text>",
            LEFT + 4.0,
            below - 4.0,
            LEFT + 14.0,
            line.name
        );
    }
}

/// A power of ten for people: 0.01, 10, 1k, 1M.
fn number(tick: f64) -> String {
    match tick {
        1e6.. => format!("{}M", tick / 1e6),
        1e3.. => format!("{}k", tick / 1e3),
        1.0.. => format!("{tick}"),
        _ => format!("{tick:.*}", (-tick.log10()).round() as usize),
    }
}
