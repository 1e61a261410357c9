/*---
description: no test of its own
---*/
throw 1;
