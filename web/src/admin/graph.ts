/** What came in each hour and what of it was held, as bars: the picture, and a sentence for who does not see it. */
import type { Hour } from "./api";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 480;
const HEIGHT = 110;
const FLOOR = 96;

function draw(tag: string, attributes: Record<string, string | number>, text?: string): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  if (text !== undefined) element.textContent = text;
  return element;
}

export function graph(hours: readonly Hour[], span: number, now: number): SVGElement {
  const first = Math.floor(now / 3_600_000) - span + 1;
  const most = Math.max(1, ...hours.map((hour) => hour.came));
  const [came, held] = hours.reduce(([came, held], hour) => [came + hour.came, held + hour.held], [0, 0]);
  const picture = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${came} comments in ${span} hours, ${held} of them held` });
  const width = WIDTH / span;
  for (const hour of hours) {
    const at = (Math.floor(Date.parse(hour.begin) / 3_600_000) - first) * width;
    if (at < 0) continue;
    const bar = (kind: string, count: number): void => {
      const height = (count / most) * (FLOOR - 12);
      picture.append(draw("rect", { class: kind, x: at + 0.5, y: FLOOR - height, width: Math.max(1, width - 1), height }));
    };
    bar("came", hour.came);
    if (hour.held) bar("held", hour.held);
  }
  picture.append(draw("text", { x: 0, y: HEIGHT - 2 }, `${span} hours ago`), draw("text", { x: WIDTH, y: HEIGHT - 2, "text-anchor": "end" }, "now"), draw("text", { x: 0, y: 9 }, `${most} an hour`));
  return picture;
}
