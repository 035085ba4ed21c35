// A condition in three shapes: the rows and groups of the builder, the tree that the server reads, and the text.
//
// A row is {fact, choice, values}; `values` are strings as they stand in the fields. A group is {kind, count, parts}.
// A row {always: true} is every patient. Trees are those of knowledge/trees.py, texts those of knowledge/language.py.

const KNOWN = [["known", "is known"], ["unknown", "is not known"]];
const NUMBERS = [
  ["at_least", "at least"], ["more", "more than"], ["at_most", "at most"], ["less", "less than"],
  ["exactly", "exactly"], ["not_exactly", "not exactly"], ["between", "between"], ["not_between", "not between"],
  ...KNOWN,
];

// What can be asked of a fact, by its type; the first is offered when the fact is chosen.
export const CHOICES = {
  boolean: [["yes", "is yes"], ["no", "is no"], ...KNOWN],
  integer: NUMBERS,
  decimal: NUMBERS,
  date: [
    ["at_least", "on or after"], ["more", "after"], ["at_most", "on or before"], ["less", "before"],
    ["exactly", "on"], ["not_exactly", "not on"], ["between", "from … to …"], ["not_between", "not from … to …"],
    ...KNOWN,
  ],
  code: [["is", "is"], ["is_not", "is not"], ["one_of", "is one of"], ["none_of", "is none of"], ...KNOWN],
  codes: [["includes", "includes"], ["excludes", "does not include"], ...KNOWN],
  text: KNOWN,
};

export const KINDS = [
  ["all", "all of these apply"],
  ["any", "any of these applies"],
  ["at_least", "at least … of these apply"],
  ["not_all", "not all of these apply"],
  ["none", "none of these applies"],
  ["fewer", "fewer than … of these apply"],
];

const OPERATORS = {at_least: ">=", more: ">", at_most: "<=", less: "<", exactly: "is"};
const CHOSEN = {">=": "at_least", ">": "more", "<=": "at_most", "<": "less", is: "exactly"};
const OPPOSITES = {
  yes: "no", is: "is_not", one_of: "none_of", includes: "excludes", exactly: "not_exactly", between: "not_between",
  known: "unknown",
};
const DENIED = Object.fromEntries(Object.entries(OPPOSITES).map(([choice, opposite]) => [opposite, choice]));
const DENIED_KINDS = {all: "not_all", any: "none", at_least: "fewer"};
const ASSERTED_KINDS = {not_all: "all", none: "any", fewer: "at_least"};

export const isGroup = (node) => "parts" in node;
export const counts = (group) => group.kind === "at_least" || group.kind === "fewer";
export const emptyRow = () => ({fact: null, choice: null, values: []});
export const group = (kind, parts, count = 1) => ({kind, count: String(count), parts});

// How many fields a choice has for values: 0, 1 or 2; codes to tick are "some".
export function wanted(choice) {
  if (["yes", "no", "known", "unknown"].includes(choice)) return 0;
  if (["between", "not_between"].includes(choice)) return 2;
  return ["one_of", "none_of"].includes(choice) ? "some" : 1;
}

// From the tree to rows and groups

export function rootOf(tree) {
  const node = nodeOf(tree);
  return isGroup(node) ? node : group("all", [node]);
}

function nodeOf(tree) {
  switch (tree.node) {
    case "all":
    case "any":
      return group(tree.node, tree.parts.map(nodeOf));
    case "at_least":
      return group("at_least", tree.parts.map(nodeOf), tree.count);
    case "always":
      return {always: true};
    case "not":
      return deniedNode(tree.part);
    default:
      return rowOf(tree);
  }
}

function deniedNode(tree) {
  if (tree.node in DENIED_KINDS) {
    const node = nodeOf(tree);
    return {...node, kind: DENIED_KINDS[node.kind]};
  }
  if (tree.node !== "not" && tree.node !== "always") {
    const row = rowOf(tree);
    if (row.choice in OPPOSITES) return {...row, choice: OPPOSITES[row.choice]};
  }
  return group("none", [nodeOf(tree)]);
}

function rowOf(tree) {
  const row = (choice, ...values) => ({fact: tree.fact, choice, values});
  switch (tree.node) {
    case "compare":
      if (tree.value === true) return row("yes");
      return row(typeof tree.value === "string" ? "is" : CHOSEN[tree.operator], valueOf(tree.value));
    case "between":
      return row("between", valueOf(tree.low), valueOf(tree.high));
    case "among":
      return row("one_of", ...tree.codes);
    case "includes":
      return row("includes", tree.code);
    case "known":
      return row("known");
    default:
      throw new Error(`There is no node ${tree.node}.`);
  }
}

const valueOf = (value) => (typeof value === "number" ? plain(value) : value.date ?? value);

// From rows and groups to the tree

export function treeOf(node) {
  if (node.always) return {node: "always"};
  if (!isGroup(node)) return node.choice in DENIED ? not(leafOf(node, DENIED[node.choice])) : leafOf(node, node.choice);
  const kind = ASSERTED_KINDS[node.kind] ?? node.kind;
  const parts = node.parts.map(treeOf);
  const tree = kind === "at_least" ? {node: kind, count: Number(node.count), parts} : joined(kind, parts);
  return node.kind in ASSERTED_KINDS ? not(tree) : tree;
}

const not = (part) => ({node: "not", part});

