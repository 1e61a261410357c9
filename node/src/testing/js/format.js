// Values as text for people: as a literal of JavaScript where there is one, one line for each part where
// it does not fit a line.

const WIDTH = 72;
const INDENT = "  ";

/** The value on one line where it fits, else on several. */
export function show(value) {
  const line = oneLine(value);
  return line.length <= WIDTH ? line : lines(value).join("\n");
}

/** The value as lines, one for each part: what differs between two values are lines, then. */
export function lines(value) {
  return many(value, "", []);
}

function oneLine(value) {
  return many(value, undefined, []).join(" ").replace(/([[({]) (?=[\])}])/g, "$1").replace(/,( [\]})])/g, "$1");
}

// With `indent` undefined: the pieces of one line.
function many(value, indent, seen) {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return [scalar(value)];
  if (seen.includes(value)) return ["[circular]"];
  const inside = [...seen, value];
  if (Array.isArray(value)) return wrap("[", Array.from(value, item => ["", item]), "]", indent, inside);
  if (value instanceof Map) return wrap("Map {", [...value].map(([key, item]) => [`${oneLine(key)} => `, item]), "}", indent, inside);
  if (value instanceof Set) return wrap("Set {", [...value].map(item => ["", item]), "}", indent, inside);
  if (value instanceof Date) return [`Date ${isNaN(value) ? "invalid" : value.toISOString()}`];
  if (value instanceof RegExp) return [String(value)];
  if (value instanceof Error) return [`[${value.name}: ${value.message}]`];
  if (value instanceof Promise) return ["[promise]"];
  if (typeof value === "function") return [`[function ${value.name || "(anonymous)"}]`];
  if (typeof value.describe === "function" && value.asymmetric) return [value.describe(oneLine)];
  const name = Object.getPrototypeOf(value)?.constructor?.name;
  const open = name && name !== "Object" ? `${name} {` : "{";
  return wrap(open, Object.keys(value).map(key => [`${property(key)}: `, value[key]]), "}", indent, inside);
}

function wrap(open, parts, close, indent, seen) {
  if (parts.length === 0) return [open + close];
  const deeper = indent === undefined ? undefined : indent + INDENT;
  const out = [open];
  for (const [label, value] of parts) {
    const [first, ...rest] = many(value, deeper, seen);
    const piece = [label + first, ...rest];
    piece[piece.length - 1] += ",";
    out.push(...(indent === undefined ? piece : piece.map((line, at) => (at === 0 ? deeper + line : line))));
  }
  out.push((indent ?? "") + close);
  return out;
}

function scalar(value) {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  return Object.is(value, -0) ? "-0" : String(value);
}

function property(key) {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? key : JSON.stringify(key);
}
