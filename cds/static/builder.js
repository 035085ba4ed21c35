// The builder beside the text of a condition: each follows the other, and the text alone is submitted.

import {
  canMove, dissolve, firstLacking, groupWithin, move, pathOf, remove, wrap,
} from "./builder/arranging.js";
import {emptyRow, group, rootOf, treeOf, written} from "./builder/conditions.js";
import {button, capital, control, h, quoted} from "./builder/elements.js";
import {Facts} from "./builder/facts.js";
import {Unheard, ask} from "./builder/reading.js";
import {Rows} from "./builder/rows.js";

const PAUSE = 300;
const MOST_UNDONE = 50;
const AROUND = 16;
const BEHIND = "The text follows when every row is complete.";

const copy = (value) => JSON.parse(JSON.stringify(value));
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

class Builder {
  constructor(place, facts) {
    this.place = place;
    this.facts = facts;
    this.area = place.querySelector("textarea");
    this.says = place.querySelector(".says");
    this.state = place.querySelector(".state");
    this.problems = place.querySelector(".problems");
    this.mayBeEmpty = "mayBeEmpty" in place.dataset;
    // For some patients, every patient, or as a statement for none by itself.
    this.mode = "some";
    this.root = group("all", [emptyRow()]);
    // Nobody has put anything into the empty row yet.
    this.untouched = true;
    this.insists = false;
    this.undone = [];
    // Only the answer to the newest question counts: `asked` is its text, `heard` the last one that was answered,
    // `good` the last one that could be read.
    this.turn = 0;
    this.asked = null;
    this.heard = null;
    this.good = null;
    this.rows = new Rows(this.area.id, facts, this);
    this.frame();
    this.area.addEventListener("input", () => this.typed());
    this.area.addEventListener("change", () => this.area.value !== this.asked && this.read("text"));
    this.area.form?.addEventListener("submit", (event) => this.submitted(event));
    // The browser may put back what was typed before it left the page.
    window.addEventListener("pageshow", () => this.area.value !== this.asked && this.read("text"));
    this.read("text");
  }

  frame() {
    const id = this.area.id;
    const modes = [["some", "Some patients"], ["every", "Every patient"]];
    if (this.mayBeEmpty) modes.push(["none", "Never by itself (a statement)"]);
    this.radios = modes.map(([mode]) => control("input", {
      type: "radio", name: `${id}-mode`, value: mode, id: `${id}-mode-${mode}`, onchange: () => this.turnsTo(mode),
    }));
    this.undo = button({class: "quiet undo", hidden: true, onclick: () => this.undoes()}, "Undo");
    this.usable = h("div", {class: "usable"},
      h("div", {class: "modes"},
        h("div", {role: "radiogroup", "aria-labelledby": `${id}-name`},
          ...modes.map(([, said], at) => h("span", {}, this.radios[at], h("label", {for: this.radios[at].id}, said)))),
        this.undo),
      this.rows.tree);
    this.dimmed = h("div", {class: "notice dimmed", hidden: true},
      h("p", {}, h("strong", {}, "The text cannot be read yet."),
        h("span", {class: "last"}, " The builder shows what could be read last.")),
      button({class: "plain small", onclick: () => this.putsBack()}, "Go back to that"));
    const built = this.place.querySelector(".built");
    built.replaceChildren(this.dimmed, this.usable, this.rows.list);
    built.hidden = false;
    this.place.classList.add("live");
  }

  draw(focus = null) {
    for (const radio of this.radios) radio.checked = radio.value === this.mode;
    this.undo.hidden = !this.undone.length;
    this.rows.draw(this.mode === "some" ? this.root : null, focus);
    this.rows.notes(this.insists);
  }

  // Steps in the builder

  touched() { this.untouched = false; }

  // Before a step that can be undone.
  begins() {
    this.touched();
    this.undone.push(copy({mode: this.mode, root: this.root}));
    this.undone.splice(0, this.undone.length - MOST_UNDONE);
    this.undo.hidden = false;
  }

  // After a step: with a place for the focus, rows or groups stand otherwise than before and are drawn anew.
  changed(focus = null, said = "") {
    if (focus !== null) this.draw(focus);
    this.textFollows();
    if (said) this.tells(said);
  }

