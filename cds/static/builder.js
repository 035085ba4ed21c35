// The builder beside the text of a condition: each follows the other, and the text alone is submitted.

import {
  CHOICES, KINDS, counts, emptyRow, group, isGroup, lacking, plain, rangeOf, rootOf, treeOf, wanted, written,
} from "./conditions.js";

const PAUSE = 300;
const PATIENCE = 20_000;
const MOST_UNDONE = 50;
const AROUND = 16;

const ICONS = {
  add: "M8 3v10M3 8h10",
  up: "M8 13V3M3.5 7.5 8 3l4.5 4.5",
  down: "M8 3v10M3.5 8.5 8 13l4.5-4.5",
  wrap: "M5.5 2.5h-3v11h3M10.5 2.5h3v11h-3M6 8h4",
  unwrap: "M3.5 4.5h9M3.5 8h9M3.5 11.5h9",
  remove: "M3.5 3.5l9 9M12.5 3.5l-9 9",
};

function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

// No control of the builder belongs to the form: it is neither submitted nor does it hold up what the text says.
const control = (name, attributes, ...children) => h(name, {form: "", ...attributes}, ...children);

const button = (attributes, ...children) => control("button", {type: "button", ...attributes}, ...children);

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const copy = (value) => JSON.parse(JSON.stringify(value));
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

class Builder {
  constructor(place, facts) {
    this.place = place;
    this.area = place.querySelector("textarea");
    this.says = place.querySelector(".says");
    this.state = place.querySelector(".state");
    this.problems = place.querySelector(".problems");
    this.mayBeEmpty = "mayBeEmpty" in place.dataset;
    this.facts = new Map(facts.map((fact) => [fact.key, fact]));
    this.names = named(facts);
    this.turn = 0;
    this.undone = [];
    this.untouched = true;
    this.insists = false;
    this.unread = false;
    this.good = null;
    this.mode = "some";
    this.root = group("all", [emptyRow()]);
    this.frame();
    this.area.addEventListener("input", () => this.typed());
    this.area.addEventListener("change", () => this.area.value !== this.asked && this.soon("text", 0));
    this.area.addEventListener("paste", (event) => this.pasted(event));
    this.area.form?.addEventListener("submit", (event) => this.submitted(event));
    // The browser may put back what was typed before it left the page.
    window.addEventListener("pageshow", () => this.area.value !== this.asked && this.read("text"));
    this.read("text");
  }

  // What stays: whom it is for, the tree's place, the way back

  frame() {
    const id = this.area.id;
    const modes = [["some", "Some patients"], ["every", "Every patient"]];
    if (this.mayBeEmpty) modes.push(["none", "Never by itself (a statement)"]);
    this.radios = modes.map(([mode]) =>
      control("input", {type: "radio", name: `${id}-mode`, value: mode, id: `${id}-mode-${mode}`,
        onchange: () => this.turnsTo(mode)}));
    this.tree = h("div", {class: "tree"});
    this.undo = button({class: "quiet undo", hidden: true, onclick: () => this.undoes()}, "Undo");
    this.usable = h("div", {class: "usable"},
      h("div", {class: "modes"},
        h("div", {role: "radiogroup", "aria-labelledby": `${id}-name`},
          ...modes.map(([, said], at) => h("span", {}, this.radios[at], h("label", {for: this.radios[at].id}, said)))),
        this.undo),
      this.tree);
    this.dimmed = h("div", {class: "notice dimmed", hidden: true},
      h("p", {}, h("strong", {}, "The text cannot be read yet."), " The builder shows what could be read last."),
      button({class: "plain small", onclick: () => this.putsBack()}, "Go back to that"));
    this.list = h("datalist", {id: `${id}-facts`},
      ...[...this.names].map(([name, key]) => h("option", {value: name, label: topicOf(this.facts.get(key))})));
    const built = this.place.querySelector(".built");
    built.replaceChildren(this.dimmed, this.usable, this.list);
    built.hidden = false;
    this.place.classList.add("live");
  }

