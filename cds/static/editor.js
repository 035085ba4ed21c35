"use strict";
// While an item is written: what it means is asked for and shown beside the form, and what is wrong at its place.
// Rows are added and removed without leaving the page. Without this script, the form's own buttons do all of it.

const form = document.getElementById("editor");
const meanwhile = document.getElementById("meanwhile");
const kept = document.getElementById("kept");
const PAUSE = 700;
let timer = 0;
let asked = 0;
let changed = false;

function written() {
  const data = new FormData(form);
  for (const name of ["keep", "show", "add", "remove"]) data.delete(name);
  return data;
}

function say(text) {
  kept.textContent = text;
}

async function check() {
  const mine = ++asked;
  meanwhile.classList.add("working");
  try {
    const answer = await fetch(form.dataset.check, { method: "POST", body: new URLSearchParams(written()), redirect: "manual" });
    if (mine !== asked) return;
    if (!answer.ok) {
      say(answer.status === 0 || answer.status === 401 || answer.status === 403
        ? "You are no longer signed in. What you wrote is still here: keep it, and sign in again when asked."
        : "It could not be checked just now. What you wrote is still here.");
      return;
    }
    const found = await answer.json();
    if (mine !== asked) return;
    show(found);
    say(changed ? "Not kept yet." : "");
  } catch {
    if (mine === asked) say("The desk cannot be reached just now. What you wrote is still here.");
  } finally {
    if (mine === asked) meanwhile.classList.remove("working");
  }
}

function show(found) {
  const open = new Set([...meanwhile.querySelectorAll("details[open]")].map((one) => one.closest("section")?.getAttribute("aria-labelledby")));
  meanwhile.innerHTML = found.html;
  for (const one of meanwhile.querySelectorAll("details")) {
    one.open = open.has(one.closest("section")?.getAttribute("aria-labelledby"));
  }
  for (const field of form.querySelectorAll("[data-field]")) place(field, found.at[field.dataset.field] || []);
}

function place(field, details) {
  const name = field.dataset.field;
  let list = field.querySelector(`:scope > .wrong`);
  // The condition tells of itself, at its line and column.
  if (name === "condition") return;
  if (!details.length) {
    list?.remove();
  } else {
    if (!list) {
      list = document.createElement("ul");
      list.className = "wrong";
      list.id = `${name}-wrong`;
      field.append(list);
    }
    list.replaceChildren(...details.map((detail) => {
      const line = document.createElement("li");
      line.textContent = detail;
      return line;
    }));
  }
  const control = field.querySelector(":scope > input, :scope > textarea, :scope > select");
  if (!control) return;
  const hint = field.querySelector(":scope > .hint");
  const told = [hint?.id, details.length ? `${name}-wrong` : ""].filter(Boolean).join(" ");
  if (told) control.setAttribute("aria-describedby", told); else control.removeAttribute("aria-describedby");
  if (details.length) control.setAttribute("aria-invalid", "true"); else control.removeAttribute("aria-invalid");
}

function soon() {
  changed = true;
  say("Not kept yet.");
  clearTimeout(timer);
  timer = setTimeout(check, PAUSE);
}

// Rows: the server renders the form with one more or one less, and this page takes over that part of it.
async function rows(button) {
  const data = written();
  data.append(button.name, button.value);
  const field = button.closest("[data-field].repeated");
  const place = field.id;
  try {
    const answer = await fetch(location.href, { method: "POST", body: new URLSearchParams(data), redirect: "manual" });
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(place);
    if (!fresh) throw new Error("no such part");
    document.getElementById(place).replaceWith(fresh);
    const inputs = fresh.querySelectorAll(".entry input, .entry select, .entry textarea");
    const last = fresh.querySelector(".entry:last-of-type");
    (button.name === "add" ? last?.querySelector("input, select, textarea") : inputs[0] ?? fresh.querySelector("button"))?.focus();
    soon();
  } catch {
    say("The row could not be changed just now. What you wrote is still here.");
  }
}

form.addEventListener("input", (event) => {
  if (event.target.name) soon();
});
form.addEventListener("click", (event) => {
  const button = event.target.closest("button[name=add], button[name=remove]");
  if (!button) return;
  event.preventDefault();
  rows(button);
});
form.addEventListener("submit", () => {
  changed = false;
  clearTimeout(timer);
});
window.addEventListener("beforeunload", (event) => {
  if (changed) event.preventDefault();
});
// What was typed before this script ran, or was put back by the browser, is looked at as well.
if ([...form.querySelectorAll("input:not([type=checkbox], [type=hidden]), textarea")].some((one) => one.name && one.value !== one.defaultValue)) soon();
// Shown again by the back button, the page may speak of an older draft: ask what is kept now.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) check();
});