  fills(change) {
    this.touched();
    change();
    this.textFollows();
  }

  turnsTo(mode) {
    this.begins();
    this.mode = mode;
    this.draw();
    this.changed();
  }

  adds(parent, node) {
    this.begins();
    parent.parts.push(node);
    this.changed(`${pathOf(this.root, node.parts?.[0] ?? node)}:fact`);
  }

  addsGroup(parent) { this.adds(parent, groupWithin(parent, [emptyRow()])); }

  wraps(node) {
    this.begins();
    this.changed(`${pathOf(this.root, wrap(this.root, node))}:kind`, "Put into a group.");
  }

  dissolves(node) {
    this.begins();
    dissolve(this.root, node);
    this.changed(`${pathOf(this.root, node.parts[0])}:up`, "The group is dissolved.");
  }

  removes(node) {
    this.begins();
    const next = remove(this.root, node);
    this.changed(next ? `${pathOf(this.root, next)}:remove` : ":add", "Removed. Undo puts it back.");
  }

  moves(node, by) {
    if (!canMove(this.root, node, by)) {
      this.tells(by < 0 ? "It is the first already." : "It is the last already.");
      return;
    }
    this.begins();
    const said = move(this.root, node, by);
    this.changed(`${pathOf(this.root, node)}:${by < 0 ? "up" : "down"}`, said);
  }

  undoes() {
    Object.assign(this, this.undone.pop());
    this.draw();
    this.changed();
    if (this.undo.hidden) this.radios.find((radio) => radio.checked).focus();
  }

  behind() { return this.mode === "some" && firstLacking(this.root, this.facts) !== null; }

  // The text follows, once every row is complete.
  textFollows() {
    this.givesUp();
    this.rows.notes(this.insists);
    const behind = this.behind();
    this.place.classList.toggle("behind", behind);
    this.tells(behind ? BEHIND : "");
    if (behind) {
      // What stands in the text is still to be said, if it was written a moment ago.
      if (this.area.value !== this.heard) this.soon("builder");
      return;
    }
    this.insists = false;
    this.writes(this.mode === "some" ? written(treeOf(this.root)) : this.mode === "every" ? "always" : "");
    this.soon("builder");
  }

  // Others on the page hear of it as of typing.
  writes(text) {
    if (this.area.value === text) return;
    this.area.value = text;
    this.writing = true;
    this.area.dispatchEvent(new Event("input", {bubbles: true}));
    this.writing = false;
  }

  submitted(event) {
    if (this.usable.inert || this.untouched || !this.behind()) return;
    event.preventDefault();
    this.insists = true;
    this.rows.notes(true);
    this.tells("Not sent: a row of the builder is not complete. Complete it, or remove it.");
    const path = firstLacking(this.root, this.facts);
    const fields = ["value-0", "count", "fact", "add"].map((name) => this.rows.field(`${path}:${name}`));
    fields.find(Boolean)?.focus();
  }

  // The text, and what the desk says of it

  typed() {
    if (this.writing) return;
    // What is being typed is not written over from here before it was read.
    this.usable.inert = true;
    this.soon("text");
  }

  putsBack() {
    this.writes(this.good);
    this.area.focus();
    this.read("text");
  }

  givesUp() {
    this.turn += 1;
    clearTimeout(this.waiting);
    this.asking?.abort();
  }

  soon(from) {
    this.givesUp();
    this.waiting = setTimeout(() => this.read(from), PAUSE);
  }

  async read(from) {
    this.givesUp();
    const turn = this.turn;
    const text = this.area.value;
    this.asked = text;
    if (!text.trim()) {
      this.blank(from);
      return;
    }
    this.asking = new AbortController();
    const token = this.area.form?.querySelector("input[name=csrf_token]")?.value ?? "";
    try {
      const answer = await ask(this.place.dataset.read, token, text, this.asking);
      if (turn === this.turn) this.answered(answer, from);
    } catch (error) {
      if (!(error instanceof Unheard)) throw error;
      if (turn === this.turn) this.unheard(error.message, from);
    }
  }

