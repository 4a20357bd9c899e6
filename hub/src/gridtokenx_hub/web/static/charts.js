// Draws each chart from the table beside it; the table is what screen readers read.

const HEIGHT = 220;
const SERIES = ["--produced", "--consumed", "--surplus"];
const MWH_PER_KWH = 1e6; // for drawing alone
const drawn = new Map();

function rows(table) {
  const entries = [...table.tBodies[0].rows];
  return {
    labels: entries.map((row) => row.cells[0].dataset.short),
    columns: SERIES.map((_, index) => entries.map((row) => {
      const value = row.cells[index + 1].dataset.mwh;
      return value === "" ? null : Number(value) / MWH_PER_KWH;
    })),
  };
}

function draw(plot) {
  const table = document.getElementById(plot.dataset.chart);
  const { labels, columns } = rows(table);
  const headings = [...table.tHead.rows[0].cells].slice(1).map((cell) => cell.textContent.trim());
  const key = JSON.stringify([columns, plot.clientWidth, matchMedia("(prefers-color-scheme: dark)").matches]);
  if (drawn.get(plot) === key || plot.clientWidth === 0) return;
  drawn.set(plot, key);
  const look = getComputedStyle(document.documentElement);
  const color = (name) => look.getPropertyValue(name).trim();
  const font = `12px ${getComputedStyle(plot).fontFamily}`;
  const axis = { stroke: color("--soft"), font, grid: { stroke: color("--line"), width: 1 }, ticks: { show: false } };
  const unit = table.dataset.unit;
  const options = {
    width: plot.clientWidth,
    height: HEIGHT,
    cursor: { y: false, points: { size: 7 } },
    scales: { x: { time: false, range: [-0.5, labels.length - 0.5] }, y: { range: (_, low, high) => [Math.min(0, low), Math.max(high * 1.1, 0.1)] } },
    axes: [
      { ...axis, grid: { show: false }, values: (_, at) => at.map((index) => labels[index] ?? ""), space: 60 },
      { ...axis, size: 52, values: (_, at) => at.map((value) => `${value}`) },
    ],
    series: [
      { label: table.tHead.rows[0].cells[0].textContent.trim(), value: (_, index) => labels[index] ?? "–" },
      ...SERIES.map((name, index) => ({
        label: headings[index],
        stroke: color(name),
        fill: index === 2 ? `${color(name)}33` : undefined,
        width: 2,
        paths: uPlot.paths.stepped({ align: 1 }),
        points: { show: false },
        value: (_, value) => (value === null ? "–" : `${Number(value.toFixed(3))} ${unit}`),
      })),
    ],
  };
  plot.replaceChildren();
  new uPlot(options, [labels.map((_, index) => index), ...columns], plot);
}

function drawAll() {
  for (const plot of document.querySelectorAll("[data-chart]")) draw(plot);
}

document.addEventListener("fresh", drawAll);
addEventListener("resize", drawAll);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
document.fonts.ready.then(drawAll);
