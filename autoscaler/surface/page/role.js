// The card of one role: count, why, chart, members, events, and the chart's figures as a table.

import { clock, dayClock, draw, fitted, flapLine, round } from "/chart.js";
import { inWords } from "/events.js";

const EVENTS_SHOWN = 8, ROWS = 40;
const STEADY = new Set(["serving", "spare", "ready", "draining", "stopping"]);
const PHASES = { serving: "good", ready: "good", spare: "", unhealthy: "bad", quarantined: "bad" };

export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// Replaces children only if something differs, so that a reader's place and selection stay.
export function fill(node, given) {
  const children = given.map((one) => (typeof one === "string" ? document.createTextNode(one) : one));
  const before = [...node.childNodes], same = before.length === children.length
    && children.every((child, i) => child.isEqualNode(before[i]));
  if (!same) node.replaceChildren(...children);
}

function key(kind) {
  const NS = "http://www.w3.org/2000/svg";
  const box = document.createElementNS(NS, "svg"), path = document.createElementNS(NS, "path");
  box.setAttribute("viewBox", "0 0 22 8");
  box.setAttribute("aria-hidden", "true");
  path.setAttribute("class", kind);
  path.setAttribute("d", "M0 4H22");
  box.append(path);
  return box;
}

export class RoleCard {
  constructor(name) {
    this.name = name;
    this.parts = {
      count: element("p", { class: "count" }), why: element("div", { class: "why" }),
      chart: element("div", { class: "chart", tabindex: "0", role: "img" }),
      readout: element("output", { class: "readout" }), legend: element("div", { class: "legend" }),
      members: element("tbody"), events: element("ol", { class: "events" }),
      schedule: element("p", { class: "schedule", hidden: "" }), tags: element("ul", { class: "pills" }),
      table: element("table"),
    };
    this.node = this.#layout();
    this.series = null;
    this.chart = null;
    this.margin = null;
    this.told = null;
    this.#listen();
  }

  #layout() {
    const p = this.parts, id = `role-${this.name}`;
    const columns = [["Member", ""], ["State", ""], ["CPU", "number"], ["Memory", "number memory"]];
    const heads = columns.map(([text, kind]) => element("th", { scope: "col", class: kind }, text));
    const members = element("table", {}, element("caption", { class: "hidden" }, `Members of ${this.name}`),
      element("thead", {}, element("tr", {}, ...heads)), p.members);
    const figures = element("details", {}, element("summary", {}, "Chart as a table"),
      element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Figures of ${this.name}` }, p.table));
    figures.addEventListener("toggle", () => this.#table());
    this.figures = figures;
    return element("section", { class: "card", "aria-labelledby": id },
      element("div", { class: "head" }, element("h2", { id }, this.name), p.count, p.tags),
      p.why, p.schedule, p.chart, p.readout, p.legend, figures,
      element("div", { class: "columns" },
        element("div", {}, element("h3", {}, "Members"), members),
        element("div", {}, element("h3", {}, "What happened"), p.events)));
  }

  #listen() {
    const chart = this.parts.chart;
    chart.addEventListener("pointermove", (event) => {
      if (this.chart) this.#point(this.chart.timeAt(event.clientX - chart.getBoundingClientRect().left));
    });
    chart.addEventListener("pointerleave", () => this.#leave());
    chart.addEventListener("blur", () => this.#leave());
    chart.addEventListener("keydown", (event) => {
      if (!this.series?.points.length || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
      event.preventDefault();
      const points = this.series.points, step = event.key === "ArrowLeft" ? -1 : 1;
      const from = this.index ?? points.length - 1 - step;
      this.index = Math.min(points.length - 1, Math.max(0, from + step));
      this.#point(points[this.index][0]);
    });
    let width = 0;
    new ResizeObserver(() => {
      if (chart.clientWidth !== width && this.series) this.#draw();
      width = chart.clientWidth;
    }).observe(chart);
  }

  // Shows a status; returns words for a screen reader if something worth saying has changed.
  update(role, overrides) {
    const p = this.parts, mean = role.decision?.mean;
    this.margin = role.flap_margin;
    fill(p.count, [element("b", {}, String(role.running)), ` running, ${role.desired} wanted (${role.min} to ${role.max}), mean CPU ${mean === null || mean === undefined ? "unknown" : `${round(mean)} %`}`]);
    fill(p.why, role.why.map((words) => element("p", {}, words)));
    fill(p.tags, overrides.map((one) => element("li", { class: "pill warn", title: `${one.by}: ${one.reason}` },
      one.kind === "pin" ? `pinned to ${one.count}` : one.kind === "pause" ? `paused (${one.direction})` : one.kind)));
    this.names = role.members.map((member) => member.name);
    fill(p.members, role.members.map((member, i) => memberRow(member, i)));
    p.schedule.hidden = !role.schedule;
    if (role.schedule) fill(p.schedule, scheduleWords(role.schedule));
    const told = `${this.name}: ${role.running} running, ${role.desired} wanted`;
    const news = this.told !== null && told !== this.told && role.running === role.desired ? told : null;
    if (this.told === null || role.running === role.desired) this.told = told;
    return news;
  }

  plot(series, events) {
    this.series = fitted(series);
    this.marks = events.map(inWords).filter((one) => one.show);
    this.index = null;
    this.#draw();
    this.#table();
    const latest = this.marks.slice(-EVENTS_SHOWN).reverse();
    fill(this.parts.events, latest.length ? latest.map((one) => element("li", {},
      element("time", { datetime: new Date(one.time * 1000).toISOString() }, dayClock(one.time, true)), element("span", {}, one.words)))
      : [element("li", { class: "muted" }, "Nothing in this time.")]);
  }

  #draw() {
    const last = this.series.points.at(-1);
    this.shown = Object.keys(this.series.members).sort((a, b) => this.#place(a) - this.#place(b));
    this.chart = draw(this.parts.chart, this.series, this.marks, this.margin, this.shown);
    this.parts.chart.setAttribute("aria-label", last
      ? `CPU of ${this.name} over time. Now mean ${round(last[1])} %, ${last[2]} wanted, grows above ${round(last[3])} %, shrinks below ${round(last[4])} %. Left and right arrow keys read it out; the table below has all figures.`
      : `CPU of ${this.name} over time: nothing recorded yet.`);
    const keys = [["mean", "mean"], ...this.shown.map((name) => [`member c${this.#colour(name)}`, name]),
      ["rule high", "upper threshold"], ["rule low", "lower threshold"],
      ["rule guard", "guard: with one less the mean would be too high"]];
    fill(this.parts.legend, keys.map(([kind, words]) => element("span", {}, key(kind), words)));
  }

