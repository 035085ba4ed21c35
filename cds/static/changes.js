"use strict";

// Keeps the progress of a comparison up to date, and shows the result when there is one.
(() => {
  const atWork = document.getElementById("at-work");
  const howFar = document.getElementById("how-far");
  const bar = atWork?.querySelector("progress");
  if (!atWork || !howFar || !bar) return;
  atWork.querySelector(".reload").hidden = true;
  let failures = 0;

  const ask = async () => {
    try {
      const response = await fetch(atWork.dataset.state, { headers: { Accept: "application/json" } });
      // Redirected: the session has ended, and this page leads to where one signs in, and back.
      const run = response.ok && !response.redirected ? await response.json() : null;
      if (response.redirected || (run && run.state !== "running")) {
        window.location.reload();
        return;
      }
      if (!run) throw new Error(response.statusText);
      failures = 0;
      howFar.textContent = run.said;
      if (run.total) {
        bar.max = run.total;
        bar.value = run.done;
      }
    } catch {
      failures += 1;
      if (failures >= 5) {
        howFar.textContent = "How far it is could not be asked. Reload this page.";
        atWork.querySelector(".reload").hidden = false;
        return;
      }
    }
    window.setTimeout(ask, 700 * (failures + 1));
  };

  window.setTimeout(ask, 400);
})();
