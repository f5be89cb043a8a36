// Puts events of history into words, and says what kind of mark each is on the timeline.

const BAD = /failed|died|unusable|unhealthy|missing|killed|unavailable|unreachable|late|saturated|out_of_scope/;

export function isGlobal(event) {
  return !event.role && event.event !== "daemon.heartbeat";
}

export function inWords(event) {
  const name = event.event;
  if (name === "scale.decided") return decided(event);
  if (name === "config.reloaded") return reloaded(event);
  if (name.startsWith("override.")) return overridden(event);
  if (name.startsWith("schedule.")) return scheduled(event);
  const what = name.slice(name.indexOf(".") + 1).replaceAll("_", " ");
  const subject = event.member ?? name.slice(0, name.indexOf("."));
  const why = event.reason ? `: ${event.reason}` : "";
  return { time: event.time, kind: BAD.test(name) ? "bad" : "", words: `${subject} ${what}${why}`, show: true };
}

function overridden(event) {
  const { kind, direction, count, by, reason, was } = event;
  const what = kind === "pin" ? `pin at ${count}` : kind === "pause" && direction !== "both" ? `pause ${direction}` : kind;
  const words = event.event === "override.set" ? `${what} set by ${by}: ${reason}`
    : `${what} by ${by} ended (${was}): ${reason}`;
  return { time: event.time, kind: "", words, show: true };
}

function reloaded(event) {
  const changes = event.changes.map((one) =>
    `${one.variable.replace("AUTOSCALER_", "")} ${one.old || "(empty)"} to ${one.new || "(empty)"}`);
  return { time: event.time, kind: "", words: `settings reloaded: ${changes.join("; ") || "nothing differs"}`, show: true };
}

function scheduled(event) {
  const begins = event.event === "schedule.entered" ? "begins" : "ends";
  const words = `window ${event.window} ${begins}: ${event.min} to ${event.max}`;
  return { time: event.time, kind: "", words, show: true };
}

function decided(event) {
  const { desired_before: before, desired, reason, mean } = event;
  const at = mean === null || mean === undefined ? "" : ` at a mean of ${Math.round(mean)} %`;
  const why = reason.replaceAll("_", " ");
  if (desired === before) return { time: event.time, kind: "", words: `stays at ${desired}: ${why}${at}`, show: false };
  const kind = desired > before ? "up" : "down";
  return { time: event.time, kind, words: `${before} to ${desired}: ${why}${at}`, show: true };
}
