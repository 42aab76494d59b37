import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskError, KeyError } from "../core/errors.ts";
import { TAG_BYTES } from "./seal.ts";
import { CHUNK_BYTES } from "./sealed_chunks.ts";
import {
  claimKeys,
  createKeyFile,
  createKeyFolder,
  type KeyHeader,
  KEYS_FILE,
  openKeyFile,
  readLinkKey,
  usedBy,
  writeLinkKey,
} from "./key_file.ts";

const STREAM = Uint8Array.from({ length: 1000 }, (_, i) => i * 7 + (i >> 8));
const HEADER: KeyHeader = {
  party: 0,
  session: "session-a",
  weightsId: "weights-a",
  planDigest: "plan-a",
  streamBytes: STREAM.length,
  layers: [{ blocks: 3 }],
};

async function inFolder(run: (dir: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "sluice_keys_" });
  try {
    await createKeyFolder(`${root}/party0`);
    await writeLinkKey(`${root}/party0`, LINK_KEY);
    await run(`${root}/party0`);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const LINK_KEY = STREAM.slice(0, 32);

async function writeAll(dir: string, header = HEADER): Promise<void> {
  const writer = await createKeyFile(dir, header);
  await writer.write(STREAM, 0);
  await writer.finish();
}

Deno.test("openKeyFile() reads back what createKeyFile() wrote, in any order and at once", async () => {
  await inFolder(async (dir) => {
    const writer = await createKeyFile(dir, HEADER);
    await Promise.all(
      [[700, 1000], [0, 300], [300, 700]].map(([from, to]) => writer.write(STREAM.slice(from, to), from!)),
    );
    await writer.finish();
    const reader = await openKeyFile(dir, { party: 0, weightsId: "weights-a" });
    assertEquals(reader.header, HEADER);
    const parts = [[500, 1000], [0, 500], [1000, 1000], [999, 1000], [0, 1000]] as const;
    await Promise.all(parts.map(async ([from, to]) => {
      const into = new Uint8Array(to - from);
      await reader.read(into, from);
      assertEquals(into, STREAM.slice(from, to));
    }));
    reader.close();
    reader.close();
  });
});

Deno.test("read() fills a view of shared memory and nothing beside it", async () => {
  await inFolder(async (dir) => {
    await writeAll(dir);
    const memory = new Uint8Array(new SharedArrayBuffer(200));
    const reader = await openKeyFile(dir);
    await reader.read(memory.subarray(50, 150), 321);
    reader.close();
    assertEquals(Uint8Array.from(memory.subarray(50, 150)), STREAM.slice(321, 421));
    assert(memory.subarray(0, 50).every((byte) => byte === 0) && memory.subarray(150).every((byte) => byte === 0));
  });
});

Deno.test("write() and read() refuse regions outside of the stream", async () => {
  await inFolder(async (dir) => {
    const writer = await createKeyFile(dir, HEADER);
    for (const offset of [-1, 991, 0.5, NaN]) {
      await assertRejects(() => writer.write(new Uint8Array(10), offset), RangeError, "1000 bytes");
    }
    await writer.write(STREAM, 0);
    await writer.finish();
    const reader = await openKeyFile(dir);
    await assertRejects(() => reader.read(new Uint8Array(10), 991), RangeError, "10 bytes at 991");
    reader.close();
  });
});

Deno.test("finish() refuses an incomplete stream, which openKeyFile() does not see", async () => {
  await inFolder(async (dir) => {
    const writer = await createKeyFile(dir, HEADER);
    await writer.write(STREAM.slice(0, 999), 0);
    await assertRejects(() => writer.finish(), KeyError, "must have 1000 bytes: received 999");
    writer.close();
    writer.close();
    await assertRejects(() => openKeyFile(dir), KeyError, "no such file");
    await writeAll(dir);
    (await openKeyFile(dir)).close();
  });
});

Deno.test("createKeyFile() leaves an existing key file alone", async () => {
  await inFolder(async (dir) => {
    await writeAll(dir);
    await assertRejects(() => createKeyFile(dir, HEADER), KeyError, "must be new");
    await Deno.remove(`${dir}/${KEYS_FILE}`);
    await claimKeys(dir, "session-a");
    await assertRejects(() => createKeyFile(dir, HEADER), KeyError, "must be new");
  });
});

Deno.test("createKeyFile() refuses a header that names no count of bytes or is too long", async () => {
  await inFolder(async (dir) => {
    for (const streamBytes of [-1, 1.5, NaN]) {
      await assertRejects(() => createKeyFile(dir, { ...HEADER, streamBytes }), RangeError, "Cannot create key file");
    }
    const notes = "x".repeat(2 ** 20);
    await assertRejects(() => createKeyFile(dir, { ...HEADER, notes }), RangeError, "at most 1048576 bytes");
  });
});

Deno.test("openKeyFile() refuses a file that is cut at any part, or too long, and says which and how long", async () => {
  await inFolder(async (dir) => {
    await writeAll(dir);
    const path = `${dir}/${KEYS_FILE}`;
    const whole = await Deno.readFile(path);
    for (const count of [0, 7, 11, 12, 40, whole.length - 1000, whole.length - 1, whole.length + 1]) {
      const cut = new Uint8Array(count);
      cut.set(whole.subarray(0, count));
      await Deno.writeFile(path, cut);
      const error = await assertRejects(() => openKeyFile(dir), KeyError, `received ${count} bytes`);
      assert(error.message.includes(path), error.message);
      if (count >= whole.length - 1) assert(error.message.includes(`must have ${whole.length} bytes`), error.message);
    }
  });
});

Deno.test("openKeyFile() refuses other files and broken headers", async () => {
  await inFolder(async (dir) => {
    await writeAll(dir);
    const path = `${dir}/${KEYS_FILE}`;
    const whole = await Deno.readFile(path);
    const cases: [number, number, string][] = [
      [0, 0x50, "another format"],
      [7, 0x31, "format 2: received format 1"],
      [11, 0x7f, "at most 1048576 bytes"],
      [12, 0x00, "canonical CBOR"],
      [13, 0xff, "Cannot open"],
    ];
    for (const [at, byte, message] of cases) {
      const broken = whole.slice();
      broken[at] = byte;
      await Deno.writeFile(path, broken);
      await assertRejects(() => openKeyFile(dir), KeyError, message);
    }
  });
});

Deno.test("openKeyFile() refuses keys of the wrong party or other weights", async () => {
  await inFolder(async (dir) => {
    await writeAll(dir);
    await assertRejects(() => openKeyFile(dir, { party: 1 }), KeyError, "keys of the wrong party");
    const error = await assertRejects(
      () => openKeyFile(dir, { party: 0, weightsId: "weights-b" }),
      KeyError,
      "weights-b",
    );
    assert(error.message.includes("weights-a"));
  });
});

Deno.test("readLinkKey() reads what writeLinkKey() wrote, and refuses anything else", async () => {
  await inFolder(async (dir) => {
    assertEquals(new Uint8Array(await readLinkKey(dir)), LINK_KEY);
    await Deno.remove(`${dir}/link.key`);
    await assertRejects(() => readLinkKey(dir), KeyError, "no such file");
    await assertRejects(() => writeLinkKey(dir, new Uint8Array(31)), RangeError, "received 31");
    await Deno.writeFile(`${dir}/link.key`, new Uint8Array(33));
    await assertRejects(() => readLinkKey(dir), KeyError, "received 33 bytes");
  });
});

Deno.test({
  name: "key folders and files are for their owner only",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await inFolder(async (dir) => {
      await writeAll(dir);
      await claimKeys(dir, "session-a");
      for (const name of [KEYS_FILE, "link.key", "USED"]) {
        assertEquals((await Deno.stat(`${dir}/${name}`)).mode! & 0o777, 0o600, name);
      }
      assertEquals((await Deno.stat(dir)).mode! & 0o777, 0o700);
    });
  },
});

