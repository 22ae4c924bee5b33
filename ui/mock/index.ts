// Mock of the program, for `npm run dev`, screenshots and tests. Not part of the product bundle.

export { MockControl } from "./control";
export { scenario, type Scenario } from "./scenario";
