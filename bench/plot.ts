// Draws one growth plot as SVG: both axes logarithmic, a line for each contender, every point marked.

export interface Series {
  name: string;
  points: readonly (readonly [x: number, y: number])[];
}

export interface Plot {
  title: string;
  x: string;
  y: string;
  series: readonly Series[];
}

const WIDTH = 720;
const HEIGHT = 420;
const LEFT = 80;
const RIGHT = 190;
const TOP = 40;
const BOTTOM = 60;
const COLORS = ["#0b6e4f", "#888888", "#c0392b", "#8e44ad", "#2c6fbb"];

export function drawPlot({ title, x, y, series }: Plot): string {
  const all = series.flatMap(({ points }) => points);
  const across = createAxis(
    all.map(([value]) => value),
    LEFT,
    WIDTH - RIGHT,
  );
  const up = createAxis(
    all.map(([, value]) => value),
    HEIGHT - BOTTOM,
    TOP,
  );
  const grid = [
    ...across.ticks.map((tick) => {
      const at = across.place(tick);
      return `${line(at, TOP, at, HEIGHT - BOTTOM)}${text(at, HEIGHT - BOTTOM + 18, shorten(tick), "middle")}`;
    }),
    ...up.ticks.map((tick) => {
      const at = up.place(tick);
      return `${line(LEFT, at, WIDTH - RIGHT, at)}${text(LEFT - 8, at + 4, shorten(tick), "end")}`;
    }),
  ];
  const curves = series.map(({ name, points }, index) => {
    const color = COLORS[index % COLORS.length]!;
    const places = points.map(([px, py]) => [across.place(px), up.place(py)] as const);
    const path = places.map(([px, py]) => `${px.toFixed(1)},${py.toFixed(1)}`).join(" ");
    const dots = places.map(
      ([px, py]) => `<circle cx="${px.toFixed(1)}" cy="${py.toFixed(1)}" r="3" fill="${color}"/>`,
    );
    const label = text(WIDTH - RIGHT + 30, TOP + 14 + index * 20, name, "start");
    const sample = `<rect x="${WIDTH - RIGHT + 12}" y="${TOP + 5 + index * 20}" width="12" height="12" fill="${color}"/>`;
    return `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>${dots.join("")}${sample}${label}`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(WIDTH / 2, 22, title, "middle"),
    ...grid,
    ...curves,
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16, x, "middle"),
    `<g transform="translate(18 ${HEIGHT / 2}) rotate(-90)">${text(0, 0, y, "middle")}</g>`,
    "</svg>\n",
  ].join("\n");
}

/** A logarithmic axis from one power of ten to another. */
function createAxis(values: readonly number[], from: number, to: number) {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(Math.ceil(Math.log10(Math.max(...values))), low + 1);
  return {
    ticks: Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index)),
    place: (value: number) => from + ((Math.log10(value) - low) / (high - low)) * (to - from),
  };
}

function shorten(value: number): string {
  if (value >= 1e6) return `${value / 1e6}M`;
  return value >= 1e3 ? `${value / 1e3}k` : String(value);
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#dddddd"/>`;
}

function text(x: number, y: number, words: string, anchor: "start" | "middle" | "end"): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="#333333">${words.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</text>`;
}
