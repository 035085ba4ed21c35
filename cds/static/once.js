"use strict";

// What is shown once is selected by a click, and copied by a button where the browser lets a page do so.
for (const button of document.querySelectorAll("[data-copies]")) {
  const field = document.getElementById(button.dataset.copies);
  const said = button.closest(".once").querySelector("[role=status]");
  field.addEventListener("focus", () => field.select());
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(field.value);
      said.textContent = "Copied.";
    } catch {
      field.select();
      said.textContent = "Your browser does not let a page copy: press Ctrl-C.";
    }
  });
}
