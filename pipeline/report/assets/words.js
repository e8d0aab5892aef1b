"use strict";
// Tells two texts apart word by word (Myers, "An O(ND) Difference Algorithm and Its Variations", Algorithmica 1986).
const Words = (function () {
  // A word of letters and digits, one sign of a script without spaces, white space, or one other sign.
  const PIECE = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}]|[\p{L}\p{M}\p{N}_]+|\s+|[^\p{L}\p{M}\p{N}_\s]/gu;
  const MOST_WORDS = 6000;
  const MOST_EDITS = 1200;
  const LEAST_IN_COMMON = 0.2;

  function pieces(text) {
    return text.match(PIECE) || [];
  }

  // The furthest reach of every number of edits; null where the texts are too far apart to be worth it.
  function reaches(a, b) {
    const most = Math.min(a.length + b.length, MOST_EDITS);
    const trace = [];
    let reach = new Int32Array([0, 0, 0]);
    for (let edits = 0; edits <= most; edits++) {
      const next = new Int32Array(2 * edits + 3);
      for (let k = -edits; k <= edits; k += 2) {
        const at = (diagonal) => reach[diagonal + edits];
        let x = edits === 0 ? 0 : k === -edits || (k !== edits && at(k - 1) < at(k + 1)) ? at(k + 1) : at(k - 1) + 1;
        let y = x - k;
        while (x < a.length && y < b.length && a[x] === b[y]) { x++; y++; }
        next[k + edits + 1] = x;
        if (x >= a.length && y >= b.length) return { trace, edits };
      }
      trace.push(next);
      reach = next;
    }
    return null;
  }

  function middle(a, b) {
    const found = reaches(a, b);
    if (!found) return [...a.map((word) => [-1, word]), ...b.map((word) => [1, word])];
    const script = [];
    let x = a.length, y = b.length;
    for (let edits = found.edits; edits > 0; edits--) {
      const reach = found.trace[edits - 1], at = (diagonal) => reach[diagonal + edits];
      const k = x - y;
      const down = k === -edits || (k !== edits && at(k - 1) < at(k + 1));
      const before = down ? k + 1 : k - 1;
      const fromX = at(before), fromY = fromX - before;
      while (x > fromX && y > fromY && x > 0 && y > 0 && a[x - 1] === b[y - 1]) { x--; y--; script.push([0, a[x]]); }
      if (down) { y--; script.push([1, b[y]]); } else { x--; script.push([-1, a[x]]); }
    }
    while (x > 0) { x--; script.push([0, a[x]]); }
    return script.reverse();
  }

  // [kind, text] pairs: 0 in both, -1 only in the first, 1 only in the second; null where there is little in common.
  function difference(first, second) {
    const a = pieces(first), b = pieces(second);
    if (a.length > MOST_WORDS || b.length > MOST_WORDS) return null;
    let start = 0, end = 0;
    while (start < a.length && start < b.length && a[start] === b[start]) start++;
    while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
    const script = [
      ...a.slice(0, start).map((word) => [0, word]),
      ...middle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
      ...a.slice(a.length - end).map((word) => [0, word]),
    ];
    const common = script.filter(([kind, word]) => kind === 0 && /\S/.test(word)).length;
    const words = Math.max(...[a, b].map((all) => all.filter((word) => /\S/.test(word)).length));
    if (words && common / words < LEAST_IN_COMMON) return null;
    const joined = [];
    for (const [kind, word] of script) {
      const last = joined[joined.length - 1];
      if (last && last[0] === kind) last[1] += word;
      else joined.push([kind, word]);
    }
    return joined;
  }

  // The same with changed words that only white space parts taken together, old ones first: easier to read.
  function phrases(script) {
    const told = [];
    let removed = "", added = "", gap = "";
    const close = () => {
      if (removed) told.push([-1, removed]);
      if (added) told.push([1, added]);
      if (gap) told.push([0, gap]);
      removed = added = gap = "";
    };
    for (const [kind, text] of script) {
      const isChanging = removed || added;
      if (kind === 0 && isChanging && !gap && /^\s+$/.test(text)) { gap = text; continue; }
      if (kind === 0) { close(); told.push([0, text]); continue; }
      if (gap) { removed += gap; added += gap; gap = ""; }
      if (kind < 0) removed += text; else added += text;
    }
    close();
    return told;
  }

  return { difference, phrases };
})();
