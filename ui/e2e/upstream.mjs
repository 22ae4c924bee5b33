// Mock of Mammouth's site: enough to add an account and answer one request.
import { createServer } from "node:http";

const JSON_TYPE = { "content-type": "application/json" };

/** Knows the sessions `good-…`; any other is signed out. */
export async function startUpstream() {
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => answer(request, response));
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const stop = () => new Promise((closed) => (server.close(closed), server.closeAllConnections()));
  return { url: `http://127.0.0.1:${server.address().port}`, stop };
}

function answer(request, response) {
  const name = /auth_session=good-([\w-]+)/.exec(request.headers.cookie ?? "")?.[1];
  if (!name) return response.writeHead(401, JSON_TYPE).end('{"message":"not signed in"}');
  if (request.url.startsWith("/api/models/llms"))
    return response.writeHead(200, { "content-type": "text/plain" }).end(`Hello from ${name}.`);
  const answers = {
    "/api/login/user": { email: `${name}@example.com`, name, plan: "Standard" },
    "/api/user/recentUsage": { percent: 12, byBrand: [{ name: "claude", value: 18 }], usedModels: [] },
    "/api/user/currentUsage": { currentSpendCents: 18 },
  };
  const known = answers[request.url];
  response.writeHead(known ? 200 : 404, JSON_TYPE).end(JSON.stringify(known ?? { message: "no" }));
}
