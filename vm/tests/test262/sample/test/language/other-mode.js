/*---
description: about another mode
flags: [noStrict]
---*/
x = 1;
