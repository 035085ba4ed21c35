// The rows and groups as they are seen, and the fields in which they are filled in.

import {below} from "./arranging.js";
import {CHOICES, KINDS, counts, emptyRow, isGroup, lacking, wanted} from "./conditions.js";
import {button, capital, control, h, icon} from "./elements.js";
import {hintOf, stepOf} from "./facts.js";

const JOINED = {all: "and", not_all: "and", any: "or", none: "or"};

export class Rows {
  // `acts` are the steps that somebody can take: begins, changed, fills, adds, moves, wraps, dissolves, removes.
  constructor(id, facts, acts) {
    this.id = id;
    this.facts = facts;
    this.acts = acts;
    this.list = facts.list(`${id}-facts`);
    this.tree = h("div", {class: "tree"});
    this.noted = [];
  }

  // Draw the root anew, or nothing; the field in focus, by its place, stays in focus.
  draw(root, focus = null) {
    const active = document.activeElement;
    const kept = focus ?? (this.tree.contains(active) ? active.dataset.at : null);
    this.noted = [];
    this.tree.replaceChildren(...(root ? [this.group(root, "")] : []));
    if (kept) this.focus(kept);
  }

  field(place) { return this.tree.querySelector(`[data-at="${place}"]`); }

  focus(place) { (this.field(place) ?? this.tree.querySelector("[data-at]"))?.focus(); }

  // What is lacking is said in its place: calmly while somebody builds, plainly when she wants to go on.
  notes(insists) {
    for (const [node, note] of this.noted) {
      const lacks = lacking(node, this.facts);
      const stray = lacks && node.fact === null && node.typed;
      note.textContent = stray ? `There is no fact called “${node.typed}”. Choose one from the list.` : lacks ?? "";
      note.classList.toggle("insists", lacks !== null && insists);
      for (const field of this.tree.querySelectorAll(`:is(input, select)[aria-describedby~="${note.id}"]`)) {
        if (lacks !== null && insists) field.setAttribute("aria-invalid", "true");
        else field.removeAttribute("aria-invalid");
      }
    }
  }

  note(node, path) {
    const note = h("p", {class: "note small", id: `${this.id}-note-${path || "top"}`});
    this.noted.push([node, note]);
    return note;
  }

  group(node, path) {
    const top = path === "";
    const note = this.note(node, path);
    const kind = control("select", {
      "data-at": `${path}:kind`,
      "aria-label": top ? "How the conditions are joined" : "How the group is joined",
      onchange: (event) => {
        this.acts.begins();
        node.kind = event.target.value;
        this.acts.changed(`${path}:kind`);
      },
    }, ...KINDS.map(([word, said]) => h("option", {value: word, selected: word === node.kind}, said)));
    return h("div", {class: top ? "group outermost" : "group", role: "group", "aria-label": top ? "Conditions" : "Group"},
      h("div", {class: "head"},
        h("span", {class: "soft", "aria-hidden": "true"}, top ? "It is for patients to whom" : "A group:"),
        kind, ...this.count(node, path, note), top ? null : this.tools(node, path)),
      note,
      h("ul", {class: "parts"}, ...node.parts.map((part, at) =>
        h("li", {"data-joined": at ? JOINED[node.kind] : null},
          isGroup(part) ? this.group(part, below(path, at)) : this.row(part, below(path, at))))),
      h("p", {class: "adds"},
        button({class: "quiet", "data-at": `${path}:add`, onclick: () => this.acts.adds(node, emptyRow())},
          icon("add"), "Add a condition"),
        button({class: "quiet", onclick: () => this.acts.addsGroup(node)}, icon("add"), "Add a group")));
  }

  count(node, path, note) {
    if (!counts(node)) return [];
    const field = control("input", {
      type: "number", class: "count", min: 1, max: node.parts.length, value: node.count,
      "data-at": `${path}:count`, "aria-label": "How many", "aria-describedby": note.id,
      oninput: (event) => this.acts.fills(() => { node.count = event.target.value; }),
    });
    return [field, h("span", {class: "soft", "aria-hidden": "true"}, `of ${node.parts.length}`)];
  }

  row(node, path) {
    const row = h("div", {class: "row", role: "group"});
    const note = this.note(node, path);
    row.append(
      node.always ? h("p", {class: "fact"}, "Every patient") : this.fact(row, node, path, note),
      this.tools(node, path), note);
    this.fill(row, node, path, note);
    return row;
  }

  // Only what follows from the fact is made anew: somebody may be typing its name, or on the way to a button.
  fill(row, node, path, note) {
    const fact = this.facts.get(node.fact);
    const name = node.always ? "Every patient" : fact?.label ?? "New condition";
    row.setAttribute("aria-label", name);
    row.querySelector(".fact").title = name;
    for (const tool of row.querySelectorAll(".tool")) tool.setAttribute("aria-label", `${tool.title}: “${name}”`);
    row.querySelectorAll(".choice, .values, .ticks").forEach((old) => old.remove());
    if (!fact) return;
    row.querySelector(".fact").after(
      this.choice(row, node, path, fact, note), ...this.values(node, path, fact, note));
  }

