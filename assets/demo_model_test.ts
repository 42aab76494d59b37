import { assertEquals, assertStrictEquals } from "@std/assert";
import readme from "./README.md" with { type: "text" };
import { demoModel } from "./demo_model.ts";

Deno.test("demoModel() holds the weights whose digest the README records", async () => {
  const digest = await crypto.subtle.digest("SHA-256", demoModel()["model.safetensors"]!);

  assertEquals(readme.includes(new Uint8Array(digest).toHex()), true);
});

Deno.test("demoModel() holds the files of a model folder and decodes them once", () => {
  assertEquals(Object.keys(demoModel()), ["config.json", "tokenizer.json", "model.safetensors"]);
  assertStrictEquals(demoModel(), demoModel());
});
