// Entry point of the mode `mock`: the application with the mock in place of the program.

import { start } from "../src/start";
import { MockControl, scenario } from ".";

await start(new MockControl(scenario(location.search)));