  render(focus = null) {
    const kept = focus ?? this.focused();
    for (const radio of this.radios) radio.checked = radio.value === this.mode;
    this.shown = [];
    this.tree.replaceChildren(...(this.mode === "some" ? [this.groupElement(this.root, null, "")] : []));
    this.undo.hidden = !this.undone.length;
    this.notes();
    if (kept) this.focusOn(kept);
  }

  focused() {
    const active = document.activeElement;
    return this.tree.contains(active) ? active.dataset.at : null;
  }

  focusOn(at) {
    const found = this.tree.querySelector(`[data-at="${at}"]`) ?? this.tree.querySelector("[data-at]");
    found?.focus();
  }

  // A group and its parts

  groupElement(node, parent, path) {
    const top = parent === null;
    const note = this.note(node, path);
    const says = top ? "It is for patients to whom" : "A group:";
    const kind = control("select", {"data-at": `${path}:kind`, "aria-label": top ? "How the conditions are joined" : "How the group is joined",
      onchange: (event) => this.changes(() => { node.kind = event.target.value; }, `${path}:kind`)},
      ...KINDS.map(([word, said]) => h("option", {value: word, selected: word === node.kind}, said)));
    const count = counts(node) ? control("input", {type: "number", class: "count", min: 1, max: node.parts.length,
      value: node.count, "data-at": `${path}:count`, "aria-label": "How many", "aria-describedby": note.id,
      oninput: (event) => this.fills(() => { node.count = event.target.value; })}) : null;
    const outOf = count && h("span", {class: "soft", "aria-hidden": "true"}, `of ${node.parts.length}`);
    const word = {all: "and", not_all: "and", any: "or", none: "or"}[node.kind] ?? "";
    return h("div", {class: top ? "group top" : "group", role: "group", "aria-label": top ? "Conditions" : "Group"},
      h("div", {class: "head"}, h("span", {class: "soft", "aria-hidden": "true"}, says), kind, count, outOf,
        top ? null : this.tools(node, parent, path)),
      note,
      h("ul", {class: "parts"}, ...node.parts.map((part, at) => {
        const below = path === "" ? String(at) : `${path}.${at}`;
        return h("li", {"data-joined": at ? word : null},
          isGroup(part) ? this.groupElement(part, node, below) : this.rowElement(part, node, below));
      })),
      h("p", {class: "adds"},
        button({class: "quiet", "data-at": `${path}:add`, onclick: () => this.adds(node, emptyRow())},
          icon("add"), "Add a condition"),
        button({class: "quiet", "data-at": `${path}:add-group`,
          onclick: () => this.adds(node, group(otherKind(node), [emptyRow()]))}, icon("add"), "Add a group")));
  }

  // A row: a fact, what is asked of it, its value

  rowElement(node, parent, path) {
    const row = h("div", {class: "row", role: "group"});
    const note = this.note(node, path);
    row.append(
      node.always ? h("p", {class: "fact"}, "Every patient") : this.factField(row, node, path, note),
      this.tools(node, parent, path), note);
    this.fillRow(row, node, path, note);
    return row;
  }

  // Only what follows from the fact is made anew: somebody may be typing its name, or on the way to a button.
  fillRow(row, node, path, note) {
    const fact = this.facts.get(node.fact);
    const name = node.always ? "Every patient" : fact?.label ?? "New condition";
    row.setAttribute("aria-label", name);
    row.querySelector(".fact").title = name;
    for (const tool of row.querySelectorAll(".tool")) tool.setAttribute("aria-label", `${tool.title}: “${name}”`);
    row.querySelectorAll(".choice, .values, .ticks").forEach((old) => old.remove());
    if (!fact) return;
    row.querySelector(".fact").after(
      this.choiceField(row, node, path, fact, note), this.valueFields(node, path, fact, note));
  }

