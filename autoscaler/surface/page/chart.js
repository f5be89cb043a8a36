// Draws a role's CPU over time as SVG: members, mean, thresholds, the flap line, counts and events.
// Knows nothing of how the data came; it never asks the network.

const NS = "http://www.w3.org/2000/svg";
const LEFT = 38, RIGHT = 12, TOP = 14, PLOT = 190, GAP = 30, STRIP = 46;
const SHORTEST = 300;
export const HEIGHT = TOP + PLOT + GAP + STRIP + 22;

export function svg(name, attributes = {}, ...children) {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// The mean below which one of n members could go: (n-1)/n of the upper threshold less its margin.
export function flapLine(high, margin, count) {
  return count > 1 && margin !== null ? (high * (1 - margin) * (count - 1)) / count : null;
}

export function clock(seconds, withSeconds = false) {
  const options = { hour: "2-digit", minute: "2-digit", hour12: false };
  if (withSeconds) options.second = "2-digit";
  return new Date(seconds * 1000).toLocaleTimeString([], options);
}

// A time within the last days, with the weekday if that is not today.
export function dayClock(seconds, withSeconds = false) {
  const day = new Date(seconds * 1000), time = clock(seconds, withSeconds);
  return day.toDateString() === new Date().toDateString() ? time
    : `${day.toLocaleDateString([], { weekday: "short" })} ${time}`;
}

// A time that may be of another day than today, then with its date.
export function moment(seconds) {
  const day = new Date(seconds * 1000);
  if (day.toDateString() === new Date().toDateString()) return clock(seconds);
  return `${clock(seconds)} on ${day.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" })}`;
}

// While less is on record than was asked for, the axis shows what there is, and five minutes at least.
export function fitted(series) {
  const first = Math.min(...[series.points, ...Object.values(series.members)].map((p) => p[0]?.[0] ?? Infinity));
  const begin = first - 0.02 * (series.until - first);
  return { ...series, since: Math.max(series.since, Math.min(begin, series.until - SHORTEST)) };
}

export function draw(holder, series, events, margin, names) {
  const width = Math.max(300, holder.clientWidth);
  const top = Math.max(100, ...series.points.map((p) => p[1] ?? 0),
    ...Object.values(series.members).flat().map((p) => p[1] ?? 0));
  const x = (t) => LEFT + ((t - series.since) / (series.until - series.since)) * (width - LEFT - RIGHT);
  const y = (v) => TOP + PLOT - (v / top) * PLOT;
  const gap = Math.max(3 * series.width_seconds, 20);
  const root = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, height: HEIGHT, "aria-hidden": "true" });
  root.append(...axes(series, width, top, x, y), ...rules(series, margin, x, y, gap).map(([path]) => path));
  names.forEach((name, i) => root.append(
    svg("path", { class: `member c${i % 6}`, d: line(series.members[name] ?? [], x, y, gap) })));
  root.append(svg("path", { class: "mean", d: line(series.points, x, y, gap) }));
  root.append(...rules(series, margin, x, y, gap).flatMap(([, label]) => label ?? []));
  root.append(...strip(series, events, x, gap));
  const cursor = svg("line", { class: "cursor", y1: TOP, y2: HEIGHT - 20, visibility: "hidden" });
  root.append(cursor);
  holder.replaceChildren(root);
  return {
    at(time) {
      cursor.setAttribute("visibility", "visible");
      cursor.setAttribute("x1", x(time));
      cursor.setAttribute("x2", x(time));
    },
    hide() { cursor.setAttribute("visibility", "hidden"); },
    timeAt(pixels) {
      const part = (pixels - LEFT) / (width - LEFT - RIGHT);
      return series.since + Math.min(1, Math.max(0, part)) * (series.until - series.since);
    },
  };
}

function axes(series, width, top, x, y) {
  const found = [];
  for (let v = 0; v <= top; v += 25) {
    found.push(svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(v), y2: y(v) }));
    found.push(svg("text", { x: LEFT - 6, y: y(v) + 4, "text-anchor": "end" }, `${v} %`));
  }
  const span = series.until - series.since;
  const steps = [60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600];
  const step = steps.find((s) => (span / s) * 62 <= width - LEFT) ?? 43200;
  const offset = new Date(series.until * 1000).getTimezoneOffset() * 60;
  for (let t = Math.ceil((series.since - offset) / step) * step + offset; t <= series.until; t += step) {
    found.push(svg("line", { class: "grid", x1: x(t), x2: x(t), y1: TOP, y2: HEIGHT - 20 }));
    if (x(t) > LEFT + 14 && x(t) < width - 20) {
      found.push(svg("text", { x: x(t), y: HEIGHT - 5, "text-anchor": "middle" }, clock(t)));
    }
  }
  return found;
}

