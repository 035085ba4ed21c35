// Translates CQL to ELM with HL7's translator. In: a list of texts; out: a list of libraries, or of what is wrong.
import { readFileSync } from "node:fs";
import { CqlTranslator } from "@cqframework/cql/cql-to-elm";
import { libraryManager } from "./system.mjs";

// What tells where in the text a node was, and not what it is.
const PLACES = ["annotation", "localId", "locator", "signature"];

function withoutPlaces(node) {
  if (Array.isArray(node)) return node.map(withoutPlaces);
  if (node === null || typeof node !== "object") return node;
  const kept = Object.entries(node).filter(([key]) => !PLACES.includes(key));
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutPlaces(value)]));
}

function translated(text) {
  const elm = JSON.parse(CqlTranslator.fromText(text, libraryManager()).toJson());
  const problems = elm.library.annotation.flatMap(({ message }) => message ?? []);
  return problems.length ? { problems } : withoutPlaces(elm);
}

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(translated)));
