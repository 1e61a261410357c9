// What differs between two lists of lines: the lines of a longest common subsequence stay.

import { lines } from "troupe:format";

const CONTEXT = 3;
const CELLS_MAX = 4_000_000;

/** The differences between two values as text, or nothing where both look alike. */
export function diff(received, expected) {
  const marked = merge(lines(expected), lines(received));
  const changed = marked.map(line => line[0] !== " ");
  if (!changed.includes(true)) return "";
  const near = at => changed.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).includes(true);
  const out = ["- expected", "+ received", ""];
  let left = 0;
  marked.forEach((line, at) => {
    if (marked.length <= 40 || near(at)) {
      if (left > 0) out.push(`  … ${left} equal line${left === 1 ? "" : "s"} …`);
      left = 0;
      out.push(line);
    } else {
      left += 1;
    }
  });
  if (left > 0) out.push(`  … ${left} equal line${left === 1 ? "" : "s"} …`);
  return out.join("\n");
}

function merge(before, after) {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1;
  const keep = line => `  ${line}`;
  return [
    ...before.slice(0, start).map(keep),
    ...middle(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...before.slice(before.length - end).map(keep),
  ];
}

function middle(before, after) {
  const removed = line => `- ${line}`;
  const added = line => `+ ${line}`;
  if (before.length * after.length > CELLS_MAX) return [...before.map(removed), ...after.map(added)];
  // common[i][j]: the length of the longest common subsequence of what is behind i and j.
  const common = Array.from({ length: before.length + 1 }, () => new Uint32Array(after.length + 1));
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      common[i][j] = before[i] === after[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
    }
  }
  const out = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      out.push(`  ${before[i]}`);
      i += 1;
      j += 1;
    } else if (j === after.length || (i < before.length && common[i + 1][j] >= common[i][j + 1])) {
      out.push(removed(before[i]));
      i += 1;
    } else {
      out.push(added(after[j]));
      j += 1;
    }
  }
  return out;
}
