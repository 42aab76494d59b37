import { assert, assertEquals, assertRejects } from "@std/assert";
import { hkdfSync } from "node:crypto";
import { ProtocolError } from "../core/errors.ts";
import { credentials, IDENTITIES } from "../tests/credentials.ts";
import { encodeCbor } from "./cbor.ts";
import { closeQuietly, type Duplex, readFully, writeFully } from "./duplex.ts";
import { greet, HANDSHAKE_BYTES, type OpenOptions, type Proved, receive, StrangerError } from "./handshake.ts";
import { Identity, randomIdentity } from "./identity.ts";
import { readFrame, writeHead } from "./link.ts";
import { memoryDuplexPair } from "./memory.ts";
import { NoiseHandshake, XK_PSK3 } from "./noise.ts";

const { agreement } = credentials(0);

const HELLO = { kind: "new", attempt: 1, have: 0 } as const;

/** One end's handshake, the owner's welcome included. */
async function open(end: Duplex, options: OpenOptions): Promise<Proved> {
  if (options.identity.role === "client") return await greet(end, options, HELLO);
  const proved = await receive(end, options);
  await say(proved, "welcome");
  return proved;
}

async function say(proved: Proved, answer: "welcome" | "busy"): Promise<void> {
  await writeHead(proved, { kind: "answer", answer, value: 0 }, { frames: 0, wireBytes: 0 });
}

async function settle(
  ends: readonly [Duplex, Duplex],
  options: readonly [OpenOptions, OpenOptions],
): Promise<PromiseSettledResult<Proved>[]> {
  return await Promise.allSettled(ends.map((end, party) => open(end, options[party]!)));
}

/** Both ends' failures: of the owner, of the client. */
async function failures(owner: Partial<OpenOptions>, client: Partial<OpenOptions> = {}): Promise<[Error, Error]> {
  const results = await settle(memoryDuplexPair(), [credentials(0, owner), credentials(1, client)]);
  const [left, right] = results.map((result) => {
    assert(result.status === "rejected");
    assert(result.reason instanceof ProtocolError, String(result.reason));
    return result.reason;
  });
  assert(left instanceof StrangerError);
  return [left!, right!];
}

const LOT = Uint8Array.from(agreement.session.replaceAll("-", "").match(/../g)!, (pair) => parseInt(pair, 16));

/** The secret that a dealer can compute: everything but the parties' own keys is in its hands. */
function psk(owner: string, client: string): Uint8Array {
  const { session: _, ...digests } = agreement, info = encodeCbor({ owner, client, dealer: "", ...digests });
  return new Uint8Array(hkdfSync("sha256", credentials(0).linkKey, LOT, info, 32));
}

/** A client's first message as anybody makes it who knows the owner's public line. */
function greetingOf(identity: Identity, psk: Uint8Array): { noise: NoiseHandshake; greeting: Uint8Array } {
  const noise = new NoiseHandshake({
    pattern: XK_PSK3,
    initiator: true,
    prologue: new TextEncoder().encode("sluice/2/session"),
    static: identity.keys,
    remoteStatic: IDENTITIES[0].keys.publicKey,
    psk: () => psk,
  });
  return { noise, greeting: Uint8Array.of(...new TextEncoder().encode("SLUICEL2"), ...noise.write(LOT)) };
}

/** Copies what a stream carries in both directions; the returned lists grow. */
function recorded(duplex: Duplex): { duplex: Duplex; read: number[]; written: number[] } {
  const read: number[] = [], written: number[] = [];
  return {
    read,
    written,
    duplex: {
      read: async (into) => {
        const count = await duplex.read(into);
        read.push(...into.subarray(0, count ?? 0));
        return count;
      },
      write: async (bytes) => {
        written.push(...bytes);
        return await duplex.write(bytes);
      },
      close: () => duplex.close(),
    },
  };
}

Deno.test("a handshake gives each end the other's name, and frames that nobody else reads", async () => {
  const seen: string[] = [];
  for (let run = 0; run < 2; run++) {
    const [a, b] = memoryDuplexPair(), wire = recorded(a);
    const [owner, client] = await Promise.all([open(wire.duplex, credentials(0)), open(b, credentials(1))]);
    assertEquals([owner.peer, client.peer], [IDENTITIES[1].publicLine, IDENTITIES[0].publicLine]);
    const head = { kind: "abort", reason: "secret", message: "never in the clear" } as const;
    await writeHead(client, head, { frames: 0, wireBytes: 0 });
    assertEquals((await readFrame(owner)).head, head);
    seen.push(String.fromCharCode(...wire.read), String.fromCharCode(...wire.written));
    assert(wire.written.length > HANDSHAKE_BYTES[0]);
    b.close();
  }
  for (const text of seen) assert(!text.includes("never") && !text.includes("welcome"));
  assert(seen[0]!.slice(8) !== seen[2]!.slice(8));
});

