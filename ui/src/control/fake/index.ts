// A program of its own inside the page: for `npm run dev`, for pictures and for tests. No build for users holds it.

export { FakeControl } from "./fake";
export { scene, type Scene } from "./scene";
