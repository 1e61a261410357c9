/*---
description: calls of the harness
flags: [onlyStrict]
includes: [compareArray.js]
---*/
assert([1].includes(1));
assert.compareArray([3, 1, 2].sort(), [1, 2, 3]);
assert.throws(TypeError, function () { null.x; });
assert.notSameValue(0, -0);
if (1 > 2) {
  throw new Test262Error("#1");
}
