// The loss of a run as a drawing: training as a line, validation as points on a line.

import { draw, newId } from "./dom.js";

const HEIGHT = 300;
const EDGE = { top: 14, right: 16, bottom: 46, left: 58 };
const MOST_POINTS = 400;
const FIRST_LEFT_OUT = 0.05;

/** The drawing, `width` pixels wide. `points` are {step, train, valid}, by step; `total` steps are planned. */
export function lossChart(points, total, width) {
  const name = newId("chart");
  const drawing = draw("svg", {
    class: "chart",
    role: "img",
    "aria-labelledby": name,
    width,
    height: HEIGHT,
    viewBox: `0 0 ${width} ${HEIGHT}`,
  });
  drawing.append(draw("title", { id: name }, told(points)));
  const inner = { x: [EDGE.left, width - EDGE.right], y: [HEIGHT - EDGE.bottom, EDGE.top] };
  const steps = scale([0, Math.max(total || 0, points.at(-1)?.step ?? 1)], inner.x);
  const losses = scale(heights(points), inner.y);
  axes(drawing, steps, losses, inner);
  const clip = newId("clip");
  drawing.append(
    draw(
      "clipPath",
      { id: clip },
      draw("rect", {
        x: inner.x[0],
        y: inner.y[1] - 4,
        width: inner.x[1] - inner.x[0],
        height: inner.y[0] - inner.y[1] + 4,
      }),
    ),
  );
  const lines = draw("g", { "clip-path": `url(#${clip})` });
  const valid = points.filter((point) => point.valid !== undefined);
  const at = (key) => (point) => `${steps.at(point.step).toFixed(1)},${losses.at(point[key]).toFixed(1)}`;
  lines.append(draw("polyline", { class: "train", points: thinned(points).map(at("train")).join(" ") }));
  lines.append(draw("polyline", { class: "valid", points: valid.map(at("valid")).join(" ") }));
  for (const point of valid)
    lines.append(
      draw("circle", { class: "valid-point", cx: steps.at(point.step), cy: losses.at(point.valid), r: 3 }),
    );
  drawing.append(lines, legend(inner));
  return drawing;
}

function told(points) {
  const last = points.at(-1);
  const valid = points.findLast((point) => point.valid !== undefined);
  if (!last) return "Loss: no step yet";
  const judged = valid ? `, validation loss ${valid.valid.toFixed(2)} at step ${valid.step}` : "";
  return `Loss by step: training loss ${last.train.toFixed(2)} at step ${last.step}${judged}`;
}

/** The lowest and the highest loss to show; the first steps of a long run do not press the rest flat. */
function heights(points) {
  const later = points.length > 40 ? points.slice(Math.ceil(points.length * FIRST_LEFT_OUT)) : points;
  const all = later.flatMap((point) => [point.train, point.valid]).filter((value) => value !== undefined);
  if (!all.length) return [0, 1];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const room = Math.max(0.08 * (high - low), 0.02);
  return [Math.max(0, low - room), high + room];
}

function scale([low, high], [from, to]) {
  return { low, high, at: (value) => from + ((value - low) / (high - low || 1)) * (to - from) };
}

/** Round numbers between two others. */
function ticks({ low, high }, wanted, smallest = 0) {
  const raw = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = Math.max(smallest, [1, 2, 5, 10].find((factor) => factor * power >= raw) * power);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step)
    found.push(value);
  return { found, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

function axes(drawing, steps, losses, inner) {
  const [left, right] = inner.x;
  const [bottom, top] = inner.y;
  const across = ticks(losses, 5);
  for (const value of across.found) {
    const y = losses.at(value);
    drawing.append(draw("line", { class: "grid", x1: left, x2: right, y1: y, y2: y }));
    drawing.append(
      draw("text", { x: left - 8, y: y + 4, "text-anchor": "end" }, value.toFixed(across.digits)),
    );
  }
  for (const value of ticks(steps, right - left < 400 ? 4 : 7, 1).found) {
    drawing.append(
      draw(
        "text",
        { x: steps.at(value), y: bottom + 18, "text-anchor": "middle" },
        value.toLocaleString("en"),
      ),
    );
  }
  drawing.append(draw("line", { class: "axis", x1: left, x2: right, y1: bottom, y2: bottom }));
  drawing.append(
    draw(
      "text",
      { class: "axis-title", x: (left + right) / 2, y: HEIGHT - 8, "text-anchor": "middle" },
      "Step",
    ),
  );
  const middle = (top + bottom) / 2;
  drawing.append(
    draw(
      "text",
      {
        class: "axis-title",
        x: 14,
        y: middle,
        "text-anchor": "middle",
        transform: `rotate(-90 14 ${middle})`,
      },
      "Loss, nats per token",
    ),
  );
}

function legend(inner) {
  const right = inner.x[1];
  const group = draw("g", { class: "chart-legend" });
  for (const [place, [kind, name]] of [
    ["train", "Training"],
    ["valid", "Validation"],
  ].entries()) {
    const y = inner.y[1] + 10 + 20 * place;
    group.append(draw("line", { class: kind, x1: right - 104, x2: right - 80, y1: y, y2: y }));
    if (kind === "valid") group.append(draw("circle", { class: "valid-point", cx: right - 92, cy: y, r: 3 }));
    group.append(draw("text", { x: right - 72, y: y + 4 }, name));
  }
  return group;
}

/** So many points that each is seen: means of as many neighbours as it takes. */
function thinned(points) {
  const size = Math.ceil(points.length / MOST_POINTS);
  if (size <= 1) return points;
  const means = [];
  for (let start = 0; start < points.length; start += size) {
    const piece = points.slice(start, start + size);
    const mean = (key) => piece.reduce((sum, point) => sum + point[key], 0) / piece.length;
    means.push({ step: mean("step"), train: mean("train") });
  }
  return means;
}