Deno.test("claimKeys() marks a folder once and names the session that used it", async () => {
  await inFolder(async (dir) => {
    assertEquals(await usedBy(dir), null);
    await claimKeys(dir, "session-a");
    assertEquals(await usedBy(dir), "session-a");
    const error = await assertRejects(() => claimKeys(dir, "session-b"), KeyError, "already used by session session-a");
    assert(error.message.includes("deal new keys"));
    assertEquals(await usedBy(dir), "session-a");
  });
});

Deno.test("claimKeys() of one folder at once succeeds exactly once", async () => {
  await inFolder(async (dir) => {
    const claims = await Promise.allSettled(["a", "b", "c", "d"].map((session) => claimKeys(dir, session)));
    assertEquals(claims.filter(({ status }) => status === "fulfilled").length, 1);
  });
});

Deno.test("claimKeys() refuses a folder that does not exist", async () => {
  await inFolder(async (dir) => {
    await assertRejects(() => claimKeys(`${dir}/missing`, "session-a"), DiskError, "received No such file");
  });
});

/** A stream of several chunks, written in pieces that cross their borders, backwards. */
async function writeChunks(dir: string, streamBytes: number): Promise<Uint8Array> {
  const stream = Uint8Array.from({ length: streamBytes }, (_, i) => i * 31 + (i >> 11)), pieceBytes = 300_007;
  const writer = await createKeyFile(dir, { ...HEADER, streamBytes });
  for (let at = Math.floor((streamBytes - 1) / pieceBytes) * pieceBytes; at >= 0; at -= pieceBytes) {
    await writer.write(stream.subarray(at, at + pieceBytes), at);
  }
  await writer.finish();
  return stream;
}

