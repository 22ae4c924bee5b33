// Entry point of the product. The mock has its own, `mock/main.ts`.

import { createControl } from "./control/create-control";
import { start } from "./start";

await start(await createControl());
