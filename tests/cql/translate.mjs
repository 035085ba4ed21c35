// Translates CQL to ELM with HL7's translator. In: a list of texts; out: a list of libraries, or of what is wrong.
import { readFileSync } from "node:fs";
import {
  CqlTranslator, LibraryManager, ModelManager, createModelInfoProvider, stringAsSource,
} from "@cqframework/cql/cql-to-elm";

// The package has no description of CQL's own types (CQL 1.5, appendix B, Types); this is what translating needs of it.
const SIMPLE = ["Any", "Boolean", "Integer", "Long", "Decimal", "String", "Date", "DateTime", "Time"];
const CLASSES = {
  Quantity: { value: "Decimal", unit: "String" },
  Ratio: { numerator: "Quantity", denominator: "Quantity" },
  Code: { code: "String", system: "String", version: "String", display: "String" },
  Concept: { display: "String" },
  Vocabulary: { id: "String", version: "String", name: "String" },
  CodeSystem: {},
  ValueSet: {},
};
const PARENTS = { CodeSystem: "Vocabulary", ValueSet: "Vocabulary" };

function typeInfo(kind, name, elements = {}) {
  const parent = name === "Any" ? "" : ` baseType="System.${PARENTS[name] ?? "Any"}"`;
  const inside = Object.entries(elements).map(([key, type]) => `<element name="${key}" type="System.${type}"/>`);
  return `<typeInfo xsi:type="${kind}" name="System.${name}"${parent}>${inside.join("")}</typeInfo>`;
}

const types = [
  ...SIMPLE.map((name) => typeInfo("SimpleTypeInfo", name)),
  ...Object.entries(CLASSES).map(([name, elements]) => typeInfo("ClassInfo", name, elements)),
];
const SYSTEM = `<modelInfo xmlns="urn:hl7-org:elm-modelinfo:r1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  name="System" version="1.0.0" url="urn:hl7-org:elm-types:r1">${types.join("")}</modelInfo>`;

// What tells where in the text a node was, and not what it is.
const PLACES = ["annotation", "localId", "locator", "signature"];

function withoutPlaces(node) {
  if (Array.isArray(node)) return node.map(withoutPlaces);
  if (node === null || typeof node !== "object") return node;
  const kept = Object.entries(node).filter(([key]) => !PLACES.includes(key));
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutPlaces(value)]));
}

function translated(text) {
  const models = new ModelManager();
  const provider = createModelInfoProvider((name) => (name === "System" ? stringAsSource(SYSTEM) : null));
  models.modelInfoLoader.registerModelInfoProvider(provider);
  const elm = JSON.parse(CqlTranslator.fromText(text, new LibraryManager(models)).toJson());
  const problems = elm.library.annotation.flatMap(({ message }) => message ?? []);
  return problems.length ? { problems } : withoutPlaces(elm);
}

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(translated)));
