import { assertEquals, assertThrows } from "@std/assert";
import { ModelError } from "../core/errors.ts";
import { knownShapes, namedShape } from "./shapes.ts";
import { checkpointShapes } from "./synthetic.ts";

Deno.test("namedShape() gives each model its published count of parameters", () => {
  const counts = knownShapes().map((name) =>
    [...checkpointShapes(namedShape(name)).values()]
      .reduce((sum, shape) => sum + shape.reduce((product, length) => product * length), 0)
  );

  assertEquals(Object.fromEntries(knownShapes().map((name, i) => [name, counts[i]])), {
    "llama-tiny": 1_582_336,
    "bert-tiny": 4_385_920,
    "bert-base": 109_482_240,
    "bert-large": 335_141_888,
    "gpt2": 124_439_808,
    "gpt-neo-1.3b": 1_315_575_808,
    "gpt-neo-2.7b": 2_651_307_520,
    "llama2-7b": 6_738_415_616,
    "llama2-13b": 13_015_864_320,
  });
});

Deno.test("namedShape() takes another count of layers", () => {
  assertEquals(namedShape("llama2-7b", { layers: 1 }).layers, 1);
  assertEquals(namedShape("llama2-7b", { layers: undefined }).layers, 32);
  assertEquals(namedShape("gpt-neo-1.3b", { layers: 3 }).windows, [null, 256, null]);
  assertEquals(namedShape("gpt-neo-1.3b", { layers: 25 }).windows.slice(22), [null, 256, null]);
  assertThrows(() => namedShape("llama2-7b", { layers: 0 }), RangeError, "received 0");
});

Deno.test("namedShape() names an unknown shape and lists the known ones", () => {
  assertThrows(
    () => namedShape("llama9"),
    ModelError,
    "gpt2, gpt-neo-1.3b, gpt-neo-2.7b, llama2-7b, llama2-13b: received llama9",
  );
});
