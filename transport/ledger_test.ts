import { assert, assertEquals, assertRejects } from "@std/assert";
import { KeyError } from "../core/errors.ts";
import { Ledger } from "./ledger.ts";

async function withPath(body: (path: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-ledger-" });
  try {
    await body(`${folder}/state/sluice/ledger.db`, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const nothing = (): Promise<void> => Promise.resolve();

Deno.test("claim() notes each half of a key set once, in this process and the next", async () => {
  await withPath(async (path) => {
    for (const session of ["a", "b"]) {
      const ledger = await Ledger.open(path);
      for (const party of [0, 1] as const) {
        assertEquals(ledger.has(session, party), false);
        await ledger.claim(session, party, nothing, nothing);
        assertEquals(ledger.has(session, party), true);
        const error = await assertRejects(() => ledger.claim(session, party, nothing, nothing), KeyError, "has");
        assert(error.message.includes(path));
      }
      ledger.close();
    }
    const again = await Ledger.open(path);
    for (const session of ["a", "b"]) assert(again.has(session, 0) && again.has(session, 1));
    again.close();
  });
});

Deno.test("claim() notes nothing where the mark fails, and takes the mark back where the row cannot be kept", async () => {
  await withPath(async (path) => {
    const ledger = await Ledger.open(path), other = await Ledger.open(path);
    await assertRejects(
      () => ledger.claim("a", 0, () => Promise.reject(new Error("Disk full")), nothing),
      Error,
      "Disk",
    );
    assertEquals(other.has("a", 0), false);
    let marked = false;
    const mark = (): Promise<void> => {
      marked = true;
      ledger.close(); // whatever keeps it from committing
      return Promise.resolve();
    };
    await assertRejects(() =>
      ledger.claim("a", 0, mark, () => {
        marked = false;
        return Promise.resolve();
      })
    );
    assertEquals([marked, other.has("a", 0)], [false, false]);
    other.close();
  });
});

Deno.test("claim() of one half by several at once succeeds exactly once", async () => {
  await withPath(async (path) => {
    const ledgers = [await Ledger.open(path), await Ledger.open(path)], outcomes: string[] = [];
    // The second waits for the first's transaction; both run on this thread, so one after the other.
    for (const ledger of ledgers) {
      await ledger.claim("a", 1, nothing, nothing).then(() => outcomes.push("claimed"), () => outcomes.push("refused"));
    }
    assertEquals(outcomes, ["claimed", "refused"]);
    for (const ledger of ledgers) ledger.close();
  });
});

Deno.test({
  name: "a ledger is for its owner only",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await withPath(async (path) => {
      const ledger = await Ledger.open(path);
      await ledger.claim("a", 0, nothing, nothing);
      for (const { name } of Deno.readDirSync(path.slice(0, path.lastIndexOf("/")))) {
        assertEquals((await Deno.stat(`${path.slice(0, path.lastIndexOf("/"))}/${name}`)).mode! & 0o777, 0o600, name);
      }
      ledger.close();
    });
  },
});

Deno.test("Ledger.open() refuses other files and later versions, and says what to do", async () => {
  await withPath(async (path, folder) => {
    await Deno.writeTextFile(`${folder}/notes`, "Once upon a time there was a file of another kind.".repeat(30));
    await assertRejects(() => Ledger.open(`${folder}/notes`), KeyError, "must be a file that sluice wrote");
    (await Ledger.open(path)).close();
    const bytes = await Deno.readFile(path);
    bytes[63] = 9; // the user version of SQLite's header
    await Deno.writeFile(path, bytes);
    await assertRejects(() => Ledger.open(path), KeyError, "format 1: received format 9");
  });
});