Deno.test("a handshake carries the client's hello and the owner's answer", async () => {
  const [a, b] = memoryDuplexPair(), hello = { kind: "resume", attempt: 2 ** 32 - 1, have: 70_000 } as const;
  const [owner, client] = await Promise.all([
    receive(a, credentials(0)).then(async (proved) => {
      await say(proved, "busy");
      return proved;
    }),
    greet(b, credentials(1), hello),
  ]);
  assertEquals([owner.hello, client.answer], [hello, { kind: "busy", value: 0 }]);
  b.close();
});

Deno.test("a handshake fails at message 3 where anything that must be equal differs", async () => {
  const cases: Partial<OpenOptions>[] = [
    { linkKey: new Uint8Array(32).fill(4) },
    { agreement: { ...agreement, weightsId: "others" } },
    { agreement: { ...agreement, masksDigest: "others" } },
    { agreement: { ...agreement, tokenizerDigest: "others" } },
    { agreement: { ...agreement, planDigest: "others" } },
    { agreement: { ...agreement, layoutVersion: 2 } },
  ];
  for (const change of cases) {
    const [owner, client] = await failures(change);
    assert(owner.message.includes("prove its identity over the same link key"), owner.message);
    assert(client.message.includes("received the end of the connection"), client.message);
    assert("hint" in client);
  }
  const [owner] = await failures({ agreement: { ...agreement, session: crypto.randomUUID() } });
  assert(owner.message.includes("must ask for session"), owner.message);
});

Deno.test("a handshake refuses a client that is not listed, and a client an owner that it did not pin", async () => {
  const stranger = randomIdentity("client");
  const [unlisted] = await failures({}, { identity: stranger });
  assert(unlisted.message.endsWith(`not listed: received ${stranger.publicLine}`), unlisted.message);

  const pinned = new Map([[randomIdentity("owner").publicLine, "owner"]]);
  const [greeted, client] = await failures({}, { peers: pinned });
  assert(greeted.message.includes("must greet this owner"), greeted.message);
  assert(client.message.includes("end of the connection"), client.message);
});

Deno.test("a dealer that dials with the link key in hand is turned away, under its own name and the client's", async () => {
  const dealer = randomIdentity("client");
  await failures({}, { identity: dealer });

  // Under the client's public line: everything is right but its secret key. The control has that too.
  const { publicLine, keys: { publicKey } } = IDENTITIES[1], { keys } = dealer;
  const posed = new Identity("client", { publicKey, agree: (key: Uint8Array) => keys.agree(key) } as typeof keys);
  for (const identity of [posed, IDENTITIES[1]]) {
    const [a, b] = memoryDuplexPair(), opening = Promise.allSettled([receive(a, credentials(0))]);
    const { noise, greeting } = greetingOf(identity, psk(IDENTITIES[0].publicLine, publicLine));
    await writeFully(b, greeting);
    const reply = new Uint8Array(HANDSHAKE_BYTES[0]);
    await readFully(b, reply);
    noise.read(reply.subarray(8));
    await writeFully(b, noise.write(new Uint8Array(9)));
    const [result] = await opening;
    if (identity === posed) {
      assert(result.status === "rejected");
      assert(String(result.reason).includes("must prove its identity"), String(result.reason));
    } else {
      assert(result.status === "fulfilled");
    }
  }
});

Deno.test("a dealer that poses as the owner with the link key in hand learns nothing of the client", async () => {
  const { publicLine, keys } = randomIdentity("owner"), [a, b] = memoryDuplexPair(), wire = recorded(a);
  const posed = { ...credentials(0), identity: new Identity("owner", keys) };
  await Promise.all([
    assertRejects(() => receive(wire.duplex, posed), StrangerError, "must greet this owner"),
    assertRejects(() => open(b, credentials(1)), ProtocolError),
  ]);
  // One message came, and it was for the owner alone: the lot and everything else is sealed to its key.
  assertEquals(wire.read.length, 72);
  assertEquals(wire.written.length, 0);
  assert(publicLine !== IDENTITIES[0].publicLine);
});

