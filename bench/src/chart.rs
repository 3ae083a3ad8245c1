//! The chart of the README: rates as bars, drawn as SVG by hand so that it needs nothing to be looked at.

use std::fmt::Write as _;

/// Width of the whole picture, in pixels.
const WIDTH: f64 = 860.0;
/// Where bars begin.
const LEFT: f64 = 325.0;
/// Room for a bar's number.
const RIGHT: f64 = 165.0;
/// Thousands per second below which the number is told in ones.
const FEW: f64 = 10.0;
const ROW: f64 = 26.0;
const TITLE: f64 = 34.0;

/// A group of bars with a common scale.
pub(crate) struct Group {
    /// What was measured.
    pub(crate) title: String,
    /// Name, thousands per second, and what stands behind the number.
    pub(crate) bars: Vec<(String, f64, String)>,
}

/// A picture of all groups, light or dark as its reader's page is.
pub(crate) fn svg(groups: &[Group]) -> String {
    let height: f64 = groups.iter().map(|group| TITLE + group.bars.len() as f64 * ROW).sum();
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {0}\" width=\"{WIDTH}\" height=\"{0}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
         <style>text{{fill:#24292f}} .t{{font-weight:600}} .n{{fill:#57606a}} .o{{fill:#0f766e}} .r{{fill:#9aa4b2}} \
         @media(prefers-color-scheme:dark){{text{{fill:#e6edf3}} .n{{fill:#9aa4b2}} .o{{fill:#2dd4bf}} .r{{fill:#57606a}}}}</style>\n",
        height + 8.0
    );
    let mut y = 0.0;
    for group in groups {
        // Writing to a text cannot fail.
        let _infallible = writeln!(
            out,
            "<text class=\"t\" x=\"8\" y=\"{}\">{}</text>",
            y + 22.0,
            text(&group.title)
        );
        y += TITLE;
        let most = group.bars.iter().map(|(_, rate, _)| *rate).fold(1e-9, f64::max);
        for (name, rate, more) in &group.bars {
            let width = (WIDTH - LEFT - RIGHT) * rate / most;
            let class = if name.starts_with("Tailrace") { "o" } else { "r" };
            let _infallible = writeln!(
                out,
                "<text x=\"8\" y=\"{0}\">{1}</text><rect class=\"{class}\" x=\"{LEFT}\" y=\"{2}\" width=\"{width:.1}\" height=\"16\" rx=\"2\"/>\
                 <text class=\"n\" x=\"{3:.1}\" y=\"{0}\">{5}/s{4}</text>",
                y + 15.0,
                text(name),
                y + 3.0,
                LEFT + width + 6.0,
                text(more),
                if *rate < FEW { format!("{:.0}", rate * 1e3) } else { format!("{rate:.0} K") },
            );
            y += ROW;
        }
    }
    out.push_str("</svg>\n");
    out
}

/// Text of an element.
fn text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
