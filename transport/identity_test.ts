import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { bech32m } from "@scure/base";
import { KeyError } from "../core/errors.ts";
import {
  createIdentity,
  formatPublic,
  Identity,
  parsePublic,
  randomIdentity,
  readClients,
  readIdentity,
  ROLES,
} from "./identity.ts";
import { KeyPair } from "./x25519.ts";

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-identity-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("createIdentity() writes a file of mode 0600 for readIdentity(), and leaves nothing else", async () => {
  await withFolder(async (folder) => {
    for (const role of ROLES) {
      const path = `${folder}/${role}`, made = await createIdentity(path, role), read = await readIdentity(path, role);
      assertEquals(made.publicLine, read.publicLine);
      assert(made.publicLine.startsWith(`sluice-${role}1`));
      const peer = KeyPair.generate();
      assertEquals(read.keys.agree(peer.publicKey), peer.agree(made.keys.publicKey));
      assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
    }
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["client", "dealer", "owner"]);
  });
});

Deno.test("createIdentity() keeps a file that exists", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/id`, { publicLine } = await createIdentity(path, "owner");
    const error = await assertRejects(() => createIdentity(path, "client"), KeyError, "must be new");
    assert(error.message.includes(path));
    assertEquals((await readIdentity(path, "owner")).publicLine, publicLine);
    assertEquals([...Deno.readDirSync(folder)].length, 1);
  });
});

Deno.test("readIdentity() refuses a missing, open, damaged or foreign file, and repeats none of it", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/id`;
    await assertRejects(() => readIdentity(path, "owner"), KeyError, "does not exist");
    await createIdentity(path, "owner");
    await assertRejects(() => readIdentity(path, "client"), KeyError, "received one of the owner");
    const text = await Deno.readTextFile(path), at = text.indexOf("SLUICE-IDENTITY-1");
    await Deno.chmod(path, 0o640);
    await assertRejects(() => readIdentity(path, "owner"), KeyError, "received mode 0640");
    await Deno.chmod(path, 0o600);
    const secret = text.slice(at).trim(), last = secret.at(-1) === "Q" ? "P" : "Q";
    for (
      const damaged of [
        "",
        text.slice(0, at),
        `${secret.slice(0, -1)}${last}\n`,
        secret.slice(0, 40),
        secret.toLowerCase(),
        `${secret}\n${secret}\n`,
        bech32m.encode("sluice-identity-", bech32m.toWords(new Uint8Array(33).fill(3))).toUpperCase(),
        bech32m.encode("sluice-identity-", bech32m.toWords(new Uint8Array(32))).toUpperCase(),
      ]
    ) {
      await Deno.writeTextFile(path, damaged);
      const error = await assertRejects(() => readIdentity(path, "owner"), KeyError, "one line of SLUICE-IDENTITY-1");
      assert(!error.message.includes(secret.slice(20, 30)));
    }
    await Deno.writeTextFile(path, text.replaceAll("\n", "\r\n"));
    await readIdentity(path, "owner");
  });
});

Deno.test("parsePublic() reads back every role's line, and says what else it was given without repeating it", () => {
  const { keys } = randomIdentity("owner"), line = formatPublic("owner", keys.publicKey);
  for (const role of ROLES) assertEquals(parsePublic(role, formatPublic(role, keys.publicKey)), keys.publicKey);
  const changed = line.at(-1) === "q" ? "p" : "q";
  const cases: [string, string][] = [
    ["", "does not begin with sluice-owner1"],
    ["owner", "does not begin"],
    [formatPublic("client", keys.publicKey), "received one of the client"],
    [formatPublic("dealer", keys.publicKey), "received one of the dealer"],
    [line.toUpperCase(), "does not begin"],
    [line.slice(0, -1), "a character is wrong"],
    [`${line}${changed}`, "a character is wrong"],
    [`${line.slice(0, -1)}${changed}`, "a character is wrong"],
    [`${line.slice(0, -1)}${line.at(-1)!.toUpperCase()}`, line.at(-1)! >= "a" ? "a character is wrong" : ""],
    [bech32m.encode("sluice-owner", bech32m.toWords(new Uint8Array(31))), "a character is wrong"],
    ["SLUICE-IDENTITY-1ABCDEF", "received a secret"],
    ["sluice-identity-1abcdef", "received a secret"],
  ];
  for (const [text, message] of cases) {
    if (message === "") continue;
    const error = assertThrows(() => parsePublic("owner", text), RangeError, message);
    if (text.length > 6) assert(!error.message.includes(text), error.message);
  }
});

Deno.test("Identity prints its public line and nothing else", () => {
  const secret = new Uint8Array(32).fill(0x5a), identity = new Identity("client", KeyPair.from(secret));
  const nested = { identity };
  for (const text of [`${identity}`, JSON.stringify(nested), Deno.inspect(nested, { showHidden: true, depth: 9 })]) {
    assert(text.includes(identity.publicLine), text);
    for (const mark of ["90", "5a5a", "IDENTITY"]) {
      assert(!text.replace(identity.publicLine, "").includes(mark), text);
    }
  }
});

Deno.test("readClients() reads keys and names, whatever ends their lines", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/clients`,
      [a, b] = [randomIdentity("client").publicLine, randomIdentity("client").publicLine];
    const text = `\uFEFF# who may ask\n\n${a} Ada\n${b}\tBob the builder  \n`;
    const utf16 = new Uint8Array(Uint16Array.from(text, (char) => char.charCodeAt(0)).buffer);
    for (const written of [text, text.replaceAll("\n", "\r\n"), text.trimEnd(), utf16]) {
      await Deno.writeFile(path, typeof written === "string" ? new TextEncoder().encode(written) : written);
      assertEquals([...await readClients(path)], [[a, "Ada"], [b, "Bob the builder"]]);
    }
  });
});

Deno.test("readClients() names the line that it cannot read", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/clients`, { publicLine } = randomIdentity("client"), good = `${publicLine} Ada\n`;
    await assertRejects(() => readClients(path), KeyError, "does not exist");
    const cases: [string, string][] = [
      ["", "it must name one"],
      ["# nobody\n", "it must name one"],
      [`${good}${randomIdentity("owner").publicLine} Bob\n`, "line 2 of"],
      [`${good}${publicLine} Bob\n`, "received the key of Ada again"],
      [`\n${publicLine}\n`, "line 2 of"],
      [`${publicLine} \u001b[2J\n`, "unprintable"],
      [`SLUICE-IDENTITY-1AAAA Ada\n`, "received a secret"],
    ];
    for (const [text, message] of cases) {
      await Deno.writeTextFile(path, text);
      const error = await assertRejects(() => readClients(path), KeyError, message);
      assert(error.message.includes(path), error.message);
    }
  });
});
