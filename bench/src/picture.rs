//! Results as one SVG picture: for each scenario its leading figure, a bar for each server with a line from the least to the greatest run.
//! No script and no font is needed to show it; it follows the reader's light or dark setting.

use std::fmt::Write;

use crate::figure::{Spread, number};

/// One scenario's bars.
pub struct Panel {
    pub title: String,
    pub bars: Vec<(String, Spread)>,
}

const WIDTH: f64 = 860.0;
const LEFT: f64 = 170.0;
const RIGHT: f64 = 90.0;
const ROW: f64 = 22.0;
const TITLE: f64 = 40.0;

const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#222}.title{font-weight:600}.bar{fill:#9db4c8}.own{fill:#d9622b}.spread{stroke:#222}\
@media(prefers-color-scheme:dark){text{fill:#ddd}.bar{fill:#56708a}.spread{stroke:#ddd}}";

/// The picture's text. Bars of Parlour itself are set off.
pub fn svg(panels: &[Panel], caption: &str) -> String {
    let height = panels.iter().map(|panel| TITLE + ROW * panel.bars.len() as f64).sum::<f64>() + TITLE;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n",
        escaped(caption)
    );
    let mut top = 0.0;
    for panel in panels {
        let _ = writeln!(out, "<text class=\"title\" x=\"10\" y=\"{}\">{}</text>", top + 28.0, escaped(&panel.title));
        top += TITLE;
        let most = panel.bars.iter().map(|(_, spread)| spread.greatest).fold(f64::MIN_POSITIVE, f64::max);
        for (name, spread) in &panel.bars {
            put_bar(&mut out, top, name, *spread, (WIDTH - LEFT - RIGHT) / most);
            top += ROW;
        }
    }
    let _ = writeln!(out, "<text x=\"10\" y=\"{}\">{}</text>\n</svg>", top + 26.0, escaped(caption));
    out
}

fn put_bar(out: &mut String, top: f64, name: &str, spread: Spread, scale: f64) {
    let class = if name.starts_with("parlour") { "own" } else { "bar" };
    let (end, middle) = (LEFT + spread.median.max(0.0) * scale, top + ROW / 2.0);
    let _ = writeln!(
        out,
        "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{}</text><rect class=\"{class}\" x=\"{LEFT}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{}\"/>\
         <path class=\"spread\" d=\"M{:.1} {middle}H{:.1}\"/><text x=\"{:.1}\" y=\"{:.0}\">{}</text>",
        LEFT - 8.0,
        middle + 4.5,
        escaped(name),
        top + 2.0,
        end - LEFT,
        ROW - 4.0,
        LEFT + spread.least.max(0.0) * scale,
        LEFT + spread.greatest.max(0.0) * scale,
        end.max(LEFT + spread.greatest.max(0.0) * scale) + 6.0,
        middle + 4.5,
        number(spread.median),
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_median_and_names_are_escaped() {
        let bar = |name: &str, median: f64| (name.to_owned(), Spread { median, least: median, greatest: median });
        let panels = [Panel { title: "a < b".into(), bars: vec![bar("parlour", 5.0), bar("bun", 10.0)] }];
        let svg = svg(&panels, "caption");
        assert!(svg.contains("a &lt; b"));
        assert!(svg.contains("class=\"own\" x=\"170\" y=\"42.0\" width=\"300.0\""), "{svg}");
        assert!(svg.contains("class=\"bar\" x=\"170\" y=\"64.0\" width=\"600.0\""), "{svg}");
    }
}
