import { assertEquals, assertThrows } from "@std/assert";
import { ModelError } from "../core/errors.ts";
import { knownShapes, namedShape } from "./shapes.ts";
import { checkpointShapes } from "./synthetic.ts";

Deno.test("namedShape() gives each model its published count of parameters", () => {
  const counts = knownShapes().map((name) =>
    [...checkpointShapes(namedShape(name)).values()]
      .reduce((sum, shape) => sum + shape.reduce((product, length) => product * length), 0)
  );

  assertEquals(knownShapes(), ["llama-tiny", "llama2-7b", "llama2-13b"]);
  assertEquals(counts, [1_582_336, 6_738_415_616, 13_015_864_320]);
});

Deno.test("namedShape() takes another count of layers", () => {
  assertEquals(namedShape("llama2-7b", { layers: 1 }).layers, 1);
  assertEquals(namedShape("llama2-7b", { layers: undefined }).layers, 32);
  assertThrows(() => namedShape("llama2-7b", { layers: 0 }), RangeError, "received 0");
});

Deno.test("namedShape() names an unknown shape and lists the known ones", () => {
  assertThrows(() => namedShape("llama9"), ModelError, "llama-tiny, llama2-7b, llama2-13b: received llama9");
});
