/*---
description: says that it does not compile, but does
negative:
  phase: parse
  type: SyntaxError
---*/
const a = 1;