  factField(row, node, path, note) {
    const choose = (event) => {
      const key = this.keyOf(event.target.value);
      if (key !== null && key === node.fact) return;
      this.remember();
      node.typed = event.target.value;
      const fact = this.facts.get(key);
      const asks = fact && CHOICES[fact.type].some(([word]) => word === node.choice);
      Object.assign(node, {fact: key, choice: asks ? node.choice : fact ? CHOICES[fact.type][0][0] : null, values: []});
      if (fact) event.target.value = this.nameOf(key);
      this.fillRow(row, node, path, note);
      this.changed();
    };
    return control("input", {class: "fact", type: "text", list: this.list.id, autocomplete: "off", spellcheck: "false",
      placeholder: "Find a fact", value: node.fact ? this.nameOf(node.fact) : node.typed ?? "", "aria-label": "Fact",
      "aria-describedby": note.id, "data-at": `${path}:fact`,
      onfocus: (event) => event.target.select(),
      // What is picked from the list comes at once; what is being typed may be the beginning of a longer name.
      oninput: (event) => (/^(insertText|insertComp|delete)/.test(event.inputType ?? "") ? this.touched() : choose(event)),
      // Before the tab key looks for the next field, which may be one that the fact brings.
      onkeydown: (event) => { if (event.key === "Enter" || event.key === "Tab") choose(event); },
      onchange: choose});
  }

  choiceField(row, node, path, fact, note) {
    return control("select", {class: "choice", "aria-label": "What is asked of it", "data-at": `${path}:choice`,
      onchange: (event) => {
        this.remember();
        const kept = wanted(event.target.value) === "some" || wanted(node.choice) !== "some" ? node.values : node.values.slice(0, 1);
        Object.assign(node, {choice: event.target.value, values: wanted(event.target.value) === 0 ? [] : kept.filter(Boolean)});
        this.fillRow(row, node, path, note);
        this.focusOn(`${path}:choice`);
        this.changed();
      }},
      ...CHOICES[fact.type].map(([word, said]) => h("option", {value: word, selected: word === node.choice}, said)));
  }

  valueFields(node, path, fact, note) {
    const needed = wanted(node.choice);
    if (needed === 0) return document.createDocumentFragment();
    if (needed === "some") return this.ticks(node, path, fact, note);
    if (fact.codes.length) return this.codeField(node, path, fact, note);
    const days = fact.type === "date";
    const hint = h("span", {class: "unit", id: `${note.id}-hint`}, days ? "" : hintOf(fact));
    const field = (at) => control("input", {
      type: days ? "date" : "number", value: node.values[at] ?? "", "data-at": `${path}:value-${at}`,
      min: days ? null : fact.minimum, max: days ? null : fact.maximum, step: days ? null : stepOf(fact),
      inputmode: days ? null : fact.minimum !== null && fact.minimum >= 0 ? "decimal" : null,
      "aria-label": needed === 1 ? "Value" : at ? "To" : "From", "aria-describedby": `${hint.id} ${note.id}`,
      oninput: (event) => this.fills(() => { node.values[at] = event.target.value; })});
    return h("div", {class: `values${days ? " days" : ""}`},
      field(0), ...(needed === 2 ? [h("span", {class: "unit"}, "and"), field(1)] : []), hint);
  }

  codeField(node, path, fact, note) {
    return h("div", {class: "values"}, control("select", {"aria-label": "Value", "aria-describedby": note.id,
      "data-at": `${path}:value-0`,
      onchange: (event) => this.fills(() => { node.values = [event.target.value].filter(Boolean); })},
      h("option", {value: ""}, "Choose…"),
      ...fact.codes.map(([code, said]) => h("option", {value: code, selected: code === node.values[0]}, capital(said)))));
  }

  ticks(node, path, fact, note) {
    // In the order of the codes; a text in another order keeps its own until something is ticked.
    const tick = (code, on) => {
      const chosen = new Set(node.values);
      if (on) chosen.add(code);
      else chosen.delete(code);
      node.values = fact.codes.map(([known]) => known).filter((known) => chosen.has(known));
    };
    return h("div", {class: "ticks", role: "group", "aria-label": "Values", "aria-describedby": note.id},
      ...fact.codes.map(([code, said], at) => h("label", {},
        control("input", {type: "checkbox", checked: node.values.includes(code), "data-at": `${path}:value-${at}`,
          onchange: (event) => this.fills(() => tick(code, event.target.checked))}),
        capital(said))));
  }

