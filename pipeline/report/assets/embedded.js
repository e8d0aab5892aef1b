"use strict";
// Samples that the page holds, packed: base64 of a raw deflate stream of JSON lines. Filters and sorts them here.
const Source = (function () {
  const ORDER = { failed: 0, wrong: 1, graded: 1, unscored: 2, right: 3 };
  const DIMENSIONS = [["model", "models"], ["prompt", "prompts"], ["params", "parameters"], ["repeat", "repeats"]];
  const samples = [];
  const byJob = new Map();
  const byRow = new Map();
  let comparedBy = null;
  let torn = null;

  async function start() {
    const packed = JSON.parse(document.getElementById("sample-data").textContent);
    const bytes = Uint8Array.from(atob(packed), (sign) => sign.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    const shared = [];
    for (const line of (await new Response(stream).text()).split("\n")) {
      if (!line) continue;
      const entry = JSON.parse(line);
      if (Array.isArray(entry)) { shared.push(...entry); continue; }
      entry.turns.forEach((turn) => { if (typeof turn.text === "number") turn.text = shared[turn.text]; });
      entry.place = samples.length;
      samples.push(entry);
      byJob.set(entry.job, entry);
      if (!byRow.has(entry.row)) byRow.set(entry.row, []);
      byRow.get(entry.row).push(entry);
    }
    const found = DIMENSIONS.find(([name]) => new Set(samples.map((sample) => sample[name])).size > 1);
    comparedBy = byRow.size < samples.length && found ? found : null;
  }

  function distinct(name) {
    return [...new Set(samples.map((sample) => sample[name]).filter((value) => value !== null && value !== ""))];
  }

  function facets() {
    const scorers = new Map();
    samples.forEach((sample) => sample.scores.forEach((score) => {
      const isGraded = score.passed === null && score.number !== null;
      scorers.set(score.scorer, scorers.get(score.scorer) || isGraded);
    }));
    return {
      ...Object.fromEntries(["model", "prompt", "params", "status", "stop", "outcome"].map((name) => [name, distinct(name)])),
      scorer: [...scorers].map(([name, graded]) => ({ name, graded })),
      differ: comparedBy && comparedBy[1],
    };
  }

  function verdict(sample, scorer) {
    if (!scorer || sample.outcome === "failed") return sample.outcome;
    const score = sample.scores.find((one) => one.scorer === scorer);
    if (!score || (score.passed === null && score.number === null)) return "unscored";
    return score.passed === null ? "graded" : score.passed ? "right" : "wrong";
  }

  function number(sample, scorer) {
    const values = sample.scores.filter((one) => !scorer || one.scorer === scorer)
      .map((one) => (one.passed === null ? one.number : Number(one.passed))).filter((value) => value !== null);
    return values.length ? Math.min(...values) : null;
  }

  // Rows where some answer is right and another one wrong, or two grades lie half the range of all grades apart.
  function tornGroups() {
    if (torn) return torn;
    const grades = samples.map((sample) => number(sample)).filter((value) => value !== null);
    const range = grades.reduce((most, value) => Math.max(most, value), -Infinity) - grades.reduce((least, value) => Math.min(least, value), Infinity);
    const groups = new Map();
    samples.forEach((sample) => {
      const others = DIMENSIONS.filter(([name]) => name !== comparedBy[0] && name !== "repeat").map(([name]) => sample[name]);
      const key = JSON.stringify([sample.row, ...others]);
      sample.group = key;
      const group = groups.get(key) || { of: new Set(), low: Infinity, high: -Infinity };
      const value = number(sample);
      if (value !== null && sample.outcome !== "failed") {
        group.of.add(sample[comparedBy[0]]);
        group.low = Math.min(group.low, value);
        group.high = Math.max(group.high, value);
      }
      groups.set(key, group);
    });
    torn = new Set([...groups].filter(([, group]) => group.of.size > 1 && group.high > group.low && group.high - group.low >= range / 2).map(([key]) => key));
    return torn;
  }

  function haystack(sample) {
    if (sample.all === undefined) {
      const texts = [sample.row, sample.job, sample.prefill + sample.answer.text, sample.stop];
      [sample.error, sample.thinking, sample.tools].forEach((part) => texts.push(part && part.text));
      sample.turns.forEach((one) => texts.push(one.text));
      sample.scores.forEach((one) => [one.expected, one.extracted, one.explanation].forEach((part) => texts.push(part && part.text)));
      sample.all = texts.filter(Boolean).join("\n").toLowerCase();
    }
    return sample.all;
  }

  function fits(sample, wish) {
    const plain = ["model", "prompt", "params", "status", "stop"].every((name) => !wish[name] || sample[name] === wish[name]);
    if (!plain || (wish.outcome && verdict(sample, wish.scorer) !== wish.outcome)) return false;
    if (wish.low !== "" || wish.high !== "") {
      const value = number(sample, wish.scorer);
      if (value === null || (wish.low !== "" && value < Number(wish.low)) || (wish.high !== "" && value > Number(wish.high))) return false;
    }
    if (wish.differ && comparedBy && !(tornGroups().has(sample.group))) return false;
    return !wish.text || haystack(sample).includes(wish.text.toLowerCase());
  }

  function sorted(found, wish) {
    const last = (value) => (value === null || value === undefined ? Infinity : value);
    const keys = {
      failures: (sample) => [ORDER[sample.outcome], ORDER[sample.outcome] === 1 ? last(number(sample)) : 0],
      score: (sample) => [last(number(sample, wish.scorer))],
      score_high: (sample) => [-(number(sample, wish.scorer) ?? -Infinity)],
      tokens: (sample) => [-((sample.input ?? 0) + (sample.output ?? 0))],
      cost: (sample) => [-(sample.usd ?? -Infinity)],
      latency: (sample) => [-(sample.ms ?? -Infinity)],
    };
    if (wish.sort === "row") {
      const collator = new Intl.Collator("en", { numeric: true });
      return found.sort((a, b) => collator.compare(a.row, b.row) || a.place - b.place);
    }
    const key = keys[wish.sort] || keys.failures;
    const keyed = found.map((sample) => [key(sample), sample]);
    const compare = (a, b) => (a === b ? 0 : a < b ? -1 : 1);
    keyed.sort(([a, one], [b, other]) => compare(a[0], b[0]) || compare(a[1] ?? 0, b[1] ?? 0) || one.place - other.place);
    return keyed.map(([, sample]) => sample);
  }

  let listed = { key: null, samples: [] };

  async function list(wish, offset, length) {
    const key = JSON.stringify({ ...wish, job: "" });
    if (listed.key !== key) listed = { key, samples: sorted(samples.filter((sample) => fits(sample, wish)), wish) };
    return { facets: facets(), total: samples.length, matching: listed.samples.length, items: listed.samples.slice(offset, offset + length) };
  }

  async function row(job) {
    const sample = byJob.get(job);
    return sample ? byRow.get(sample.row) : [];
  }

  return { list, row, start };
})();
