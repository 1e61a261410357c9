/*---
description: about what the language does not have
---*/
new Proxy({}, {});
