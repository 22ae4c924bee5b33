// The time for countdowns: it ticks once a second, and only while something on the page reads it.

import { createSubscriber } from "svelte/reactivity";

const subscribe = createSubscriber((update) => {
  const timer = setInterval(update, 1000);
  return () => clearInterval(timer);
});

/** Now, in Unix milliseconds; whoever reads it is drawn again each second. */
export function now(): number {
  subscribe();
  return Date.now();
}
