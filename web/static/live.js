// CONTROL/MONITORING, live: what has changed comes as server-sent events (internal/gui/live says in what form). Without this
// script the page works as well, and is loaded again as a whole.
"use strict";
(() => {
  const update = document.getElementById("update");
  const said = document.getElementById("live");
  const auto = update.elements.auto_update;
  const interval = update.elements.rate;
  const nnbsp = "\u202f"; // between groups of three digits
  const samples = 60;
  const rates = new Map(); // of each virtual server, the last ones
  let source = null;
  let heard = Date.now();

  const pause = document.createElement("button");
  pause.type = "button";
  pause.className = "btn";
  update.insertBefore(pause, update.querySelector("button"));

  const seconds = () => Math.min(Math.max(parseInt(interval.value, 10) || 2, 2), 3600);
  const clock = (ms) => new Date(ms).toTimeString().slice(0, 8);
  const table = () => document.getElementById("servers");
  const heralded = document.getElementById("live-state"); // read out, so it has no time in it
  const say = (text, state) => {
    const word = text.split(/,| since/)[0];
    if (heralded.textContent !== word) heralded.textContent = word;
    said.className = state ? "st " + state : "muted";
    if (said.textContent !== text) said.textContent = text;
    document.getElementById("main").classList.toggle("old", state === "warn");
  };

  // A row's figures are in its cells after the one with the reason and the weight.
  const cells = (n) => {
    const row = document.getElementById("r" + n);
    if (!row) return null;
    const first = row.cells.length - (row.classList.contains("vs") ? 4 : 3);
    return { row, active: row.cells[first], inactive: row.cells[first + 1], rate: row.cells[first + 2], spark: row.cells[first + 3] };
  };
  const grouped = (digits) => (digits === "-" ? "" : digits.replace(/\B(?=(\d{3})+$)/g, nnbsp));

  const figures = (text) => {
    let n = -1;
    for (const part of text ? text.split(";") : []) {
      const [after, list] = part.split(":");
      n += after === "" ? 1 : parseInt(after, 10);
      const c = cells(n);
      const [active, inactive, rate, took] = list.split(",");
      if (rate && c && c.spark) current.set(n, rate === "-" ? null : parseInt(rate, 10));
      if (!c) continue;
      if (active) c.active.textContent = grouped(active);
      if (inactive) c.inactive.textContent = grouped(inactive);
      if (rate) c.rate.textContent = grouped(rate);
      const last = took && c.row.querySelector(".muted i");
      if (last) last.textContent = took;
    }
  };

  // Sparklines: new connections a second of each virtual server, a sample an update.
  const current = new Map();
  const svg = (name, attributes) => {
    const e = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key in attributes) e.setAttribute(key, attributes[key]);
    return e;
  };
  const draw = (n, list) => {
    const c = cells(n);
    if (!c || !c.spark || list.length < 2) return;
    const most = Math.max(...list, 1);
    const points = list.map((v, i) => ((i + samples - list.length) * 100 / (samples - 1)).toFixed(1) + "," + (20 - 18 * v / most).toFixed(1)).join(" ");
    const spark = svg("svg", { class: "spark", viewBox: "0 0 100 22", preserveAspectRatio: "none", role: "img",
      "aria-label": "New connections a second: " + list[list.length - 1] + " now, " + most + " at most" });
    spark.append(svg("polyline", { points }));
    c.spark.replaceChildren(spark);
  };
  const sample = () => {
    for (const [n, rate] of current) {
      if (rate === null) continue;
      const list = rates.get(n) || [];
      list.push(rate);
      if (list.length > samples) list.shift();
      rates.set(n, list);
      draw(n, list);
    }
  };

  const rows = (list) => {
    for (const n in list) {
      const row = document.getElementById("r" + n);
      if (!row) continue;
      const focused = [...row.querySelectorAll("a")].indexOf(document.activeElement);
      const made = document.createElement("tbody");
      made.innerHTML = list[n];
      const now = made.firstElementChild;
      row.replaceWith(now);
      if (focused >= 0) now.querySelectorAll("a")[focused]?.focus();
      if (rates.has(+n)) draw(+n, rates.get(+n));
    }
  };
  const put = (parent, children) => {
    const focused = document.activeElement;
    parent.append(...children);
    if (parent.contains(focused)) focused.focus();
  };
  const order = (services, inner) => {
    for (const n in inner || {}) {
      const block = document.getElementById("b" + n);
      if (block) put(block, inner[n].map((m) => document.getElementById("r" + m)).filter(Boolean));
    }
    if (services && table()) put(table(), services.map((n) => document.getElementById("b" + n)).filter(Boolean));
  };

  // The page is loaded again where what it shows is another list.
  let loaded = 0;
  const all = async () => {
    stop();
    if (Date.now() - loaded < 2000) await new Promise((done) => setTimeout(done, 2000));
    loaded = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.redirected || !answer.ok) return location.reload();
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const form = page.getElementById("update");
      if (!form) return location.reload();
      form.replaceWith(update); // it has what somebody has entered
      document.getElementById("main").replaceWith(page.getElementById("main"));
      current.clear();
      rates.clear();
    } catch {
      say("no connection since " + clock(heard), "warn");
    }
    start();
  };

  const take = (event) => {
    heard = Date.now();
    const u = JSON.parse(event.data);
    if (u.all || (u.rows && location.search.includes("show="))) return all();
    for (const id in u.sections || {}) {
      const part = document.getElementById(id);
      if (part && !part.contains(document.activeElement)) part.innerHTML = u.sections[id];
    }
    rows(u.rows || {});
    order(u.order, u.inner);
    figures(u.figures);
    sample();
    say("live, " + clock(heard), "");
  };

  const stop = () => {
    if (source) source.close();
    source = null;
  };
  const start = () => {
    stop();
    pause.textContent = auto.checked ? "Pause" : "Go on";
    if (!auto.checked || document.hidden) return auto.checked || say("paused, as of " + clock(heard), "hold");
    const { kind, state } = document.getElementById("list").dataset;
    const query = new URLSearchParams({ rate: seconds(), kind, state });
    source = new EventSource("/control/live?" + query);
    source.onmessage = take;
    source.onerror = () => {
      say("no connection since " + clock(heard), "warn");
      if (source.readyState === EventSource.CLOSED) setTimeout(() => source && source.readyState === EventSource.CLOSED && all(), 5000);
    };
  };

  pause.addEventListener("click", () => { auto.checked = !auto.checked; start(); });
  auto.addEventListener("change", start);
  interval.addEventListener("change", () => { interval.value = seconds(); start(); });
  document.addEventListener("visibilitychange", start);
  window.addEventListener("pagehide", stop);
  if (!new URLSearchParams(location.search).has("rate")) {
    auto.checked = true;
    interval.value = 2;
  }
  start();
})();
