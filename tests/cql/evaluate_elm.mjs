// Evaluates ELM libraries for patients with cql-execution. In and out: JSON, see engines.py.
import { readFileSync } from "node:fs";
import cql from "cql-execution";

const { libraries, patients } = JSON.parse(readFileSync(0, "utf8"));
const nobody = { currentPatient: () => undefined, nextPatient: () => undefined };
const LETTERS = new Map([[true, "t"], [false, "f"], [null, "-"]]);

/** A fact as the type of its parameter wants it. */
function typed(value, type) {
  return type.name?.endsWith("}Date") ? cql.Date.parse(value) : value;
}

async function outcomes({ elm }) {
  const library = new cql.Library(elm);
  const parameters = elm.library.parameters.def;
  const rows = [];
  for (const facts of patients) {
    const known = parameters.filter(({ name }) => name in facts);
    const given = known.map(({ name, parameterTypeSpecifier: type }) => [name, typed(facts[name], type)]);
    const { unfilteredResults } = await new cql.Executor(library, null, Object.fromEntries(given)).exec(nobody);
    rows.push(elm.library.statements.def.map(({ name }) => LETTERS.get(unfilteredResults[name]) ?? "?").join(""));
  }
  return rows;
}

process.stdout.write(JSON.stringify(await Promise.all(libraries.map(outcomes))));
