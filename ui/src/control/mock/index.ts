// Mock of the program, for `npm run dev`, screenshots and tests. Not part of the product bundle.

export { MockControl } from "./mock-control";
export { scenario, type Scenario } from "./scenario";
