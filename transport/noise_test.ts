import { assert, assertEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../core/errors.ts";
import { sharedFolder } from "../tests/shared_data.ts";
import { NoiseHandshake, type NoisePattern, type NoiseToken, XK_PSK3 } from "./noise.ts";
import { Opener, Sealer, TAG_BYTES } from "./seal.ts";
import { KeyPair } from "./x25519.ts";

/** Patterns of the published vectors (§7.5), without their psk modifiers. */
const PATTERNS: Readonly<Record<string, Omit<NoisePattern, "protocol">>> = {
  NK: { known: ["responder"], messages: [["e", "es"], ["e", "ee"]] },
  KK: { known: ["initiator", "responder"], messages: [["e", "es", "ss"], ["e", "ee", "se"]] },
  XK: { known: ["responder"], messages: [["e", "es"], ["e", "ee"], ["s", "se"]] },
  IK: { known: ["responder"], messages: [["e", "es", "s", "ss"], ["e", "ee", "se"]] },
  XX: { known: [], messages: [["e"], ["e", "ee", "s", "es"], ["s", "se"]] },
};

/** The pattern that a protocol name stands for: `pskN` is mixed in first (N = 0) or at the end of message N (§9.4). */
function patternOf(protocol: string): NoisePattern {
  const [, base, place] = /^Noise_([A-Z]{2})(?:psk(\d))?_25519_ChaChaPoly_SHA256$/.exec(protocol)!;
  const { known, messages } = PATTERNS[base!]!, all: NoiseToken[][] = messages.map((tokens) => [...tokens]);
  if (place === "0") all[0]!.unshift("psk");
  else if (place !== undefined) all[Number(place) - 1]!.push("psk");
  return { protocol, known, messages: all };
}

interface Vector {
  readonly protocol_name: string;
  readonly init_prologue: string;
  readonly init_psks?: readonly string[];
  readonly init_static?: string;
  readonly init_ephemeral: string;
  readonly init_remote_static?: string;
  readonly resp_prologue: string;
  readonly resp_psks?: readonly string[];
  readonly resp_static?: string;
  readonly resp_ephemeral: string;
  readonly resp_remote_static?: string;
  readonly handshake_hash: string;
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[];
}

function unhex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function side(vector: Vector, of: "init" | "resp"): NoiseHandshake {
  const secret = vector[`${of}_static`], remote = vector[`${of}_remote_static`], psk = vector[`${of}_psks`]?.[0];
  return new NoiseHandshake({
    pattern: patternOf(vector.protocol_name),
    initiator: of === "init",
    prologue: unhex(vector[`${of}_prologue`]),
    static: secret === undefined ? undefined : KeyPair.from(unhex(secret)),
    remoteStatic: remote === undefined ? undefined : unhex(remote),
    ...(psk === undefined ? {} : { psk: () => unhex(psk) }),
    ephemeral: KeyPair.from(unhex(vector[`${of}_ephemeral`])),
  });
}

const { folder, missing } = sharedFolder("data/noise");

Deno.test({
  name: `NoiseHandshake makes every byte of the published vectors, frames behind them included${missing}`,
  ignore: missing !== "",
  async fn() {
    const { vectors }: { vectors: Vector[] } = JSON.parse(
      await Deno.readTextFile(`${folder}/cacophony-subset.json`),
    );
    assert(vectors.some(({ protocol_name }) => protocol_name === XK_PSK3.protocol));
    for (const vector of vectors) {
      const sides = [side(vector, "init"), side(vector, "resp")] as const, rest = [...vector.messages];
      const count = patternOf(vector.protocol_name).messages.length;
      for (let turn = 0; turn < count; turn++) {
        const { payload, ciphertext } = rest.shift()!, where = `${vector.protocol_name}, message ${turn}`;
        const message = sides[turn % 2]!.write(unhex(payload));
        assertEquals(hex(message), ciphertext, where);
        assertEquals(hex(sides[1 - turn % 2]!.read(message)), payload, where);
      }
      const keys = sides.map((one) => one.split());
      for (const { hash } of keys) assertEquals(hex(hash), vector.handshake_hash, vector.protocol_name);
      // What follows are frames, sealed as the link seals them; the side whose turn it is goes on.
      const sealers = keys.map(({ send }) => new Sealer(send)),
        openers = keys.map(({ receive }) => new Opener(receive));
      for (const [i, { payload, ciphertext }] of rest.entries()) {
        const from = (count + i) % 2, plain = unhex(payload), sealed = new Uint8Array(plain.length + TAG_BYTES);
        sealers[from]!.seal(plain, sealed, 0);
        assertEquals(hex(sealed), ciphertext, `${vector.protocol_name}, frame ${i}`);
        assertEquals(hex(openers[1 - from]!.open(sealed)), payload);
      }
    }
  },
});

const OWNER = KeyPair.from(new Uint8Array(32).fill(1)), CLIENT = KeyPair.from(new Uint8Array(32).fill(2));
const PSK = new Uint8Array(32).fill(3), NONE = new Uint8Array(0);

interface Pair {
  readonly prologues?: readonly [Uint8Array, Uint8Array];
  readonly psks?: readonly [Uint8Array, Uint8Array];
  readonly pinned?: Uint8Array;
}

function pairOf({ prologues = [NONE, NONE], psks = [PSK, PSK], pinned = OWNER.publicKey }: Pair = {}) {
  const client = new NoiseHandshake({
    pattern: XK_PSK3,
    initiator: true,
    prologue: prologues[0],
    static: CLIENT,
    remoteStatic: pinned,
    psk: () => psks[0],
  });
  const owner = new NoiseHandshake({
    pattern: XK_PSK3,
    initiator: false,
    prologue: prologues[1],
    static: OWNER,
    psk: () => psks[1],
  });
  return { client, owner };
}

/** Runs a handshake; `change` may replace a message on its way. Returns how many messages verified. */
function verified(
  { client, owner }: ReturnType<typeof pairOf>,
  change: (message: Uint8Array, turn: number) => Uint8Array = (message) => message,
): number {
  for (let turn = 0; turn < 3; turn++) {
    const [writer, reader] = turn % 2 === 0 ? [client, owner] : [owner, client];
    const message = change(writer.write(Uint8Array.of(turn)), turn);
    try {
      reader.read(message);
    } catch (error) {
      assert(error instanceof ProtocolError, String(error));
      return turn;
    }
  }
  return 3;
}

Deno.test("NoiseHandshake ends at the first message that names another prologue, static key or secret", () => {
  const other = Uint8Array.of(1);
  assertEquals(verified(pairOf()), 3);
  assertEquals(verified(pairOf({ prologues: [NONE, other] })), 0);
  assertEquals(verified(pairOf({ pinned: CLIENT.publicKey })), 0);
  assertEquals(verified(pairOf({ psks: [PSK, PSK.with(31, 4)] })), 2);
});

Deno.test("NoiseHandshake verifies no message of which a bit was flipped, or that is cut or longer", () => {
  const lengths = [49, 49, 65];
  for (const [at, bytes] of lengths.entries()) {
    for (let bit = 0; bit < 8 * bytes; bit++) {
      // The top bit of a point is not part of it (RFC 7748 §5), but it is hashed.
      const turn = verified(
        pairOf(),
        (message, turn) => turn === at ? message.with(bit >> 3, message[bit >> 3]! ^ (1 << (bit & 7))) : message,
      );
      assertEquals(turn, at, `bit ${bit} of message ${at + 1}`);
    }
    for (let length = 0; length < bytes; length++) {
      assertEquals(verified(pairOf(), (message, turn) => turn === at ? message.slice(0, length) : message), at);
    }
    assertEquals(verified(pairOf(), (message, turn) => turn === at ? Uint8Array.of(...message, 0) : message), at);
  }
});

Deno.test("NoiseHandshake does not verify a recorded message 3 behind another message 2", () => {
  const first = pairOf(), hello = first.client.write(NONE);
  first.owner.read(hello);
  first.client.read(first.owner.write(NONE));
  const proof = first.client.write(NONE), { owner } = pairOf();
  owner.read(hello);
  owner.write(NONE);
  assertThrows(() => owner.read(proof), ProtocolError, "message 3");
});

Deno.test("NoiseHandshake refuses points of low order", () => {
  for (const point of [new Uint8Array(32), new Uint8Array(32).with(0, 1)]) {
    const message = Uint8Array.of(...point, ...new Uint8Array(16));
    assertThrows(() => pairOf().owner.read(message), ProtocolError, "full order");
  }
});

Deno.test("NoiseHandshake takes its turns, and is of no use after a failure", () => {
  const { client, owner } = pairOf();
  assertThrows(() => owner.write(NONE), Error, "in turn");
  assertThrows(() => client.read(NONE), Error, "in turn");
  assertThrows(() => client.split(), Error, "all messages");
  assertThrows(() => owner.read(NONE), ProtocolError);
  assertThrows(() => owner.read(client.write(NONE)), Error, "first failure");
});

Deno.test("NoiseHandshake asks for its secret with the peer's verified key, and whoever gives it may refuse", () => {
  const seen: Uint8Array[] = [];
  const { client } = pairOf();
  const owner = new NoiseHandshake({
    pattern: XK_PSK3,
    initiator: false,
    prologue: NONE,
    static: OWNER,
    psk: (remoteStatic) => {
      seen.push(remoteStatic);
      throw new ProtocolError("Cannot accept the client");
    },
  });
  owner.read(client.write(NONE));
  client.read(owner.write(NONE));
  assertEquals(seen.length, 0);
  assertThrows(() => owner.read(client.write(NONE)), ProtocolError, "Cannot accept the client");
  assertEquals(seen, [CLIENT.publicKey]);
});

Deno.test("KeyPair prints its public half at most", () => {
  const secret = new Uint8Array(32).fill(0xa5), pair = KeyPair.from(secret);
  for (const text of [`${pair}`, JSON.stringify(pair), Deno.inspect(pair, { showHidden: true, depth: 9 })]) {
    for (const mark of ["165", "a5a5"]) assert(!text.includes(mark), text);
  }
});
