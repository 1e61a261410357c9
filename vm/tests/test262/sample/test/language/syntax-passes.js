/*---
description: does not compile
negative:
  phase: parse
  type: SyntaxError
---*/
$DONOTEVALUATE();
const a;
