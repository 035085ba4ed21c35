// Facts by the names under which they are chosen, and what is said of their values.

import {plain, rangeOf} from "./conditions.js";
import {capital, h} from "./elements.js";

export class Facts {
  constructor(facts) {
    this.byKey = new Map(facts.map((fact) => [fact.key, fact]));
    const times = new Map();
    for (const {label} of facts) times.set(label, (times.get(label) ?? 0) + 1);
    // The label, with the key where two have the same one.
    this.names = new Map(facts.map(({label, key}) => [key, times.get(label) > 1 ? `${label} (${key})` : label]));
  }

  get(key) { return this.byKey.get(key); }

  nameOf(key) { return this.names.get(key) ?? key ?? ""; }

  // The fact that was meant: by its whole name or key, or by a piece that only one name holds; or else null.
  meant(typed) {
    const words = typed.trim().toLowerCase();
    if (!words) return null;
    const names = [...this.names];
    const exact = names.find(([key, name]) => name.toLowerCase() === words || key === words);
    if (exact) return exact[0];
    const holding = names.filter(([, name]) => name.toLowerCase().includes(words));
    return holding.length === 1 ? holding[0][0] : null;
  }

  list(id) {
    return h("datalist", {id}, ...[...this.names].map(([key, name]) =>
      h("option", {value: name, label: capital(this.get(key).topic.replaceAll(/[-_]/g, " "))})));
  }
}

// Browsers count steps from the minimum, Phasewise from 0.
export function stepOf(fact) {
  if (fact.type === "decimal") return "any";
  return fact.step && (fact.minimum ?? 0) % fact.step === 0 ? fact.step : 1;
}

// `years, 0 to 120`
export function hintOf(fact) {
  const steps = fact.step ? `in steps of ${plain(fact.step)}` : "";
  return [fact.unit, rangeOf(fact), steps].filter(Boolean).join(", ");
}
