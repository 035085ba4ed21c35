// Evaluates CQL libraries for patients with HL7's own engine. In and out: JSON, see engines.py.
import { readFileSync } from "node:fs";
import * as engine from "@cqframework/cql/engine";
import { KtList, KtMap } from "@cqframework/cql/kotlin-kotlin-stdlib";
import { BigDecimal } from "@cqframework/cql/shared";
import { libraryManager } from "./system.mjs";

const { libraries, patients } = JSON.parse(readFileSync(0, "utf8"));
const LETTERS = new Map([[true, "t"], [false, "f"], [null, "-"]]);

const TYPES = {
  Boolean: (value) => new engine.Boolean(value),
  Integer: (value) => new engine.Integer(value),
  Decimal: (value) => new engine.Decimal(BigDecimal.fromString(String(value))),
  Date: (value) => engine.Date.fromDateString(value),
  String: (value) => new engine.String(value),
};

/** A fact as the type of its parameter wants it. */
function typed(value, type) {
  const name = (type.name ?? type.elementType.name).split("}")[1];
  return type.name ? TYPES[name](value) : new engine.List(KtList.fromJsArray(value.map(TYPES[name])));
}

function outcomes({ elm, cql }) {
  const { identifier, parameters, statements } = elm.library;
  const evaluator = new engine.CqlEngine(new engine.Environment(libraryManager({ [identifier.id]: cql })));
  return patients.map((facts) => {
    // All of them: what is left out stays as it was given for the patient before.
    const given = parameters.def.map(({ name, parameterTypeSpecifier: type }) => [
      name, name in facts ? typed(facts[name], type) : null,
    ]);
    const asked = new engine.EvaluationParams.Builder();
    asked.libraryByName(identifier.id, new engine.EvaluationParams.LibraryParams.Builder().build());
    asked.parameters = KtMap.fromJsMap(new Map(given));
    const results = evaluator.evaluate(asked.build()).onlyResultOrThrow;
    const values = statements.def.map(({ name }) => results.getByName(name).value);
    return values.map((value) => LETTERS.get(value === null ? null : value.value) ?? "?").join("");
  });
}

process.stdout.write(JSON.stringify(libraries.map(outcomes)));