  tools(node, parent, path) {
    const tool = (picture, said, act) => button({class: "tool", "aria-label": `${said}: the group`, title: said,
      "data-at": `${path}:${picture}`, onclick: act}, icon(picture));
    return h("div", {class: "tools"},
      tool("up", "Move up", () => this.moves(node, parent, -1)),
      tool("down", "Move down", () => this.moves(node, parent, 1)),
      isGroup(node)
        ? tool("unwrap", "Dissolve, keep its conditions", () => this.unwraps(node, parent))
        : tool("wrap", "Put into a group", () => this.wraps(node, parent)),
      tool("remove", "Remove", () => this.removes(node, parent)));
  }

  note(node, path) {
    const element = h("p", {class: "note small", id: `${this.area.id}-note-${path || "top"}`});
    this.shown.push([node, element, path]);
    return element;
  }

  // Words in place: what is lacking, or else what the value may be

  notes() {
    for (const [node, element, path] of this.shown) {
      const lacks = lacking(node, this.facts);
      const fact = this.facts.get(node.fact);
      const unknown = lacks && !fact && node.typed ? `There is no fact called “${node.typed}”. Choose one from the list.` : lacks;
      element.textContent = unknown ?? "";
      element.classList.toggle("lacks", Boolean(lacks));
      element.classList.toggle("insists", Boolean(lacks) && this.insists);
      for (const field of this.tree.querySelectorAll(`[aria-describedby~="${element.id}"]`)) {
        if (lacks && this.insists && field.matches("input, select")) field.setAttribute("aria-invalid", "true");
        else field.removeAttribute("aria-invalid");
      }
      element.dataset.path = path;
    }
  }

  firstLacking(node = this.root, path = "") {
    for (const [at, part] of (node.parts ?? []).entries()) {
      const found = this.firstLacking(part, path === "" ? String(at) : `${path}.${at}`);
      if (found !== null) return found;
    }
    return lacking(node, this.facts) ? path : null;
  }

  // Changes in the builder

  touched() { this.untouched = false; }

  remember() {
    this.touched();
    this.undone.push(copy({mode: this.mode, root: this.root}));
    this.undone.splice(0, this.undone.length - MOST_UNDONE);
    this.undo.hidden = false;
  }

  changes(change, focus, said = "") {
    this.remember();
    change();
    this.render(typeof focus === "function" ? focus() : focus);
    this.changed();
    if (said) this.tells(said);
  }

  fills(change) {
    this.touched();
    change();
    this.changed();
  }

  // The text follows, once every row is complete.
  changed() {
    this.turn += 1;
    clearTimeout(this.waiting);
    this.asking?.abort();
    this.notes();
    const lacks = this.mode === "some" && this.firstLacking() !== null;
    this.place.classList.toggle("behind", lacks);
    if (lacks) return this.tells("The text follows when every row is complete.");
    this.tells("");
    this.insists = false;
    const text = {some: () => written(treeOf(this.root)), every: () => "always", none: () => ""}[this.mode]();
    this.writes(text);
    this.soon("builder", PAUSE);
  }

  writes(text) {
    if (this.area.value === text) return;
    this.area.value = text;
    this.writing = true;
    this.area.dispatchEvent(new Event("input", {bubbles: true}));
    this.writing = false;
  }

  turnsTo(mode) {
    this.changes(() => { this.mode = mode; }, null);
    this.radios.find((radio) => radio.value === mode).focus();
  }

  adds(parent, node) {
    this.changes(() => parent.parts.push(node), () => `${this.pathOf(isGroup(node) ? node.parts[0] : node)}:fact`);
  }

