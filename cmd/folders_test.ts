import { assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../core/errors.ts";
import { withFolder } from "../tests/cli.ts";
import { discard, exists, placeOf, putTogether, recover, writePieces } from "./folders.ts";

const bytes = (text: string): Uint8Array[] => [new TextEncoder().encode(text)];

async function textsOf(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const { name, isFile } of Deno.readDirSync(folder)) {
    if (isFile) found[name] = await Deno.readTextFile(`${folder}/${name}`);
  }
  return found;
}

Deno.test("putTogether() replaces files together, and leaves nothing of its own", async () => {
  await withFolder(async (folder) => {
    for (const text of ["one", "two"]) {
      await putTogether(`${folder}/new`, async (into) => {
        for (const name of ["a", "b"]) await writePieces(`${into}/${name}`, bytes(`${name} ${text}`), 0o600);
      });
      assertEquals(await textsOf(`${folder}/new`), { a: `a ${text}`, b: `b ${text}` });
      assertEquals([...Deno.readDirSync(`${folder}/new`)].length, 2);
    }
  });
});

Deno.test("putTogether() leaves the old files where building fails", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/a`, "old");
    await assertRejects(
      () =>
        putTogether(folder, async (into) => {
          await writePieces(`${into}/a`, bytes("new"), 0o600);
          throw new Error("Full");
        }),
      Error,
      "Full",
    );
    assertEquals(await textsOf(folder), { a: "old" });
    assertEquals([...Deno.readDirSync(folder)].length, 1);
  });
});

Deno.test("what a killed run has completed is read at once and moved by the next, what it has not is removed", async () => {
  await withFolder(async (folder) => {
    for (const name of ["a", "b"]) await Deno.writeTextFile(`${folder}/${name}`, "old");
    await Deno.mkdir(`${folder}/.sluice.part/x`, { recursive: true });
    await Deno.writeTextFile(`${folder}/.sluice.part/x/a`, "half");
    await Deno.mkdir(`${folder}/.sluice.done`);
    await Deno.writeTextFile(`${folder}/.sluice.done/b`, "new");
    const read = async (name: string): Promise<string> => await Deno.readTextFile(await placeOf(folder, name));
    assertEquals([await read("a"), await read("b")], ["old", "new"]);
    await recover(folder);
    assertEquals(await textsOf(folder), { a: "old", b: "new" });
    assertEquals([...Deno.readDirSync(folder)].length, 2);
  });
});

Deno.test("discard() forgets what a killed run was about to hand out, and touches nothing else", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/party0`);
    await discard(folder, ["party0", "party1"]);
    assertEquals(await exists(`${folder}/party0`), true);
    await Deno.mkdir(`${folder}/.sluice.done/party1`, { recursive: true });
    await discard(folder, ["party0", "party1"]);
    assertEquals([...Deno.readDirSync(folder)].length, 0);
  });
});

Deno.test("writePieces() and putTogether() name the path that the disk refuses", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    const error = await assertRejects(() => putTogether(`${folder}/file/below`, () => Promise.resolve()), DiskError);
    assertEquals(error.message.includes(`${folder}/file/below`), true, error.message);
    await assertRejects(() => writePieces(`${folder}/none/a`, bytes("a"), 0o600), DiskError, "none/a");
  });
});