Deno.test("openKeyFile() reads streams around the size of a chunk, in pieces across borders", async () => {
  for (const streamBytes of [1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 20 * CHUNK_BYTES + 5]) {
    await inFolder(async (dir) => {
      const stream = await writeChunks(dir, streamBytes), reader = await openKeyFile(dir);
      for (const pieceBytes of [streamBytes, 700_001]) {
        for (let at = 0; at < streamBytes; at += pieceBytes) {
          const into = new Uint8Array(Math.min(pieceBytes, streamBytes - at));
          await reader.read(into, at);
          assert(into.every((byte, i) => byte === stream[at + i]), `${streamBytes} ${at}`);
        }
      }
      reader.close();
    });
  }
});

Deno.test("a flipped bit anywhere in keys.bin or link.key is found before a byte of its part is given", async () => {
  await inFolder(async (dir) => {
    const streamBytes = 2 * CHUNK_BYTES + 100, path = `${dir}/${KEYS_FILE}`;
    await writeChunks(dir, streamBytes);
    const whole = await Deno.readFile(path), start = whole.length - streamBytes - 3 * TAG_BYTES;
    const places = Array.from({ length: start }, (_, i) => i);
    for (const at of [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + TAG_BYTES, 2 * CHUNK_BYTES + 50]) {
      places.push(start + at);
    }
    for (const at of places) {
      await Deno.writeFile(path, whole.with(at, whole[at]! ^ (1 << (at & 7))));
      const into = new Uint8Array(streamBytes);
      const error = await assertRejects(async () => {
        const reader = await openKeyFile(dir);
        try {
          await reader.read(into, 0);
        } finally {
          reader.close();
        }
      }, KeyError);
      assert(error.message.includes(path), error.message);
      const part = Math.floor(Math.max(0, at - start) / (CHUNK_BYTES + TAG_BYTES));
      assert(into.subarray(part * CHUNK_BYTES, (part + 1) * CHUNK_BYTES).every((byte) => byte === 0), `byte ${at}`);
    }
    await Deno.writeFile(path, whole);
    for (let at = 0; at < 32; at++) {
      await Deno.writeFile(`${dir}/link.key`, LINK_KEY.with(at, LINK_KEY[at]! ^ 1));
      await assertRejects(() => openKeyFile(dir), KeyError, "link.key");
    }
  });
});

Deno.test("read() refuses parts in another order, of another stream, and a stream that ends early", async () => {
  await inFolder(async (dir) => {
    const path = `${dir}/${KEYS_FILE}`, sealed = CHUNK_BYTES + TAG_BYTES, streamBytes = 3 * CHUNK_BYTES;
    await writeChunks(dir, streamBytes);
    const whole = await Deno.readFile(path), start = whole.length - 3 * sealed;
    const swapped = whole.slice();
    swapped.copyWithin(start + sealed, start + 2 * sealed, start + 3 * sealed);
    await Deno.writeFile(path, swapped);
    const reader = await openKeyFile(dir), into = new Uint8Array(10);
    await reader.read(into, 0);
    await assertRejects(() => reader.read(into, CHUNK_BYTES), KeyError, "part 2 of 3");
    // A part that did not verify is not kept as if it had.
    await assertRejects(() => reader.read(into, CHUNK_BYTES), KeyError, "part 2 of 3");
    reader.close();
  });
});

Deno.test("openAhead() opens what fits, finds a changed part, and gives the same bytes", async () => {
  await inFolder(async (dir) => {
    const streamBytes = 3 * CHUNK_BYTES + 5, stream = await writeChunks(dir, streamBytes), path = `${dir}/${KEYS_FILE}`;
    for (const aheadBytes of [0, CHUNK_BYTES - 1, 2 * CHUNK_BYTES, 9 * CHUNK_BYTES]) {
      const reader = await openKeyFile(dir), into = new Uint8Array(streamBytes);
      await reader.openAhead(aheadBytes);
      for (let run = 0; run < 2; run++) {
        for (let at = 0; at < streamBytes; at += 400_000) await reader.read(into.subarray(at, at + 400_000), at);
        assert(into.every((byte, i) => byte === stream[i]));
        into.fill(0);
      }
      reader.close();
    }
    const whole = await Deno.readFile(path), at = whole.length - 2 * CHUNK_BYTES;
    await Deno.writeFile(path, whole.with(at, whole[at]! ^ 1));
    const reader = await openKeyFile(dir);
    await reader.openAhead(CHUNK_BYTES);
    await assertRejects(() => reader.openAhead(streamBytes), KeyError, "part 2 of 4");
    reader.close();
  });
});
