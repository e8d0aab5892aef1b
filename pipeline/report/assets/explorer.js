"use strict";
// Runs the samples section: filters, sorting, the list, one sample, the address, the keys. `Source` has the samples.
(function () {
  const explorer = document.getElementById("explorer");
  if (!explorer) return;
  const PAGE_SIZE = 50;
  const TYPING_MS = 160;
  const SORTS = {
    failures: "failures first", score: "lowest score", score_high: "highest score", tokens: "most tokens",
    cost: "most expensive", latency: "slowest", row: "row",
  };
  const CHOICES = ["model", "prompt", "params", "scorer", "outcome", "status", "stop", "sort"];
  const ALL = {
    model: "all models", prompt: "all prompts", params: "all parameters", scorer: "all scorers", outcome: "all results",
    status: "all statuses", stop: "all stop reasons", sort: SORTS.failures,
  };
  const FIELDS = [...CHOICES, "low", "high", "text", "differ"];
  const at = (id) => document.getElementById(id);
  const input = (name) => at("filter-" + name);
  const body = document.querySelector("#sample-table tbody");
  const article = at("sample");
  const tally = at("tally");
  const more = at("more");

  let wish = read();
  let shown = [];
  let latest = { total: 0, matching: 0, facets: null };
  let asking = new AbortController();
  let opened = 0;

  function read() {
    const found = new URLSearchParams(location.hash.slice(1));
    const state = Object.fromEntries([...FIELDS, "job"].map((name) => [name, found.get(name) || ""]));
    if (!(state.sort in SORTS) || state.sort === "failures") state.sort = "";
    return state;
  }

  function write(push) {
    const set = Object.entries(wish).filter(([, value]) => value !== "");
    const hash = "#" + new URLSearchParams(set).toString();
    if (hash === (location.hash || "#")) return;
    history[push ? "pushState" : "replaceState"](null, "", set.length ? hash : "#samples");
  }

  function filtered() {
    return FIELDS.some((name) => name !== "sort" && wish[name] !== "");
  }

  function option(value, text) {
    const element = Parts.make("option", "", text);
    element.value = value;
    return element;
  }

  function fill(facets) {
    const values = { ...facets, scorer: facets.scorer.map((one) => one.name), sort: Object.keys(SORTS).filter((name) => name !== "failures") };
    for (const name of CHOICES) {
      const offered = values[name].includes(wish[name]) || !wish[name] ? values[name] : [...values[name], wish[name]];
      const options = offered.map((value) => option(value, name === "sort" ? SORTS[value] : value));
      input(name).replaceChildren(option("", ALL[name]), ...options);
      at("choose-" + name).hidden = ["params", "scorer", "stop"].includes(name) && offered.length < 2;
    }
    const chosen = facets.scorer.filter((one) => !wish.scorer || one.name === wish.scorer);
    at("choose-range").hidden = !(chosen.some((one) => one.graded) || wish.low || wish.high);
    at("choose-differ").hidden = !facets.differ && !wish.differ;
    at("differ-by").textContent = facets.differ || "models";
    sync();
  }

  function sync() {
    FIELDS.forEach((name) => {
      const field = input(name);
      if (name === "differ") field.checked = wish.differ !== "";
      else if (field !== document.activeElement || field.tagName === "SELECT") field.value = wish[name];
    });
    at("clear").hidden = !filtered();
  }

  function say(result) {
    const of = result.matching < result.total ? " of " + Parts.count(result.total) : "";
    const first = shown.length < result.matching ? ", the first " + Parts.count(shown.length) + " shown" : "";
    const counted = Parts.count(result.matching) + (result.matching === 1 ? " sample" : " samples") + of + first;
    const searching = result.searched < 1 ? "Searching, " + Math.floor(result.searched * 100) + " % so far." : "";
    const found = result.matching === 0 && !searching ? "No sample matches" : counted;
    const told = [found, searching, result.note].filter(Boolean);
    tally.textContent = told.length > 1 || result.matching === 0 ? [found + ".", ...told.slice(1)].join(" ") : found;
  }

  function draw(result, from) {
    const several = result.facets.scorer.length > 1;
    const rows = result.items.map((sample) => Lines.line(sample, several, open));
    if (from === 0) { shown = []; body.replaceChildren(); }
    body.append(...rows);
    shown.push(...result.items.map((sample) => sample.job));
    more.hidden = shown.length >= result.matching;
    say(result);
  }

  // Fetches the list from `from` on; while a search goes on, what is found so far is shown.
  async function ask(from) {
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    explorer.setAttribute("aria-busy", "true");
    try {
      let result;
      do {
        result = await Source.list(wish, from, PAGE_SIZE, signal);
        if (signal.aborted) return;
        latest = result;
        if (result.facets && from === 0) fill(result.facets);
        draw(result, from);
      } while (result.searched < 1);
    } catch (error) {
      if (signal.aborted) return;
      tally.textContent = "The samples could not be read: " + error.message;
    } finally {
      if (!signal.aborted) explorer.removeAttribute("aria-busy");
    }
  }

  function place(job) {
    const number = shown.indexOf(job);
    const to = (other) => (other === undefined ? null : () => open(other, true));
    const last = number >= 0 && number === shown.length - 1 && shown.length < latest.matching;
    return {
      text: number < 0 ? "" : Parts.count(number + 1) + " of " + Parts.count(latest.matching),
      before: number > 0 ? to(shown[number - 1]) : null,
      after: number < 0 ? null : last ? async () => { await ask(shown.length); open(shown[number + 1], true); } : to(shown[number + 1]),
      back,
    };
  }

  // Shows the list or the sample that the address names.
  async function show() {
    const job = wish.job;
    const ticket = ++opened;
    if (!job) {
      const was = article.dataset.job;
      article.hidden = true;
      explorer.hidden = false;
      article.replaceChildren();
      delete article.dataset.job;
      const row = was && [...body.rows].find((line) => line.dataset.job === was);
      if (row) row.querySelector(".open").focus();
      return;
    }
    let row = [];
    try {
      row = await Source.row(job);
    } catch (error) {
      if (ticket === opened) missing("This sample could not be read: " + error.message);
      return;
    }
    if (ticket !== opened) return;
    const sample = row.find((one) => one.job === job);
    if (!sample) { missing("No sample here has this address."); return; }
    article.dataset.job = job;
    const whole = Source.whole ? Source.whole(job) : null;
    const title = Single.show(article, sample, row, { ...place(job), whole }, open);
    explorer.hidden = true;
    article.hidden = false;
    title.focus({ preventScroll: true });
    article.scrollIntoView({ block: "start", behavior: "instant" });
  }

  function missing(text) {
    explorer.hidden = true;
    article.hidden = false;
    article.replaceChildren(Parts.make("p", "", text), Parts.button("link", "All samples", back));
  }

  function reveal() {
    if (filtered() && !explorer.hidden) explorer.scrollIntoView({ block: "start", behavior: "instant" });
  }

  function open(job, instead) {
    wish.job = job;
    write(!instead);
    show();
  }

  function back() {
    wish.job = "";
    write(true);
    show();
  }

  function changed() {
    CHOICES.forEach((name) => { wish[name] = input(name).value; });
    ["low", "high", "text"].forEach((name) => { wish[name] = input(name).value.trim(); });
    wish.differ = input("differ").checked ? "1" : "";
    write(false);
    at("clear").hidden = !filtered();
    return ask(0);
  }

  let pending = 0;
  FIELDS.forEach((name) => input(name).addEventListener("input", () => {
    clearTimeout(pending);
    pending = setTimeout(changed, ["text", "low", "high"].includes(name) ? TYPING_MS : 0);
  }));
  document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", () => ask(shown.length));
  at("clear").addEventListener("click", () => {
    FIELDS.filter((name) => name !== "sort").forEach((name) => { wish[name] = ""; });
    write(true);
    sync();
    input("text").focus();
    ask(0);
  });

  addEventListener("popstate", () => {
    const before = JSON.stringify({ ...wish, job: "" });
    wish = read();
    if (JSON.stringify({ ...wish, job: "" }) !== before) { sync(); ask(0).then(show).then(reveal); } else show();
  });

  function move(step) {
    const buttons = [...body.querySelectorAll(".open")];
    const now = buttons.indexOf(document.activeElement);
    const next = buttons[now < 0 ? 0 : Math.min(Math.max(now + step, 0), buttons.length - 1)];
    if (next) next.focus();
  }

  function typing(target) {
    return target.matches("input:not([type='checkbox']), select, textarea");
  }

  addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    const inList = !explorer.hidden, target = event.target;
    const near = target === document.body || explorer.contains(target) || article.contains(target);
    if (!near || (typing(target) && !(event.key === "ArrowDown" && target.type === "search"))) return;
    const single = { Escape: back, ArrowLeft: place(wish.job).before, ArrowRight: place(wish.job).after };
    const list = { ArrowDown: () => move(1), ArrowUp: () => move(-1), "/": () => input("text").focus() };
    const focused = target === document.body && !["/"].includes(event.key);
    if (inList && focused) return;
    const act = (inList ? list : single)[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  (async function () {
    tally.textContent = "Reading the samples…";
    try {
      await Source.start();
    } catch (error) {
      tally.textContent = "The samples could not be unpacked; a newer browser is needed. " + error.message;
      return;
    }
    await ask(0);
    if (wish.job) await show();
    else reveal();
    explorer.dataset.ready = "yes";
  })();
})();
