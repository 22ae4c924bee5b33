// A program of its own inside the page: for `npm run dev`, for pictures and for tests. No build for users holds it.

export { FakeControl } from "./mock-control";
export { scene, type Scene } from "./scenario";