  wraps(node, parent) {
    const around = group(otherKind(parent), [node]);
    this.changes(() => parent.parts.splice(parent.parts.indexOf(node), 1, around), () => `${this.pathOf(around)}:kind`, "Put into a group.");
  }

  unwraps(node, parent) {
    this.changes(() => parent.parts.splice(parent.parts.indexOf(node), 1, ...node.parts),
      () => `${this.pathOf(node.parts[0])}:up`, "The group is dissolved.");
  }

  removes(node, parent) {
    const at = parent.parts.indexOf(node);
    this.changes(() => {
      parent.parts.splice(at, 1);
      this.clears(parent);
    }, () => {
      const next = parent.parts[at] ?? parent.parts[at - 1];
      return next && this.pathOf(next) !== null ? `${this.pathOf(next)}:remove` : ":add";
    }, "Removed. Undo puts it back.");
  }

  // A group that holds nothing any more goes too; the whole is never without a row.
  clears(node) {
    const parent = this.parentOf(node);
    if (node.parts.length) return;
    if (parent === null) {
      node.parts.push(emptyRow());
      return;
    }
    parent.parts.splice(parent.parts.indexOf(node), 1);
    this.clears(parent);
  }

  // Up and down among its neighbours, into a group that stands there, and out of its own at either end.
  moves(node, parent, by) {
    const at = parent.parts.indexOf(node);
    const neighbour = parent.parts[at + by];
    const outer = this.parentOf(parent);
    if (!neighbour && outer === null) return this.tells(by < 0 ? "It is the first already." : "It is the last already.");
    let said = by < 0 ? "Moved up." : "Moved down.";
    this.changes(() => {
      parent.parts.splice(at, 1);
      if (!neighbour) {
        outer.parts.splice(outer.parts.indexOf(parent) + (by < 0 ? 0 : 1), 0, node);
        this.clears(parent);
        said = "Moved out of the group.";
      } else if (isGroup(neighbour)) {
        if (by < 0) neighbour.parts.push(node);
        else neighbour.parts.unshift(node);
        said = "Moved into the group.";
      } else parent.parts.splice(at + by, 0, node);
    }, () => `${this.pathOf(node)}:${by < 0 ? "up" : "down"}`);
    return this.tells(said);
  }

  pathOf(node, within = this.root, path = "") {
    if (within === node) return path;
    for (const [at, part] of (within.parts ?? []).entries()) {
      const found = this.pathOf(node, part, path === "" ? String(at) : `${path}.${at}`);
      if (found !== null) return found;
    }
    return null;
  }

  parentOf(node, within = this.root) {
    if ((within.parts ?? []).includes(node)) return within;
    for (const part of within.parts ?? []) {
      const found = this.parentOf(node, part);
      if (found) return found;
    }
    return null;
  }

  undoes() {
    const last = this.undone.pop();
    Object.assign(this, last);
    this.render();
    this.changed();
    this.tells(this.state.textContent || "Undone.");
    if (this.undo.hidden) this.radios.find((radio) => radio.checked).focus();
  }

  // Changes in the text

  typed() {
    if (!this.writing) this.soon("text", PAUSE);
  }

  pasted(event) {
    const most = this.area.maxLength;
    const stays = this.area.value.length - (this.area.selectionEnd - this.area.selectionStart);
    const comes = event.clipboardData?.getData("text").length ?? 0;
    if (most > 0 && stays + comes > most) {
      setTimeout(() => this.tells(`A condition has at most ${most} characters: only the beginning of what you pasted is here.`));
    }
  }

  putsBack() {
    this.writes(this.good);
    this.area.focus();
    this.read("text");
  }