// Returns pairs of a line and its label (null without a value now); labels are drawn over the data.
function rules(series, margin, x, y, gap) {
  const at = (pick) => series.points.map((p) => [p[0], pick(p)]);
  const kinds = [
    ["high", "grows above", at((p) => p[3])],
    ["low", "shrinks below", at((p) => p[4])],
    ["guard", "guard", at((p) => flapLine(p[3], margin, p[2]))],
  ];
  const found = [];
  let last = null;
  for (const [kind, words, points] of kinds) {
    const path = svg("path", { class: `rule ${kind}`, d: steps(points, x, y, gap) });
    const value = points.at(-1)?.[1];
    if (value === null || value === undefined) {
      found.push([path, null]);
      continue;
    }
    const near = last !== null && Math.abs(y(value) - last) < 14;
    const place = near ? Math.max(y(value), last) + 13 : y(value) - 5;
    last = y(value);
    found.push([path, svg("text", { class: `label ${kind}`, x: LEFT + 6, y: place }, `${words} ${round(value)} %`)]);
  }
  return found;
}

function strip(series, events, x, gap) {
  const base = TOP + PLOT + GAP + STRIP;
  const most = Math.max(2, ...series.points.map((p) => p[2]));
  const y = (count) => base - (count / most) * (STRIP - 14);
  const found = [svg("text", { x: LEFT, y: base - STRIP - 4 }, "members wanted, and what happened")];
  for (const run of runs(series.points, gap)) {
    const d = stepPath(run.map((p) => [p[0], p[2]]), x, y);
    const end = x(run.at(-1)[0]);
    found.push(svg("path", { class: "counts", d: `${d}L${end} ${base}L${x(run[0][0])} ${base}Z` }));
    found.push(svg("path", { class: "counts-line", d }));
  }
  for (const n of [1, most]) {
    found.push(svg("text", { x: LEFT - 6, y: y(n) + 4, "text-anchor": "end" }, `${n}`));
  }
  const counted = (event) => Number(event.kind === "up" || event.kind === "down");
  for (const event of [...events].sort((a, b) => counted(a) - counted(b))) {
    if (event.time < series.since || event.time > series.until) continue;
    const mark = marker(event.kind, x(event.time), base - STRIP + (counted(event) ? 6 : 14));
    mark.append(svg("title", {}, `${clock(event.time, true)} ${event.words}`));
    found.push(mark);
  }
  return found;
}

function marker(kind, x, y) {
  if (kind === "up") return svg("path", { class: "mark up", d: `M${x - 6} ${y + 5}L${x + 6} ${y + 5}L${x} ${y - 6}Z` });
  if (kind === "down") return svg("path", { class: "mark down", d: `M${x - 6} ${y - 5}L${x + 6} ${y - 5}L${x} ${y + 6}Z` });
  return svg("circle", { class: `mark ${kind}`, cx: x, cy: y, r: kind === "bad" ? 4.5 : 3 });
}

// Splits points where time or a value is missing, so that no line is drawn over what is not known.
function runs(points, gap, index = 2) {
  const found = [];
  let before = null;
  for (const point of points) {
    if (point[index] === null || point[index] === undefined) { before = null; continue; }
    if (before === null || point[0] - before > gap) found.push([]);
    found.at(-1).push(point);
    before = point[0];
  }
  return found;
}

function line(points, x, y, gap) {
  return runs(points, gap, 1).map((run) =>
    run.map((p, i) => `${i ? "L" : "M"}${x(p[0]).toFixed(1)} ${y(p[1]).toFixed(1)}`).join("")).join("");
}

function steps(points, x, y, gap) {
  return runs(points, gap, 1).map((run) => stepPath(run, x, y)).join("");
}

function stepPath(run, x, y) {
  let d = `M${x(run[0][0]).toFixed(1)} ${y(run[0][1]).toFixed(1)}`;
  run.slice(1).forEach((p, i) => {
    if (p[1] !== run[i][1]) d += `H${x(p[0]).toFixed(1)}V${y(p[1]).toFixed(1)}`;
  });
  return `${d}H${x(run.at(-1)[0]).toFixed(1)}`;
}

export function round(value) {
  return value === null || value === undefined ? "?" : String(Math.round(value * 10) / 10);
}
