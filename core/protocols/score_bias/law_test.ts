import { assertEquals, assertThrows } from "@std/assert";
import { random, shared, testLaw } from "../../../tests/gate_cases.ts";
import { onShare } from "../../../tests/compositions.ts";
import { clearOf } from "../cost.ts";
import { share } from "../tensor.ts";
import { addScoreBias } from "./gate.ts";

const TABLE = Int32Array.from({ length: 2 * 9 }, (_, i) => (i - 9) * 12345), REACH = 5;
const params = { table: { name: "bias", from: 0, count: 18 }, heads: 2, reach: REACH };
const mutual = { ...params, from: 0, tokens: 3, starts: [0] }, mutualExtent = { rows: 6, cols: [3] };
const windowed = { ...params, from: 2, tokens: 1, starts: [0, 2] }, windowedExtent = { rows: 2, cols: [3, 2] };

testLaw("addScoreBias", {
  "three tokens that see one another": {
    constants: { bias: TABLE },
    inputs: [shared(random(32, 20, mutualExtent, 24))],
    run: onShare(addScoreBias, mutual),
  },
  "two tokens that see those up to themselves, as far as a window reaches": {
    constants: { bias: TABLE },
    inputs: [shared(random(32, 20, windowedExtent, 24))],
    run: onShare(addScoreBias, windowed),
  },
});

Deno.test("addScoreBias adds a head's entry for the distance of key and query", () => {
  const z = share("clear", { ringBits: 32, scale: 20, extent: windowedExtent }, new Float64Array(10));
  const { data } = clearOf(addScoreBias, windowed, [z], { constants: () => TABLE });
  const entry = (head: number, distance: number): number => TABLE[head * 9 + distance + REACH - 1]!;
  const expected = [[0, -2], [0, -1], [0, 0], [1, -2], [1, -1], [1, 0], [0, -1], [0, 0], [1, -1], [1, 0]];
  assertEquals([...data], expected.map(([head, distance]) => entry(head!, distance!)));
});

Deno.test("addScoreBias refuses a table of another size", () => {
  const z = share("plan", { ringBits: 32, scale: 20, extent: mutualExtent }, null);
  assertThrows(
    () => addScoreBias.plan({ ...mutual, heads: 3 }, [z]),
    RangeError,
    "must have 27 entries: received 18",
  );
});