// One part is itself, and a part of the same kind is lifted out: each meaning has one tree.
function joined(kind, parts) {
  const flat = parts.flatMap((part) => (part.node === kind ? part.parts : [part]));
  return flat.length === 1 ? flat[0] : {node: kind, parts: flat};
}

function leafOf({fact, values}, choice) {
  switch (choice) {
    case "yes":
      return {node: "compare", fact, operator: "is", value: true};
    case "is":
      return {node: "compare", fact, operator: "is", value: values[0]};
    case "one_of":
      return {node: "among", fact, codes: [...values]};
    case "includes":
      return {node: "includes", fact, code: values[0]};
    case "known":
      return {node: "known", fact};
    case "between":
      return {node: "between", fact, low: ordered(values[0]), high: ordered(values[1])};
    default:
      return {node: "compare", fact, operator: OPERATORS[choice], value: ordered(values[0])};
  }
}

const ordered = (text) => (isDay(text) ? {date: text} : Number(text));
const isDay = (text) => /^\d{4}-\d{2}-\d{2}$/.test(text);

// From the tree to the text

export function written(tree) {
  switch (tree.node) {
    case "always":
      return "always";
    case "compare":
      return tree.value === true ? tree.fact : `${tree.fact} ${tree.operator} ${valueOf(tree.value)}`;
    case "between":
      return `${tree.fact} between ${valueOf(tree.low)} and ${valueOf(tree.high)}`;
    case "among":
      return `${tree.fact} in (${tree.codes.join(", ")})`;
    case "includes":
      return `${tree.fact} includes ${tree.code}`;
    case "known":
      return `${tree.fact} is known`;
    case "not":
      return denied(tree.part);
    case "all":
      return tree.parts.map(bracketed).join(" and ");
    case "any":
      return tree.parts.map(bracketed).join(" or ");
    case "at_least":
      return `at least ${tree.count} of (${tree.parts.map(written).join(", ")})`;
    default:
      throw new Error(`There is no node ${tree.node}.`);
  }
}

function denied(part) {
  if (part.node === "known") return `${part.fact} is unknown`;
  if (part.node === "among") return `${part.fact} not in (${part.codes.join(", ")})`;
  if (part.node === "compare" && part.operator === "is") {
    return part.value === true ? `not ${part.fact}` : `${part.fact} is not ${valueOf(part.value)}`;
  }
  return `not (${written(part)})`;
}

const bracketed = (part) => (part.node === "all" || part.node === "any" ? `(${written(part)})` : written(part));

// Every digit and no exponent, as people write numbers.
export function plain(number) {
  const [digits, exponent] = String(number).split("e");
  if (exponent === undefined) return digits;
  const [, sign, whole, fraction = ""] = digits.match(/^(-?)(\d+)(?:\.(\d+))?$/);
  const point = whole.length + Number(exponent);
  const all = whole + fraction;
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${all}`;
  return point >= all.length ? sign + all.padEnd(point, "0") : `${sign}${all.slice(0, point)}.${all.slice(point)}`;
}

// What is not complete yet, in a sentence, or null

export function lacking(node, facts) {
  if (node.always) return null;
  return isGroup(node) ? lackingInGroup(node) : lackingInRow(node, facts.get(node.fact));
}

function lackingInGroup({parts, count, ...rest}) {
  if (!parts.length) return "Add a condition, or remove this group.";
  if (!counts(rest)) return null;
  if (parts.length < 2) return "To be counted, there must be two conditions or more: add one.";
  const whole = /^\d{1,4}$/.test(count) && Number(count) >= 1 && Number(count) <= parts.length;
  return whole ? null : `How many? A number from 1 to ${parts.length}.`;
}

function lackingInRow({choice, values}, fact) {
  if (!fact) return "Choose a fact.";
  const needed = wanted(choice);
  if (needed === 0) return null;
  if (fact.type === "code" || fact.type === "codes") {
    return values.some(Boolean) ? null : needed === "some" ? "Tick one or more." : "Choose a value.";
  }
  for (let number = 0; number < needed; number += 1) {
    const problem = fact.type === "date" ? lackingDay(values[number]) : lackingNumber(values[number], fact);
    if (problem) return problem;
  }
  if (needed === 2) {
    const [low, high] = fact.type === "date" ? values : values.map(Number);
    if (low > high) return fact.type === "date" ? "The earlier day comes first." : "The smaller number comes first.";
  }
  return null;
}

function lackingDay(text) {
  return text && isDay(text) ? null : "Choose a day.";
}

function lackingNumber(text, fact) {
  const range = rangeOf(fact);
  const number = Number(text);
  if (!text || !Number.isFinite(number)) return `Type a number${range && `, ${range}`}.`;
  if (fact.type === "integer" && !Number.isInteger(number)) return "Type a whole number.";
  if (plain(number).replace(/\D/g, "").length > 15) return "A number has at most 15 digits.";
  if ((fact.minimum !== null && number < fact.minimum) || (fact.maximum !== null && number > fact.maximum)) {
    return `Out of range: ${range}.`;
  }
  if (fact.step && number % fact.step) return `It goes in steps of ${fact.step}.`;
  return null;
}

export function rangeOf({minimum, maximum}) {
  if (minimum !== null && maximum !== null) return `${plain(minimum)} to ${plain(maximum)}`;
  if (minimum !== null) return `${plain(minimum)} or more`;
  return maximum !== null ? `${plain(maximum)} or less` : "";
}
