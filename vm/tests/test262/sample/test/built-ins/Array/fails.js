/*---
description: an assertion that does not hold
---*/
assert.sameValue([1, 2].length, 3, "length");
