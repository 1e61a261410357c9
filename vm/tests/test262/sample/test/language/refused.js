/*---
description: uses what the language refuses
---*/
class A {}