  #place(name) {
    const at = (this.names ?? []).indexOf(name);
    return at < 0 ? 1e6 : at;
  }

  #colour(name) { return this.shown.indexOf(name) % 6; }

  #point(time) {
    const near = nearest(this.series.points, time);
    if (!near) return;
    this.chart.at(near[0]);
    const members = this.shown.map((name) => [name, nearest(this.series.members[name], near[0])])
      .filter(([, point]) => point && point[1] !== null && Math.abs(point[0] - near[0]) <= this.series.width_seconds)
      .map(([name, point]) => `${name} ${round(point[1])} %`);
    this.parts.readout.textContent = `${clock(near[0], true)}: mean ${round(near[1])} %, wanted ${near[2]}${members.length ? `; ${members.join(", ")}` : ""}`;
  }

  #leave() {
    this.index = null;
    this.chart?.hide();
    this.parts.readout.textContent = "";
  }

  #table() {
    if (!this.figures.open || !this.series) return;
    const every = Math.max(1, Math.ceil(this.series.points.length / ROWS));
    const rows = this.series.points.filter((_, i, all) => (all.length - 1 - i) % every === 0).reverse().map((p) => {
      const guard = flapLine(p[3], this.margin, p[2]);
      return element("tr", {}, element("th", { scope: "row" }, clock(p[0], true)),
        ...[p[1], p[2], p[3], p[4], guard].map((v) => element("td", { class: "number" }, v === null ? "-" : round(v))));
    });
    const heads = ["Time", "Mean %", "Wanted", "Grows above %", "Shrinks below %", "Guard %"];
    this.parts.table.replaceChildren(
      element("caption", { class: "hidden" }, `CPU and count of ${this.name}, newest first`),
      element("thead", {}, element("tr", {}, ...heads.map((text, i) => element("th", { scope: "col", class: i ? "number" : "" }, text)))),
      element("tbody", {}, ...rows));
  }
}

function memberRow(member, i) {
  const percent = (value) => (value === null ? "-" : `${round(value)} %`);
  const kind = PHASES[member.phase] ?? "warn";
  const note = member.blocked ? `${member.blocked.hook === "before_stop" ? "not stopped" : "no requests"}, its hook failed: ${member.blocked.reason}` : STEADY.has(member.phase) && member.phase !== "ready" ? null : member.detail;
  const state = element("td", {}, element("span", { class: `pill ${kind}` }, member.phase));
  if (note) state.append(element("span", { class: "note" }, note));
  const name = element("th", { scope: "row" }, member.name);
  if (member.protected) name.append(element("span", { class: "note" }, "protected"));
  return element("tr", { "data-member": i }, name, state,
    element("td", { class: "number" }, percent(member.cpu_percent)),
    element("td", { class: "number memory" }, percent(member.memory_percent)));
}

// Says in the schedule's own time zone what is in force, until when, and what comes next.
function scheduleWords(schedule) {
  const phase = (one) => `${one.windows.join(", ") || "no window"} (${one.min} to ${one.max})`;
  const now = [element("b", {}, "Schedule"), ` ${phase(schedule)}`];
  if (!schedule.next) return [...now, "; no change is in sight"];
  const [date, time] = [schedule.until.slice(0, 10), schedule.until.slice(11, 16)];
  const day = new Date(`${date}T00:00Z`).toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" });
  const until = element("time", { datetime: schedule.until }, `${time} on ${day}`);
  return [...now, " until ", until, ` (${schedule.zone}), then ${phase(schedule.next)}`];
}

function nearest(points, time) {
  let best = null;
  for (const point of points ?? []) {
    if (best === null || Math.abs(point[0] - time) < Math.abs(best[0] - time)) best = point;
  }
  return best;
}
