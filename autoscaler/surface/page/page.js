// Keeps the page as the daemon is: asks again and again, says when no answer comes, and goes on by
// itself when there is one. Everything shown is put in as text, never as markup.

import { clock, dayClock, moment } from "/chart.js";
import { RoleCard, element, fill } from "/role.js";
import { inWords, isGlobal } from "/events.js";

const STATUS_MS = 2000, GIVE_UP_MS = 8000, EVENTS_SHOWN = 8;
const $ = (id) => document.getElementById(id);
const cards = new Map();
const view = { seconds: 3600, pid: null, answeredAt: null, stale: false, seriesAt: 0 };

// What the daemon did not answer, as opposed to what this page did wrong with an answer.
class NoAnswer extends Error {}

async function ask(path) {
  let answer, told;
  try {
    answer = await fetch(path, { signal: AbortSignal.timeout(GIVE_UP_MS), cache: "no-store" });
    told = await answer.json();
  } catch {
    throw new NoAnswer(view.answeredAt ? `No answer from the daemon since ${clock(view.answeredAt, true)}`
      : "No answer from the daemon yet");
  }
  if (!answer.ok) throw new NoAnswer(`The daemon answers ${answer.status}: ${told.error}`);
  return told;
}

function announce(words) { $("announce").textContent = words; }

function banner(words) {
  if ($("stale").textContent !== words) $("stale").textContent = words;
  $("stale").hidden = words === "";
}

function goStale(words) {
  banner(`${words}. What you see may be old; asking again.`);
  document.body.classList.add("stale");
  view.stale = true;
}

// Says that something could not be drawn; the daemon may be well.
function goWrong(error) {
  const words = `This page has an error, so some of it may be old or missing (${error?.message ?? error}). `
    + "The daemon is not affected: autoscaler status shows the same.";
  if ($("error").textContent !== words) {
    console.error(error);
    $("error").textContent = words;
  }
  $("error").hidden = false;
}

function goFresh(status) {
  if (view.stale) announce("The daemon answers again.");
  document.body.classList.remove("stale");
  view.stale = false;
  view.answeredAt = Date.now() / 1000;
  banner(status.late_seconds === null ? ""
    : `The daemon answers, but its loop has not moved for ${Math.round(status.late_seconds)} s.`);
}

function pill(kind, words, title) {
  return element("li", { class: `pill ${kind}`, title: title || words }, words);
}

function showHealth(status) {
  const engine = status.engine.up ? pill("good", "Docker answers")
    : pill("bad", "Docker does not answer", status.engine.error);
  const nginx = status.nginx.error ? pill("bad", "NGINX is behind", status.nginx.error)
    : status.nginx.settled ? pill("good", "NGINX is up to date") : pill("warn", "NGINX is being updated");
  const history = status.history.error ? pill("bad", "history is not stored", status.history.error)
    : pill("good", "history is stored");
  fill($("health"), [engine, nginx, history]);
  const said = troubles(status);
  fill($("troubles"), said.map((words) => element("li", {}, words)));
  $("troubles").hidden = said.length === 0;
}

// Everything that is not well, in sentences: nobody should have to point at something to read it.
function troubles(status) {
  const { engine, nginx, history, host } = status;
  const full = [["CPU", host?.cpu_saturated], ["memory", host?.memory_saturated]].filter(([, is]) => is);
  return [
    engine.up ? "" : engine.error, nginx.error,
    history.error, status.late,
    ...full.map(([what]) => `The host has too little ${what} left: new members would share the same.`),
    ...Object.entries(status.sources).map(([source, words]) => `CPU from ${source}: ${words}`),
    ...Object.entries(status.roles).map(([name, { out_of_scope: unseen }]) =>
      unseen && `Role ${name}: ${unseen.reason}; ${unseen.consequence}. To do: ${unseen.hint}.`),
    ...status.warnings,
  ].filter(Boolean);
}

function showOverrides(overrides) {
  const words = overrides.map((one) => {
    const whom = one.role ?? "all roles";
    const what = one.kind === "pin" ? `pinned to ${one.count}`
      : one.kind === "pause" ? `paused (${one.direction})` : one.kind;
    const until = one.kind === "hold" ? " while its command runs" : one.until ? ` until ${moment(Date.parse(one.until) / 1000)}` : "";
    return element("li", {}, element("b", {}, `${whom}: ${what}`), `${until}, by ${one.by}: ${one.reason}`);
  });
  fill($("overrides"), words.length ? words : [element("li", { class: "muted" }, "Nothing: the rules decide.")]);
}

function showRoles(status) {
  for (const name of [...cards.keys()].filter((one) => !(one in status.roles))) {
    cards.get(name).node.remove();
    cards.delete(name);
  }
  for (const [name, role] of Object.entries(status.roles)) {
    if (!cards.has(name)) {
      cards.set(name, new RoleCard(name));
      $("roles").append(cards.get(name).node);
      view.seriesAt = 0;
    }
    const mine = status.overrides.filter((one) => one.role === name || one.role === null);
    const news = cards.get(name).update(role, mine);
    if (news) announce(news);
  }
  $("empty").hidden = cards.size > 0;
  $("empty").textContent = "No role is enabled.";
}

function showHost(events) {
  const items = events.filter(isGlobal).slice(-EVENTS_SHOWN).reverse().map((event) =>
    element("li", {}, element("time", { datetime: new Date(event.time * 1000).toISOString() }, dayClock(event.time)), element("span", {}, inWords(event).words)));
  fill($("host-events"), items);
}

async function refreshStatus() {
  const status = await ask("/api/v1/status");
  if (status.pid !== view.pid) view.seriesAt = 0;
  view.pid = status.pid;
  goFresh(status);
  showHealth(status);
  showOverrides(status.overrides);
  showRoles(status);
  $("host").hidden = false;
  $("about").textContent = `Version ${status.version}, process ${status.pid}, looking every ${status.interval_seconds} s`;
}

async function refreshSeries() {
  view.seriesAt = Date.now();
  const seconds = view.seconds;
  const { events } = await ask(`/api/v1/events?limit=1000&since=${Math.floor(Date.now() / 1000 - seconds)}`);
  showHost(events);
  for (const [name, card] of cards) {
    const series = await ask(`/api/v1/series?role=${name}&seconds=${seconds}`);
    if (seconds !== view.seconds) return;
    card.plot(series, events.filter((event) => event.role === name));
  }
}

async function showSeries() {
  const every = view.seconds > 3600 ? 60000 : 5000;
  if (Date.now() - view.seriesAt < every) return;
  try {
    await refreshSeries();
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    view.seriesAt = Date.now() - every + 10000; // history may be away while the daemon is well
  }
}

async function turn() {
  try {
    if (!document.hidden) {
      await refreshStatus();
      await showSeries();
      $("error").hidden = true;
    }
  } catch (error) {
    if (error instanceof NoAnswer) goStale(error.message);
    else goWrong(error);
  }
  setTimeout(turn, STATUS_MS);
}

for (const input of document.querySelectorAll("input[name=range]")) {
  input.addEventListener("change", () => {
    view.seconds = Number(input.value);
    view.seriesAt = 0;
    showSeries().catch(goWrong);
  });
}
addEventListener("error", (event) => goWrong(event.error ?? event.message));
turn();
