"use strict";
// One sample in full: what was asked and answered, scores with reasons, requests, usage; and the row's other answers.
const Single = (function () {
  const { badge, button, count, cutNote, list, long, make, where, words } = Parts;
  const CARDS = 12;
  const FACTS = {
    provider: "provider", model_served: "model served", usage_source: "usage", request_id: "request",
    reused_from: "reused from run", finished_at: "ended",
  };
  const USAGE = {
    input: "fresh input tokens", cache_read: "cache read tokens", cache_write_5m: "cache write tokens (5 min)",
    cache_write_1h: "cache write tokens (1 h)", output: "output tokens", thinking: "of them thinking tokens",
  };
  let marking = true;

  function turn(title, kind, ...content) {
    return make("div", "turn " + kind, make("h4", "", title), ...content);
  }

  function pretty(value) {
    if (value.more) return value;
    try {
      return { text: JSON.stringify(JSON.parse(value.text), null, 2), more: 0 };
    } catch (error) {
      return value;
    }
  }

  function scored(score) {
    const verdict = score.passed === null ? (score.value === "–" ? score.status : score.value) : score.passed ? "right" : "wrong";
    const pairs = [["result", score.label ? verdict + " (" + score.label + ")" : verdict]];
    if (score.expected) pairs.push(["expected", long(score.expected)]);
    if (score.extracted) pairs.push(["found", long(score.extracted)]);
    if (score.explanation) pairs.push(["because", long(score.explanation)]);
    return turn("score: " + score.scorer, "", list("pair", pairs));
  }

  function attempts(sample) {
    const heads = ["Sent", "HTTP", "Took", "Cost", "Error"].map((name) => {
      const head = make("th", name === "Sent" || name === "Error" ? "" : "number", name);
      head.scope = "col";
      return head;
    });
    const rows = sample.attempts.map((one) => make("tr", "",
      make("td", "", one.at || "–"), make("td", "number", one.http === null ? "–" : String(one.http)),
      make("td", "number", one.latency), make("td", "number", one.paid ? one.cost + ", may have been paid" : one.cost),
      words("td", "", one.error || "–")));
    const table = make("table", "requests", make("caption", "unseen", "Requests that were sent for this job"),
      make("thead", "", make("tr", "", ...heads)), make("tbody", "", ...rows));
    const title = sample.attempts.length === 1 ? "1 request" : count(sample.attempts.length) + " requests";
    const frame = make("div", "scroll", table);
    frame.tabIndex = 0;
    frame.setAttribute("role", "group");
    frame.setAttribute("aria-label", "Requests");
    const box = make("details", "", make("summary", "", title), frame);
    box.open = sample.attempts.length > 1;
    return box;
  }

  function facts(sample) {
    const used = Object.entries(sample.usage).map(([name, value]) => [USAGE[name] || name, count(value)]);
    const known = Object.entries(sample.facts).map(([name, value]) => [FACTS[name] || name, value]);
    return list("facts", [
      ["status", sample.status], ["stop reason", sample.stop || "–"], ["repeat", count(sample.repeat + 1)],
      ["cost", sample.cost], ["latency", sample.latency], ...used, ...known, ["job", sample.job],
    ]);
  }

  function marked(text, base) {
    const script = Words.difference(base, text);
    const box = make("p", "text");
    box.dir = "auto";
    if (!script) {
      box.append(text || "–");
      return make("div", "", box, make("p", "cut-note", "Too different to mark word by word."));
    }
    const tags = { "-1": "del", "1": "ins" };
    box.append(...Words.phrases(script).map(([kind, words]) => (kind === 0 ? words : make(tags[kind], "", words))));
    return box;
  }

  // A text that has to be scrolled is reached by the keyboard too.
  const scrolled = new ResizeObserver((entries) => entries.forEach(({ target }) => {
    if (target.scrollHeight > target.clientHeight) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }));

  function card(sample, base, open) {
    const isBase = sample === base;
    const told = isBase ? make("span", "where", "this answer") : button("link", "Open", () => open(sample.job));
    const head = make("div", "card-head", words("h5", "", where(sample)), badge(sample, sample.scores.length > 1), told);
    const content = (one) => one.prefill + one.answer.text + (one.tools ? "\n" + one.tools.text : "");
    const plain = isBase || !marking || !sample.answer.text;
    const text = sample.error && !sample.answer.text ? words("p", "text code", sample.error.text)
      : plain ? words("p", "text", content(sample) || "–") : marked(content(sample), content(base));
    scrolled.observe(text.matches(".text") ? text : text.querySelector(".text"));
    return make("section", isBase ? "card base" : "card", head, text, cutNote(sample.answer.more));
  }

  function beside(sample, siblings, open) {
    const ordered = [sample, ...siblings.filter((one) => one !== sample)];
    const grid = make("div", "cards");
    let shown = CARDS;
    const more = button("plain", "Show all " + count(ordered.length) + " answers", () => { shown = ordered.length; fill(); });
    const fill = () => {
      grid.replaceChildren(...ordered.slice(0, shown).map((one) => card(one, sample, open)));
      more.hidden = ordered.length <= shown;
    };
    const box = make("input");
    box.type = "checkbox";
    box.id = "mark-differences";
    box.checked = marking;
    box.addEventListener("change", () => { marking = box.checked; fill(); });
    const label = make("label", "", "Mark differences from this answer");
    label.htmlFor = box.id;
    fill();
    return make("section", "beside", make("h4", "", "All answers to this row"), make("p", "check", box, label), grid, more);
  }

  function isCut(sample) {
    const texts = [...sample.turns, sample.answer, sample.thinking, sample.tools, sample.error];
    sample.scores.forEach((score) => texts.push(score.expected, score.extracted, score.explanation));
    return texts.some((text) => text && text.more > 0);
  }

  // `place` has `text`, `whole` (the address of all texts), and `before`, `after`, `back`: what its buttons do; or null.
  function show(article, sample, siblings, place, open) {
    const title = words("h3", "row-name", sample.row);
    title.tabIndex = -1;
    const link = make("a", "", "Link to this sample");
    link.href = "#job=" + encodeURIComponent(sample.job);
    const moves = ["before", "after"].map((name) => {
      const one = button("link", name === "before" ? "← Previous" : "Next →", () => place[name]());
      one.disabled = !place[name];
      return one;
    });
    const way = make("nav", "way", button("link", "All samples", place.back), make("span", "spot", place.text), ...moves);
    way.setAttribute("aria-label", "Samples");
    const parts = sample.turns.map((one) => turn(one.role, "", long(one)));
    if (sample.thinking) parts.push(make("details", "", make("summary", "", "Thinking"), long(sample.thinking)));
    parts.push(turn("answer", "answer", Parts.answerText(sample), cutNote(sample.answer.more)));
    if (sample.tools) parts.push(turn("tool calls", "answer", long(pretty(sample.tools), "text code")));
    if (sample.error) parts.push(turn("error", "trouble", long(sample.error, "text code")));
    sample.scores.forEach((score) => parts.push(scored(score)));
    if (sample.attempts.length) parts.push(attempts(sample));
    const all = place.whole && isCut(sample) ? make("a", "", "All of its texts, as plain text") : null;
    if (all) all.href = place.whole;
    article.replaceChildren(way, title, words("p", "where", where(sample)), badge(sample, sample.scores.length > 1), ...parts);
    article.append(facts(sample), make("p", "links", link, all));
    if (siblings.length > 1) article.append(beside(sample, siblings, open));
    return title;
  }

  return { show };
})();
