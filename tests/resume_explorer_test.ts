import { assert, assertEquals } from "@std/assert";
import { type Bounds, explore, type Omission, type Variant } from "./resume_explorer.ts";

const SMALL: Bounds = { messages: 2, cuts: 1, crashes: 1, repeats: 1, connections: 2 };

Deno.test("explore() finds nothing wrong with the rules of resuming, in every order of events", () => {
  const halfOpen = { ...SMALL, repeats: 0, halfOpen: true };
  const cases: [Bounds, Variant, number][] = [
    [SMALL, {}, 10_000],
    [{ ...SMALL, messages: 3, crashes: 0 }, {}, 5_000],
    [halfOpen, {}, 10_000],
    [{ ...SMALL, repeats: 0 }, { malicious: 0 }, 10_000],
    [{ ...SMALL, repeats: 0 }, { malicious: 1 }, 10_000],
  ];
  for (const [bounds, variant, least] of cases) {
    const { states, violation } = explore(bounds, variant);
    assertEquals(violation, null, JSON.stringify(variant));
    assert(states >= least, `${states} states`);
  }
});

Deno.test("explore() finds what goes wrong without any one of the rules", () => {
  const cases: [Omission, Bounds, Variant, RegExp][] = [
    ["recompute", SMALL, {}, /a pad was used twice/],
    ["no-ledger", SMALL, {}, /a pad was used twice/],
    ["restart", SMALL, { malicious: 0 }, /a pad was used twice/],
    ["no-memory", SMALL, { malicious: 0 }, /a pad was used twice/],
    ["early", { ...SMALL, messages: 3, crashes: 0, repeats: 0 }, {}, /a message is missing/],
    ["evict", SMALL, {}, /a repeated message ended the session/],
    ["need-ack", SMALL, {}, /a repeated message ended the session/],
    ["no-ping", { ...SMALL, repeats: 0, halfOpen: true }, {}, /a party waits for ever/],
  ];
  for (const [without, bounds, variant, found] of cases) {
    const { violation } = explore(bounds, { ...variant, without });
    assert(violation !== null && found.test(violation), `${without}: ${violation}`);
  }
});
