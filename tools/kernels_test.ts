import { assertEquals } from "@std/assert";

Deno.test("kernels --check finds everything that is written from the kernels' descriptions as it should be", async () => {
  // A process of its own: the compiler reads the environment as it is loaded.
  const script = new URL("./kernels.ts", import.meta.url).pathname;
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--no-check", "--allow-read", "--allow-env", script, "--check"],
    stdout: "null",
  }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
});