  soon(from, pause) {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.read(from), pause);
  }

  async read(from) {
    clearTimeout(this.waiting);
    this.asking?.abort();
    this.turn += 1;
    const turn = this.turn;
    const text = this.area.value;
    this.asked = text;
    if (!text.trim()) return this.blank(from);
    const asking = new AbortController();
    this.asking = asking;
    const late = setTimeout(() => asking.abort(), PATIENCE);
    try {
      const response = await fetch(this.place.dataset.read, {
        method: "POST",
        redirect: "manual",
        signal: asking.signal,
        headers: {"Content-Type": "application/json", "X-CSRFToken": this.token()},
        body: JSON.stringify({text}),
      });
      const answer = await answerOf(response);
      if (turn === this.turn) this.answered(answer, from);
    } catch (error) {
      if (turn === this.turn) this.fails(error instanceof Unheard ? error.message : UNREACHED, from);
    } finally {
      clearTimeout(late);
    }
    return undefined;
  }

  token() {
    return this.area.form?.querySelector("input[name=csrf_token]")?.value ?? "";
  }

  blank(from) {
    this.failed = false;
    this.shows([], "");
    this.dims(false);
    this.said(this.mayBeEmpty ? "Never by itself: this is a statement." : "");
    if (from !== "text") return;
    const mode = this.mayBeEmpty ? "none" : "some";
    if (this.mode === mode && this.untouched) return this.render();
    this.follows(mode, this.mayBeEmpty ? this.root : group("all", [emptyRow()]));
  }

  answered(answer, from) {
    this.failed = false;
    const wrong = answer.problems.length > 0;
    this.shows(answer.problems, answer.read ?? "");
    if (wrong) {
      this.said("The text cannot be read yet.");
      if (from === "text") this.dims(true);
    } else {
      this.good = this.area.value;
      this.dims(false);
      this.said(answer.tree.node === "always" ? "For every patient." : `${capital(answer.in_words)}.`);
      if (from === "text") this.takes(answer.tree);
    }
    this.place.dispatchEvent(new CustomEvent("condition-read", {bubbles: true, detail: answer}));
  }

  takes(tree) {
    if (tree.node === "always") return this.follows("every", this.root);
    const agrees = this.mode === "some" && this.firstLacking() === null && same(treeOf(this.root), tree);
    return agrees ? this.render() : this.follows("some", rootOf(tree));
  }

  // The builder takes over what the text says; what it showed can be had back.
  follows(mode, root) {
    if (!this.untouched) this.remember();
    Object.assign(this, {mode, root, untouched: mode === "some" && !this.area.value.trim(), insists: false});
    this.place.classList.remove("behind");
    this.tells("");
    this.render();
  }

  fails(said, from) {
    this.failed = true;
    this.state.replaceChildren(said, " ", button({class: "plain small", onclick: () => this.read(from)}, "Try again"));
    this.state.classList.add("failed");
    if (this.good === null) this.render();
  }

  dims(unread) {
    this.unread = unread;
    this.usable.inert = unread;
    this.place.classList.toggle("unread", unread);
    this.dimmed.hidden = !unread;
    this.dimmed.querySelector("button").hidden = this.good === null;
    this.undo.hidden = unread || !this.undone.length;
    if (this.good === null && unread) this.tree.replaceChildren();
  }

  // What is said

  said(words) {
    if (this.says.textContent !== words) this.says.textContent = words;
  }

  tells(words) {
    this.state.classList.remove("failed");
    if (this.state.textContent !== words) this.state.textContent = words;
  }

  shows(problems, read) {
    if (!this.failed) this.tells(this.place.classList.contains("behind") ? this.state.textContent : "");
    this.area.toggleAttribute("aria-invalid", problems.length > 0);
    if (problems.length) this.area.setAttribute("aria-invalid", "true");
    this.problems.replaceChildren(...problems.map((problem) => this.problemElement(problem, read)));
  }

  problemElement(problem, read) {
    const line = [...(read.split("\n")[problem.line - 1] ?? "")];
    const at = problem.column - 1;
    const from = Math.max(at - AROUND, 0);
    const before = (from ? "…" : "") + line.slice(from, at).join("");
    const after = line.slice(at + 1, at + 1 + AROUND).join("") + (line.length > at + 1 + AROUND ? "…" : "");
    const {suggestion} = problem;
    const puts = suggestion === "" ? "Take it out" : suggestion === null ? null : `Write ${suggestion}`;
    return h("div", {class: "problem"},
      h("p", {}, h("strong", {}, `Line ${problem.line}, column ${problem.column}:`), " ", ...quoted(problem.detail)),
      line.length ? h("pre", {"aria-hidden": "true"}, before, h("mark", {}, line[at] ?? " "), after, `\n${" ".repeat([...before].length)}^`) : null,
      puts && button({class: "plain small", onclick: () => this.puts(problem, read)}, puts));
  }

  puts({start, end, suggestion}, read) {
    const letters = [...read];
    const before = letters.slice(0, start).join("") + suggestion;
    this.writes(before + letters.slice(end).join(""));
    this.area.focus();
    this.area.setSelectionRange(before.length, before.length);
    this.read("text");
  }

  submitted(event) {
    if (this.unread || this.untouched || this.mode !== "some") return;
    const path = this.firstLacking();
    if (path === null) return;
    event.preventDefault();
    this.insists = true;
    this.notes();
    this.tells("Not sent: a row of the builder is not complete. Complete it, or remove it.");
    const [first] = [`${path}:value-0`, `${path}:count`, `${path}:fact`, `${path}:add`]
      .map((place) => this.tree.querySelector(`[data-at="${place}"]`)).filter(Boolean);
    first?.focus();
  }

  // Facts by the names under which they are chosen

  nameOf(key) {
    return [...this.names].find(([, other]) => other === key)?.[0] ?? key;
  }

  keyOf(typed) {
    const wantedName = typed.trim().toLowerCase();
    if (!wantedName) return null;
    const names = [...this.names];
    const exact = names.find(([name, key]) => name.toLowerCase() === wantedName || key === wantedName);
    if (exact) return exact[1];
    const holding = names.filter(([name]) => name.toLowerCase().includes(wantedName));
    return holding.length === 1 ? holding[0][1] : null;
  }
}

