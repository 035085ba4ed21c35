"use strict";

// A row for each line of a patient's facts. The text is the truth: a row changes its own line, and nothing else.

const FACTS = JSON.parse(document.getElementById("facts-of-patient")?.textContent ?? "[]");
const BY_KEY = new Map(FACTS.map((fact) => [fact.key, fact]));
const BY_LABEL = new Map(FACTS.flatMap((fact) => [[fact.label.toLowerCase(), fact], [fact.key, fact]]));
const MARK = /"(?:[^"\\]|\\.)*"|,|[^\s,"]+|"/g;
const BARE = /^(?:[a-z][a-z0-9_]*|[0-9]{4}-[0-9]{2}-[0-9]{2})$/;
const NUMBER = /^-?[0-9]+(?:\.[0-9]+)?$/;
const DAY = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/;
const MOMENT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:[0-9]{2})$/;
const WORDS = /^\p{L}[\p{L}\p{N}_-]*(?: [\p{L}\p{N}_-]+)*$/u;
const KEYWORDS = ["at", "by"];
const NOT_KNOWN = "not known";
const NONE = "none of these";
const OBSERVERS = ["patient", "caregiver", "nurse", "primary care", "oncologist", "chart"];

let made = 0;

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

// Controls belong to no form: the text alone is sent, and Enter in a row sends nothing.
function control(name, attributes = {}, ...children) {
  return element(name, { form: "", ...attributes }, ...children);
}

// One line of the text: { fact, value, known, at, by }, or { trouble } when it can only be changed in the text.
function read(line) {
  const colon = line.indexOf(":");
  if (colon < 0) return { trouble: "there is no colon in it" };
  const name = line.slice(0, colon).trim();
  const fact = BY_KEY.get(name);
  if (!fact) return { trouble: `there is no fact called “${name}”` };
  const said = line.slice(colon + 1);
  const marks = [...said.matchAll(MARK)].map((one) => ({ text: one[0], start: one.index, end: one.index + one[0].length }));
  const first = marks.findIndex((mark) => KEYWORDS.includes(mark.text));
  const own = first < 0 ? marks : marks.slice(0, first);
  const parsed = { fact, at: "", by: "", ...valueOf(fact, own, between(said, own)) };
  for (let place = first; place >= 0 && place < marks.length; ) {
    let end = place + 1;
    while (end < marks.length && !KEYWORDS.includes(marks[end].text)) end += 1;
    const rest = marks.slice(place + 1, end);
    const text = unquoted(rest, between(said, rest));
    const field = marks[place].text;
    if (parsed[field] || !text || (field === "at" && (!MOMENT.test(text) || Number.isNaN(Date.parse(text))))) {
      parsed.trouble ??= `what follows “${field}” cannot be read`;
    }
    parsed[field] = text ?? "";
    place = end;
  }
  return parsed;
}

function between(said, marks) {
  return marks.length ? said.slice(marks[0].start, marks.at(-1).end) : "";
}

