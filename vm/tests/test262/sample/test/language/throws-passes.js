/*---
description: throws what it says
negative:
  phase: runtime
  type: RangeError
---*/
[].length = -1;
