// Where rows and groups stand, and how they come to stand elsewhere. A path is the places from the root: "0.2".

import {emptyRow, group, isGroup, lacking} from "./conditions.js";

export const below = (path, at) => (path === "" ? String(at) : `${path}.${at}`);

// The path of the first node, parts before their group, of which `asked` is true, or null.
export function find(node, asked, path = "") {
  for (const [at, part] of (node.parts ?? []).entries()) {
    const found = find(part, asked, below(path, at));
    if (found !== null) return found;
  }
  return asked(node) ? path : null;
}

export const pathOf = (root, node) => find(root, (other) => other === node);
export const firstLacking = (root, facts) => find(root, (node) => lacking(node, facts) !== null);

export function parentOf(root, node) {
  if ((root.parts ?? []).includes(node)) return root;
  for (const part of root.parts ?? []) {
    const found = parentOf(part, node);
    if (found) return found;
  }
  return null;
}

// A group within another one is most often of the other kind.
export const groupWithin = (parent, parts) => group(["all", "not_all"].includes(parent.kind) ? "any" : "all", parts);

export function wrap(root, node) {
  const parent = parentOf(root, node);
  const around = groupWithin(parent, [node]);
  parent.parts.splice(parent.parts.indexOf(node), 1, around);
  return around;
}

export function dissolve(root, node) {
  const parent = parentOf(root, node);
  parent.parts.splice(parent.parts.indexOf(node), 1, ...node.parts);
}

// What now stands in its place or before it, or null.
export function remove(root, node) {
  const parent = parentOf(root, node);
  const at = parent.parts.indexOf(node);
  parent.parts.splice(at, 1);
  clear(root, parent);
  return parent.parts[at] ?? parent.parts[at - 1] ?? null;
}

// A group that holds nothing any more goes too; the whole is never without a row.
function clear(root, node) {
  if (node.parts.length) return;
  if (node === root) {
    root.parts.push(emptyRow());
    return;
  }
  const parent = parentOf(root, node);
  parent.parts.splice(parent.parts.indexOf(node), 1);
  clear(root, parent);
}

export function canMove(root, node, by) {
  return parentOf(root, node) !== root || root.parts[root.parts.indexOf(node) + by] !== undefined;
}

// Up (-1) or down (1) among its neighbours, into a group that stands there, and out of its own at either end.
export function move(root, node, by) {
  const parent = parentOf(root, node);
  const at = parent.parts.indexOf(node);
  const neighbour = parent.parts[at + by];
  parent.parts.splice(at, 1);
  if (!neighbour) {
    const outer = parentOf(root, parent);
    outer.parts.splice(outer.parts.indexOf(parent) + (by < 0 ? 0 : 1), 0, node);
    clear(root, parent);
    return "Moved out of the group.";
  }
  if (isGroup(neighbour)) {
    neighbour.parts.splice(by < 0 ? neighbour.parts.length : 0, 0, node);
    return "Moved into the group.";
  }
  parent.parts.splice(at + by, 0, node);
  return by < 0 ? "Moved up." : "Moved down.";
}
