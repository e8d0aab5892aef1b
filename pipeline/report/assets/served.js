"use strict";
// Samples that the local server reads from the run's tables; it filters, searches and sorts them.
const Source = (function () {
  async function ask(name, values, signal) {
    const wanted = Object.entries(values).filter(([, value]) => value !== "");
    const answer = await fetch(name + "?" + new URLSearchParams(wanted), { signal });
    if (!answer.ok) {
      const told = await answer.text();
      let reason = told;
      try { reason = JSON.parse(told).error; } catch (error) { /* it was plain text */ }
      throw new Error(reason || answer.statusText);
    }
    return answer.json();
  }

  function list(wish, offset, length, signal) {
    return ask("samples.json", { ...wish, job: "", offset, length }, signal);
  }

  function row(job) {
    return ask("row.json", { job });
  }

  // The address of the job's texts, not cut, as plain text: laying them out here would take a browser minutes.
  function whole(job) {
    return "job.txt?" + new URLSearchParams({ job });
  }

  async function start() {}

  return { list, row, start, whole };
})();