function unquoted(marks, text) {
  if (marks.length !== 1 || !text.startsWith('"')) return text.includes('"') ? null : text;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function valueOf(fact, marks, text) {
  const value = unquoted(marks, text);
  const plain = marks.map((mark) => mark.text).join(" ");
  const trouble = { trouble: `“${text.slice(0, 60)}” is no value for it`, value: "", known: true };
  if (plain === NOT_KNOWN) return { value: "", known: false };
  if (!marks.length) return { value: "", known: true };
  switch (fact.type) {
    case "boolean":
      return /^(?:yes|no)$/i.test(text) ? { value: text.toLowerCase(), known: true } : trouble;
    case "integer":
    case "decimal":
      return NUMBER.test(text) ? { value: text, known: true } : trouble;
    case "date":
      return DAY.test(value ?? "") ? { value, known: true } : trouble;
    case "code":
      return fact.codes.some(([code]) => code === value) ? { value, known: true } : trouble;
    case "codes": {
      const codes = plain === NONE ? [] : text.split(",").map((code) => code.trim());
      const all = codes.every((one) => fact.codes.some(([code]) => code === one));
      return all ? { value: plain === NONE ? NONE : codes.join(", "), known: true } : trouble;
    }
    default:
      return value === null || (!text.startsWith('"') && !BARE.test(text)) ? trouble : { value, known: true };
  }
}

function written({ fact, value, known, at, by }) {
  const plain = fact.type === "text" && value ? JSON.stringify(value) : value;
  const observer = WORDS.test(by) && !by.split(" ").some((word) => KEYWORDS.includes(word)) ? by : JSON.stringify(by);
  return [`${fact.key}: ${known ? plain : NOT_KNOWN}`, at && `at ${at}`, by && `by ${observer}`].filter(Boolean).join(" ");
}

function range(fact) {
  const { minimum: low, maximum: high } = fact;
  const unit = fact.unit ? ` ${fact.unit}` : "";
  if (low !== null && high !== null) return `${low} to ${high}${unit}`;
  if (low !== null) return `${low}${unit} or more`;
  if (high !== null) return `${high}${unit} or less`;
  return unit.trim();
}

function forInput(at) {
  const moment = new Date(at);
  return Number.isNaN(moment.valueOf()) ? "" : moment.toISOString().slice(0, moment.getUTCSeconds() ? 19 : 16);
}

class Row {
  constructor(line, patient) {
    this.line = line;
    this.patient = patient;
    this.id = `fact-${(made += 1)}`;
    this.parsed = read(line);
    this.item = element("li");
    if (this.parsed.trouble) this.unread();
    else this.build();
  }

  get label() {
    return this.parsed.fact?.label ?? this.line.trim();
  }

  unread() {
    const name = this.parsed.fact?.label ?? this.line.split(":")[0].trim();
    this.item.append(
      element("p", { class: "what" }, name),
      element("p", { class: "unread" }, `Change it in the text: ${this.parsed.trouble}.`, element("code", {}, this.line.trim())),
      this.remover(),
    );
  }

  build() {
    const { fact } = this.parsed;
    this.trouble = element("p", { class: "trouble", id: `${this.id}-trouble`, hidden: true });
    const value = fact.type === "codes" ? this.several() : this.single();
    this.item.append(...value, this.remover(), this.whence(), this.trouble);
    this.check();
  }

  remover() {
    const button = element("button", { type: "button", class: "plain remove" }, "Remove", element("span", { class: "hidden-label" }, ` ${this.label}`));
    button.addEventListener("click", () => this.patient.remove(this));
    return button;
  }

  single() {
    const { fact, value } = this.parsed;
    const about = { id: this.id, "aria-describedby": `${this.id}-range ${this.id}-trouble` };
    this.control = this.made(fact, about);
    this.control.value = value;
    this.control.addEventListener(this.control.matches("select") ? "change" : "input", () => this.changed({ value: this.control.value, known: true }));
    return [
      element("label", { class: "what", for: this.id }, fact.label),
      element("div", { class: "value" }, this.control, element("span", { class: "range", id: `${this.id}-range` }, range(fact))),
    ];
  }

  made(fact, about) {
    const options = (pairs) => [element("option", { value: "" }, this.parsed.known ? "Choose…" : "Not known"), ...pairs.map(([code, label]) => element("option", { value: code }, label))];
    switch (fact.type) {
      case "boolean":
        return control("select", about, ...options([["yes", "Yes"], ["no", "No"]]));
      case "code":
        return control("select", about, ...options(fact.codes));
      case "date":
        return control("input", { ...about, type: "date" });
      case "text":
        return control("textarea", { ...about, rows: 2 });
      default: {
        const step = fact.type === "integer" ? fact.step ?? 1 : "any";
        return control("input", { ...about, type: "number", min: fact.minimum, max: fact.maximum, step, inputmode: "decimal" });
      }
    }
  }

  several() {
    const { fact } = this.parsed;
    const chosen = this.parsed.value.split(", ");
    const tick = (code, label) => {
      const box = control("input", { type: "checkbox", value: code });
      box.checked = chosen.includes(code);
      box.addEventListener("change", () => this.ticked(box));
      return [box, element("label", { class: "tick" }, box, label)];
    };
    const boxes = [...fact.codes.map(([code, label]) => tick(code, label)), tick(NONE, "None of these")];
    this.boxes = boxes.map(([box]) => box);
    this.control = this.boxes[0];
    return [element("fieldset", {}, element("legend", {}, fact.label), element("div", { class: "choices" }, ...boxes.map(([, label]) => label)))];
  }

  ticked(box) {
    for (const other of this.boxes) if (box.checked && other !== box && (other.value === NONE || box.value === NONE)) other.checked = false;
    this.changed({ value: this.boxes.filter((one) => one.checked).map((one) => one.value).join(", "), known: true });
  }

  whence() {
    const { at, by, known } = this.parsed;
    const when = control("input", { id: `${this.id}-at`, type: "datetime-local", step: forInput(at).length > 16 ? 1 : 60 });
    when.value = at && forInput(at);
    when.addEventListener("input", () => this.changed({ at: when.value && `${when.value}${when.value.length === 16 ? ":00" : ""}Z` }));
    const who = control("input", { id: `${this.id}-by`, maxlength: 100, list: `${this.patient.name}-observers`, autocomplete: "off" });
    who.value = by;
    who.addEventListener("input", () => this.changed({ by: who.value.trim() }));
    const parts = [
      element("div", {}, element("label", { for: when.id }, "Observed at (UTC)"), when),
      element("div", {}, element("label", { for: who.id }, "By"), who),
    ];
    if (this.patient.notKnown) {
      this.unknown = control("input", { type: "checkbox" });
      this.unknown.checked = !known;
      this.unknown.addEventListener("change", () => this.changed({ known: !this.unknown.checked, value: "" }, true));
      parts.push(element("label", { class: "tick" }, this.unknown, "Not known"));
    }
    this.summary = element("summary");
    this.details = element("details", { class: "whence" }, this.summary, element("div", {}, ...parts));
    this.summarize();
    return this.details;
  }

  summarize() {
    const { at, by, known } = this.parsed;
    const said = [at && `${forInput(at).replace("T", " ")} UTC`, by && `by ${by}`, !known && "not known"].filter(Boolean).join(", ");
    this.summary.replaceChildren(said || "When, and by whom", element("span", { class: "hidden-label" }, ` (${this.label})`));
  }

  changed(parts, clear = false) {
    Object.assign(this.parsed, parts);
    if (this.unknown) this.unknown.checked = !this.parsed.known;
    if (clear && this.boxes) for (const box of this.boxes) box.checked = false;
    else if (clear) this.control.value = "";
    const blank = this.control.matches("select") ? this.control.options[0] : null;
    if (blank) blank.textContent = this.parsed.known ? "Choose…" : "Not known";
    this.line = written(this.parsed);
    this.summarize();
    this.check();
    this.patient.write(this);
  }

  // What the server would refuse as well, said at once.
  check() {
    const { known, value } = this.parsed;
    const validity = this.control.validity;
    if (!known) this.say("");
    else if (validity.badInput) this.say("This is no number.");
    else if (!value) this.say("Say the value, or remove the row.", false);
    else this.say(validity.valid ? "" : this.wanted());
  }

  wanted() {
    const { fact } = this.parsed;
    const steps = fact.step ? `, in steps of ${fact.step}` : "";
    return `It takes a ${fact.type === "integer" ? "whole " : ""}number: ${range(fact)}${steps}.`;
  }

  say(text, grave = true) {
    if (!this.trouble) return;
    this.trouble.textContent = text;
    this.trouble.hidden = !text;
    this.trouble.classList.toggle("soft", !grave);
    if (grave && text) this.control.setAttribute("aria-invalid", "true");
    else this.control.removeAttribute("aria-invalid");
  }
}

class Patient {
  constructor(field) {
    this.field = field;
    this.name = field.dataset.name;
    this.notKnown = "notKnown" in field.dataset;
    this.text = field.querySelector("textarea");
    this.state = field.querySelector(".state");
    this.list = element("ul", { class: "facts", "aria-labelledby": `${this.name}-name` });
    this.entries = [];
    const place = field.querySelector(".rows-of-facts");
    place.append(this.list, this.adder(), ...this.choices());
    this.follow();
    this.tell();
    this.text.addEventListener("input", () => {
      if (this.writing) return;
      clearTimeout(this.soon);
      this.soon = setTimeout(() => this.follow(), 300);
    });
    place.hidden = false;
    field.classList.add("with-rows");
  }

  choices() {
    const facts = FACTS.map((fact) => element("option", { value: fact.label }, fact.topic.replaceAll("-", " ")));
    const observers = OBSERVERS.map((one) => element("option", { value: one }));
    return [element("datalist", { id: `${this.name}-known` }, ...facts), element("datalist", { id: `${this.name}-observers` }, ...observers)];
  }

  adder() {
    const id = `${this.name}-add`;
    this.wanted = control("input", { id, list: `${this.name}-known`, autocomplete: "off", placeholder: "For example: pain", "aria-describedby": `${id}-trouble` });
    this.unfound = element("p", { class: "trouble", id: `${id}-trouble`, hidden: true });
    const button = element("button", { type: "button", class: "plain" }, "Add");
    button.addEventListener("click", () => this.add());
    this.wanted.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing) {
        event.preventDefault();
        this.add();
      }
    });
    return element("div", { class: "adding" }, element("div", {}, element("label", { for: id }, "Add a fact"), this.wanted), button, this.unfound);
  }

  found(words) {
    const wanted = words.trim().toLowerCase();
    const exact = BY_LABEL.get(wanted);
    if (exact || !wanted) return exact ? [exact] : [];
    return FACTS.filter((fact) => fact.label.toLowerCase().includes(wanted) || fact.key.includes(wanted));
  }

  which(found) {
    if (!this.wanted.value.trim()) return "Type what it is called, or choose it from the list.";
    if (!found.length) return "No fact is called so. Type a part of its name, and choose from the list.";
    const some = found.slice(0, 4).map((fact) => `“${fact.label}”`);
    return `Which one: ${some.join(", ")}${found.length > 4 ? " …" : ""}?`;
  }

  add() {
    const found = this.found(this.wanted.value);
    if (found.length !== 1) {
      this.unfound.textContent = this.which(found);
      this.unfound.hidden = false;
      this.wanted.focus();
      return;
    }
    const [fact] = found;
    this.unfound.hidden = true;
    this.wanted.value = "";
    while (this.entries.length && !this.entries.at(-1).row) this.entries.pop();
    const others = this.entries.filter((entry) => entry.row?.parsed.fact === fact).map((entry) => entry.row);
    const row = new Row(`${fact.key}: `, this);
    this.entries.push({ row, line: row.line });
    this.list.append(row.item);
    this.write(row);
    for (const one of others.length ? [...others, row] : []) if (one.details) one.details.open = true;
    this.state.textContent = others.length ? `${fact.label} is there more than once: say of each when it was observed.` : `Added: ${fact.label}.`;
    if (others.length) row.say(this.state.textContent, false);
    row.control.focus();
  }

  remove(row) {
    const place = this.entries.findIndex((entry) => entry.row === row);
    this.entries.splice(place, 1);
    row.item.remove();
    this.write(row);
    this.state.textContent = `Removed: ${row.label}.`;
    const next = this.entries.slice(place).find((entry) => entry.row) ?? this.entries.findLast((entry) => entry.row);
    (next?.row.item.querySelector(".remove") ?? this.wanted).focus();
  }

  // The text follows the rows.
  write(row) {
    const place = this.entries.findIndex((one) => one.row === row);
    const lines = this.text.value.split("\n").length;
    if (place >= 0) this.entries[place].line = row.line;
    this.text.value = this.entries.map((one) => `${one.line}\n`).join("");
    const problems = this.field.querySelector(".problems");
    // A line more or less, and the others stand no longer where the problems say.
    if (this.text.value.split("\n").length !== lines) problems.replaceChildren();
    else problems.querySelector(`[data-line="${place + 1}"]`)?.remove();
    if (!problems.children.length) this.text.removeAttribute("aria-invalid");
    this.writing = true;
    this.text.dispatchEvent(new Event("input", { bubbles: true }));
    this.writing = false;
  }

  // The rows follow the text; a line that stayed the same keeps its row.
  follow() {
    const kept = new Map();
    for (const { row, line } of this.entries) if (row) kept.set(line, [...(kept.get(line) ?? []), row]);
    this.entries = this.text.value.replace(/\n+$/, "").split("\n").map((line) => {
      const row = line.trim() ? kept.get(line)?.shift() ?? new Row(line, this) : null;
      return { line, row };
    });
    this.list.replaceChildren(...this.entries.flatMap(({ row }) => (row ? [row.item] : [])));
  }

  // What the server found is said at the row too.
  tell() {
    for (const problem of this.field.querySelectorAll(".problems [data-line]")) {
      const said = [...problem.childNodes].filter((node) => !node.matches?.("strong, .line")).map((node) => node.textContent).join("").trim();
      this.entries[Number(problem.dataset.line) - 1]?.row?.say(said);
    }
  }
}

for (const field of document.querySelectorAll("[data-patient]")) new Patient(field);
