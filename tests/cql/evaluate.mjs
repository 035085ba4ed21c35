// Evaluates ELM libraries for patients with cql-execution. In and out: JSON, see engines.py.
import { readFileSync } from "node:fs";
import cql from "cql-execution";

const { libraries, patients } = JSON.parse(readFileSync(0, "utf8"));
const nobody = { currentPatient: () => undefined, nextPatient: () => undefined };

/** A fact as the type of its parameter wants it. */
function typed(value, type) {
  return type?.name?.endsWith("}Date") ? cql.Date.parse(value) : value;
}

const letters = new Map([[true, "t"], [false, "f"], [null, "-"]]);
const answers = [];
for (const elm of libraries) {
  const library = new cql.Library(elm);
  const parameters = elm.library.parameters.def;
  const rows = [];
  for (const facts of patients) {
    const known = parameters.filter(({ name }) => name in facts);
    const given = known.map(({ name, parameterTypeSpecifier }) => [name, typed(facts[name], parameterTypeSpecifier)]);
    const results = await new cql.Executor(library, null, Object.fromEntries(given)).exec(nobody);
    const row = elm.library.statements.def.map(({ name }) => letters.get(results.unfilteredResults[name]) ?? "?");
    rows.push(row.join(""));
  }
  answers.push(rows);
}
process.stdout.write(JSON.stringify(answers));
