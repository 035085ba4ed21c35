// What HL7's translator and engine have to know of CQL's own types (CQL 1.5, appendix B, Types).
import {
  LibraryManager, ModelManager, createLibrarySourceProvider, createModelInfoProvider, stringAsSource,
} from "@cqframework/cql/cql-to-elm";

// The package brings no description of them; this is as much as they need.
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

/** A manager of the libraries with these texts by name. */
export function libraryManager(texts = {}) {
  const models = new ModelManager();
  const types = createModelInfoProvider((name) => (name === "System" ? stringAsSource(SYSTEM) : null));
  models.modelInfoLoader.registerModelInfoProvider(types);
  const libraries = new LibraryManager(models);
  const source = createLibrarySourceProvider((name) => (name in texts ? stringAsSource(texts[name]) : null));
  libraries.librarySourceLoader.registerProvider(source);
  return libraries;
}
