import { assertEquals } from "@std/assert";

Deno.test("build_wasm --check finds the embedded kernels equal to what their sources give", async () => {
  // A process of its own: the compiler reads the environment as it is loaded.
  const script = new URL("./build_wasm.ts", import.meta.url).pathname;
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--no-check", "--allow-read", "--allow-env", script, "--check"],
    stdout: "null",
  }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
});
