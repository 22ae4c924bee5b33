// The two upstreams that every suite runs over, and all the differences between them that these tests see. What stands
// here is meant: a web session knows less than the API does. Everything else has to be the same.
import { describe } from "node:test";

const upstream = (name, differences) => ({ name, settings: `version = 1\nprefer = "only-${name}"\n`, ...differences });

const UPSTREAMS = [
  upstream("web", {
    // What a web session has no field for has no effect, and the answer names it.
    ignored: "temperature",
    // Only the API can be asked for several choices at once.
    severalChoices: false,
    // A web session may know models that are in no list, so their names are passed on. The API has a catalogue.
    unlistedModels: true,
    // Chunks before the first words, which the simulator's faults count too.
    openingChunks: 0,
  }),
  upstream("api", { ignored: null, severalChoices: true, unlistedModels: false, openingChunks: 1 }),
];

/** The same tests over each upstream. */
export function overBoth(tests) {
  for (const upstream of UPSTREAMS) describe(`over ${upstream.name}`, () => tests(upstream));
}
