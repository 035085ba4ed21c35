// Elements, and the words on them.

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  add: "M8 3v10M3 8h10",
  up: "M8 13V3M3.5 7.5 8 3l4.5 4.5",
  down: "M8 3v10M3.5 8.5 8 13l4.5-4.5",
  wrap: "M5.5 2.5h-3v11h3M10.5 2.5h3v11h-3M6 8h4",
  unwrap: "M3.5 4.5h9M3.5 8h9M3.5 11.5h9",
  remove: "M3.5 3.5l9 9M12.5 3.5l-9 9",
};

// `on…` attributes are listeners; null and false are left out.
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

// No control of the builder belongs to the form: it is neither submitted nor does it hold up what the text says.
export const control = (name, attributes, ...children) => h(name, {form: "", ...attributes}, ...children);

export const button = (attributes, ...children) => control("button", {type: "button", ...attributes}, ...children);

export function icon(name) {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", "0 0 16 16");
  picture.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  picture.append(path);
  return picture;
}

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

// A sentence in which `words` of the language stand out.
export const quoted = (sentence) => sentence.split("`").map((piece, at) => (at % 2 ? h("code", {}, piece) : piece));