// Each fact's label; with its key where two have the same one.
function named(facts) {
  const times = new Map();
  for (const {label} of facts) times.set(label, (times.get(label) ?? 0) + 1);
  return new Map(facts.map(({label, key}) => [times.get(label) > 1 ? `${label} (${key})` : label, key]));
}

const topicOf = (fact) => capital(fact.topic.replaceAll(/[-_]/g, " "));
const otherKind = (node) => (["all", "not_all"].includes(node.kind) ? "any" : "all");

// Browsers count steps from the minimum, Phasewise from 0.
function stepOf(fact) {
  if (fact.type === "decimal") return "any";
  return fact.step && (fact.minimum ?? 0) % fact.step === 0 ? fact.step : 1;
}

// `years, 0 to 120`
function hintOf(fact) {
  const steps = fact.step ? `in steps of ${plain(fact.step)}` : "";
  return [fact.unit, rangeOf(fact), steps].filter(Boolean).join(", ");
}

// A sentence in which `words` of the language stand out.
function quoted(sentence) {
  return sentence.split("`").map((piece, at) => (at % 2 ? h("code", {}, piece) : piece));
}

class Unheard extends Error {}

const UNREACHED = "The desk cannot be reached, so the text was not read. Everything you wrote is kept here.";

async function answerOf(response) {
  if (response.type === "opaqueredirect" || response.status === 401 || response.status === 303) {
    throw new Unheard("Your session has ended. Everything you wrote is kept here: sign in again in another window, then go on.");
  }
  if (response.headers.get("Content-Type")?.includes("json")) return response.json();
  if (response.status === 400) {
    throw new Unheard("This page is older than your session, so the text was not read. Everything you wrote is kept here.");
  }
  if (response.status === 403) throw new Unheard("Your account may not read conditions, so the text was not read.");
  throw new Unheard(`The text was not read (the desk answered ${response.status}). Everything you wrote is kept here.`);
}

const facts = JSON.parse(document.getElementById("facts-of-builder")?.textContent ?? "[]");
for (const place of document.querySelectorAll("[data-condition]")) new Builder(place, facts);