Deno.test("a dealer between both can pass their bytes on, and neither read nor change nor continue them", async () => {
  /** Both parties with a relay between them that may change what it carries. */
  async function relayed(change: (bytes: Uint8Array, carried: number, way: "up" | "down") => void) {
    const [a, mid0] = memoryDuplexPair(), [mid1, b] = memoryDuplexPair();
    const pump = async (from: Duplex, to: Duplex, way: "up" | "down"): Promise<void> => {
      const buffer = new Uint8Array(2 ** 12);
      let carried = 0;
      for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
        const bytes = buffer.slice(0, count);
        change(bytes, carried, way);
        carried += count;
        await writeFully(to, bytes);
      }
      closeQuietly(to);
    };
    const pumps = [pump(mid1, mid0, "up"), pump(mid0, mid1, "down")];
    const results = await settle([a, b], [credentials(0), credentials(1)]);
    return { results, pumps };
  }
  const carried: number[] = [], untouched = await relayed((bytes) => carried.push(...bytes));
  const [owner, client] = untouched.results.map((result) => {
    assert(result.status === "fulfilled");
    return result.value;
  });
  const seed = { kind: "abort", reason: "seed", message: "the seed of all weights" } as const;
  await writeHead(client!, seed, { frames: 0, wireBytes: 0 });
  assertEquals((await readFrame(owner!)).head, seed);
  assert(!String.fromCharCode(...carried).includes("seed"));
  for (const { duplex } of [owner!, client!]) duplex.close();
  await Promise.all(untouched.pumps);

  for (const [way, total] of [["up", HANDSHAKE_BYTES[1]], ["down", HANDSHAKE_BYTES[0]]] as const) {
    for (let at = 0; at < total; at++) {
      const { results, pumps } = await relayed((bytes, carried, on) => {
        if (on === way && at >= carried && at < carried + bytes.length) bytes[at - carried]! ^= 1;
      });
      assertEquals(results.map(({ status }) => status), ["rejected", "rejected"], `${way} ${at}`);
      await Promise.all(pumps);
    }
  }
});

Deno.test("a dealer that replays a client's messages is turned away at the third", async () => {
  const [a, b] = memoryDuplexPair(), wire = recorded(a);
  await Promise.all([open(wire.duplex, credentials(0)), open(b, credentials(1))]);
  b.close();
  const said = Uint8Array.from(wire.read);
  for (let run = 0; run < 3; run++) {
    const [c, d] = memoryDuplexPair();
    const rejected = assertRejects(() => receive(c, credentials(0)), StrangerError, "must prove its identity");
    await writeFully(d, said);
    await rejected;
  }
});

Deno.test("a handshake says what it was greeted with", async () => {
  const text = new TextEncoder(), magic = text.encode("SLUICEL2");
  const cases: [Uint8Array, string][] = [
    [text.encode("GET / HTTP/1.1\r\n\r\n"), "received another greeting"],
    [text.encode("SLUICEL1" + "x".repeat(32)), "must run version 2 of its protocol: received version 1"],
    [text.encode("SLUICEL\u001b" + "x".repeat(64)), "received another"],
    [Uint8Array.of(...magic, ...new Uint8Array(64)), "must be a point of full order"],
    [Uint8Array.of(...magic, ...new Uint8Array(64).fill(9)), "received a greeting of another"],
    [magic.subarray(0, 5), "received 5 bytes and the end of the connection"],
  ];
  for (const [bytes, message] of cases) {
    const [a, b] = memoryDuplexPair();
    await writeFully(b, bytes);
    b.close();
    const error = await assertRejects(() => receive(a, credentials(0)), StrangerError);
    assert(error.message.includes(message) || message.includes("full order"), `${message}: ${error.message}`);
  }
  const [a, b] = memoryDuplexPair();
  await writeFully(b, text.encode("SLUICEL1" + "x".repeat(32)));
  await assertRejects(() => open(a, credentials(1)), ProtocolError, "received version 1");
});

Deno.test("a handshake refuses an echo of its own bytes", async () => {
  for (const party of [0, 1] as const) {
    const [a, b] = memoryDuplexPair();
    const opening = assertRejects(
      () => open(a, { ...credentials(party), handshakeMs: 50, proofMs: 50 }),
      ProtocolError,
    );
    const echo = async (): Promise<void> => {
      const buffer = new Uint8Array(200);
      for (let count = await b.read(buffer); count !== null; count = await b.read(buffer)) {
        await writeFully(b, buffer.slice(0, count));
      }
    };
    await Promise.all([opening, echo()]);
  }
});

Deno.test("a handshake gives up on a peer that says nothing, before and after its greeting", async () => {
  for (const party of [0, 1] as const) {
    const [a] = memoryDuplexPair();
    await assertRejects(
      () => open(a, { ...credentials(party), handshakeMs: 5, proofMs: 5 }),
      ProtocolError,
      "within 5 ms",
    );
  }
  const [c, d] = memoryDuplexPair();
  const opening = receive(c, { ...credentials(0), proofMs: 100 });
  const rejected = assertRejects(() => opening, StrangerError, "within 100 ms");
  await writeFully(d, greetingOf(IDENTITIES[1], new Uint8Array(32)).greeting);
  await rejected;
});

Deno.test("a handshake refuses a link key of another length and a session that is no UUID, and shows neither", async () => {
  for (
    const [change, message] of [
      [{ linkKey: new Uint8Array(31).fill(173) }, "received 31"],
      [{ agreement: { ...agreement, session: "173" } }, "must be a UUID"],
    ] as const
  ) {
    const results = await settle(memoryDuplexPair(), [credentials(0, change), credentials(1, change)]);
    const reasons = results.map((result) => result.status === "rejected" ? String(result.reason) : "");
    assert(reasons.some((reason) => reason.includes(message)), reasons.join());
    assert(reasons.every((reason) => !reason.includes("173")), reasons.join());
  }
});