  fact(row, node, path, note) {
    const choose = (event) => {
      const key = this.facts.meant(event.target.value);
      if (key !== null && key === node.fact) return;
      this.acts.begins();
      const choices = CHOICES[this.facts.get(key)?.type]?.map(([word]) => word) ?? [null];
      const choice = choices.includes(node.choice) ? node.choice : choices[0];
      Object.assign(node, {fact: key, choice, values: [], typed: event.target.value.trim()});
      if (key !== null) event.target.value = this.facts.nameOf(key);
      this.fill(row, node, path, note);
      this.acts.changed();
    };
    return control("input", {
      class: "fact", type: "text", list: this.list.id, autocomplete: "off", spellcheck: "false",
      placeholder: "Find a fact", value: node.fact ? this.facts.nameOf(node.fact) : node.typed,
      "aria-label": "Fact", "aria-describedby": note.id, "data-at": `${path}:fact`,
      onfocus: (event) => event.target.select(),
      // What is picked from the list comes at once; what is being typed may be the beginning of a longer name.
      oninput: (event) => {
        if (/^(insertText|insertComp|delete)/.test(event.inputType ?? "")) this.acts.touched();
        else choose(event);
      },
      // Before the tab key looks for the next field, which may be one that the fact brings.
      onkeydown: (event) => { if (event.key === "Enter" || event.key === "Tab") choose(event); },
      onchange: choose,
    });
  }

  choice(row, node, path, fact, note) {
    const choose = ({target}) => {
      this.acts.begins();
      const kept = wanted(target.value) === 0 ? [] : node.values;
      // Of several codes that were ticked, one goes on.
      const several = wanted(node.choice) === "some" && wanted(target.value) !== "some";
      Object.assign(node, {choice: target.value, values: several ? kept.slice(0, 1) : kept});
      this.fill(row, node, path, note);
      this.focus(`${path}:choice`);
      this.acts.changed();
    };
    return control("select",
      {class: "choice", "aria-label": "What is asked of it", "data-at": `${path}:choice`, onchange: choose},
      ...CHOICES[fact.type].map(([word, said]) => h("option", {value: word, selected: word === node.choice}, said)));
  }

  values(node, path, fact, note) {
    const needed = wanted(node.choice);
    if (needed === 0) return [];
    if (needed === "some") return [this.ticks(node, path, fact, note)];
    if (fact.codes.length) return [this.code(node, path, fact, note)];
    const days = fact.type === "date";
    const hint = h("span", {class: "unit", id: `${note.id}-hint`}, days ? "" : hintOf(fact));
    const limits = days ? {type: "date"}
      : {type: "number", min: fact.minimum, max: fact.maximum, step: stepOf(fact)};
    const field = (at, name) => control("input", {
      ...limits, value: node.values[at], "data-at": `${path}:value-${at}`, "aria-label": name,
      "aria-describedby": `${hint.id} ${note.id}`,
      oninput: (event) => this.acts.fills(() => { node.values[at] = event.target.value; }),
    });
    const fields = needed === 1 ? [field(0, "Value")]
      : [field(0, "From"), h("span", {class: "unit"}, "and"), field(1, "To")];
    return [h("div", {class: days ? "values days" : "values"}, ...fields, hint)];
  }

  code(node, path, fact, note) {
    const choose = (event) => this.acts.fills(() => { node.values = [event.target.value].filter(Boolean); });
    return h("div", {class: "values"}, control("select",
      {"aria-label": "Value", "aria-describedby": note.id, "data-at": `${path}:value-0`, onchange: choose},
      h("option", {value: ""}, "Choose…"),
      ...fact.codes.map(([code, said]) =>
        h("option", {value: code, selected: code === node.values[0]}, capital(said)))));
  }

  // A text may name its codes in another order; that stays until something is ticked.
  ticks(node, path, fact, note) {
    const tick = (code, on) => {
      const stays = (known) => (known === code ? on : node.values.includes(known));
      const chosen = fact.codes.map(([known]) => known).filter(stays);
      this.acts.fills(() => { node.values = chosen; });
    };
    return h("div", {class: "ticks", role: "group", "aria-label": "Values", "aria-describedby": note.id},
      ...fact.codes.map(([code, said], at) => h("label", {},
        control("input", {type: "checkbox", checked: node.values.includes(code), "data-at": `${path}:value-${at}`,
          onchange: (event) => tick(code, event.target.checked)}),
        capital(said))));
  }

  tools(node, path) {
    const tool = (picture, said, act) => button({
      class: "tool", "aria-label": `${said}: the group`, title: said, "data-at": `${path}:${picture}`, onclick: act,
    }, icon(picture));
    return h("div", {class: "tools"},
      tool("up", "Move up", () => this.acts.moves(node, -1)),
      tool("down", "Move down", () => this.acts.moves(node, 1)),
      isGroup(node)
        ? tool("unwrap", "Dissolve, keep its conditions", () => this.acts.dissolves(node))
        : tool("wrap", "Put into a group", () => this.acts.wraps(node)),
      tool("remove", "Remove", () => this.acts.removes(node)));
  }
}
