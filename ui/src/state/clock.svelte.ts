// Clock for countdowns: ticks once a second, and only while a component reads it.

import { createSubscriber } from "svelte/reactivity";

const subscribe = createSubscriber((update) => {
  const timer = setInterval(update, 1000);
  return () => clearInterval(timer);
});

/** Now, in Unix milliseconds; readers are updated each second. */
export function now(): number {
  subscribe();
  return Date.now();
}