  blank(from) {
    this.heard = this.asked;
    this.shows([], "");
    this.dims(false);
    this.said(this.mayBeEmpty ? "Never by itself: this is a statement." : "");
    if (from !== "text") return;
    if (this.mayBeEmpty) this.follows("none", this.root);
    else this.follows("some", group("all", [emptyRow()]));
  }

  answered(answer, from) {
    const wrong = answer.problems.length > 0;
    this.heard = this.asked;
    this.shows(answer.problems, answer.read ?? "");
    if (from === "text") this.dims(wrong);
    if (wrong) this.said("The text cannot be read yet.");
    else {
      this.good = this.asked;
      this.said(answer.tree.node === "always" ? "For every patient." : `${capital(answer.in_words)}.`);
      if (from === "text") this.takes(answer.tree);
    }
    this.place.dispatchEvent(new CustomEvent("condition-read", {bubbles: true, detail: answer}));
  }

  takes(tree) {
    if (tree.node === "always") this.follows("every", this.root);
    else if (this.mode === "some" && !this.behind() && same(treeOf(this.root), tree)) this.draw();
    else this.follows("some", rootOf(tree));
  }

  // The builder takes over what the text says; what it showed can be had back.
  follows(mode, root) {
    if (!this.untouched && !(mode === this.mode && root === this.root)) this.begins();
    Object.assign(this, {mode, root, insists: false, untouched: !this.area.value.trim()});
    this.place.classList.remove("behind");
    this.tells("");
    this.draw();
  }

  unheard(said, from) {
    this.state.replaceChildren(said, " ", button({class: "plain small", onclick: () => this.read(from)}, "Try again"));
    this.state.classList.add("failed");
    if (from === "text") this.dims(true);
  }

  dims(unread) {
    this.usable.inert = unread;
    this.place.classList.toggle("unread", unread);
    this.dimmed.hidden = !unread;
    // Before anything was read there is nothing to show or to go back to.
    this.usable.hidden = unread && this.good === null;
    for (const part of this.dimmed.querySelectorAll("button, .last")) part.hidden = this.good === null;
  }

  said(words) {
    if (this.says.textContent !== words) this.says.textContent = words;
  }

  tells(words) {
    this.state.classList.remove("failed");
    if (this.state.textContent !== words) this.state.textContent = words;
  }

  shows(problems, read) {
    if (this.state.classList.contains("failed")) this.tells("");
    if (problems.length) this.area.setAttribute("aria-invalid", "true");
    else this.area.removeAttribute("aria-invalid");
    this.problems.replaceChildren(...problems.map((problem) => this.problem(problem, read)));
  }

  problem(problem, read) {
    const line = [...(read.split("\n")[problem.line - 1] ?? "")];
    const at = problem.column - 1;
    const from = Math.max(at - AROUND, 0);
    const before = (from ? "…" : "") + line.slice(from, at).join("");
    const after = line.slice(at + 1, at + 1 + AROUND).join("") + (line.length > at + 1 + AROUND ? "…" : "");
    const caret = `\n${" ".repeat([...before].length)}^`;
    const {suggestion} = problem;
    return h("div", {class: "problem"},
      h("p", {}, h("strong", {}, `Line ${problem.line}, column ${problem.column}:`), " ", ...quoted(problem.detail)),
      line.length ? h("pre", {"aria-hidden": "true"}, before, h("mark", {}, line[at] ?? " "), after, caret) : null,
      suggestion === null ? null : button({class: "plain small", onclick: () => this.mends(problem, read)},
        suggestion ? `Write ${suggestion}` : "Take it out"));
  }

  mends({start, end, suggestion}, read) {
    const letters = [...read];
    const before = letters.slice(0, start).join("") + suggestion;
    this.writes(before + letters.slice(end).join(""));
    this.area.focus();
    this.area.setSelectionRange(before.length, before.length);
    this.read("text");
  }
}

const facts = new Facts(JSON.parse(document.getElementById("facts-of-builder")?.textContent ?? "[]"));
for (const place of document.querySelectorAll("[data-condition]")) new Builder(place, facts);
