/**
 * Linear layers whose weights party 0 knows: z = x·W mod 2^32, left as a share.
 *
 * Ŵ = W + R_w is public to both parties (the client expands it from a seed, the dealer holds R_w, see SPEC §5.1). With r_x = r_0 + r_1 and free
 * pads e_0, e_1,
 *
 *   party 0:  (x̂ - r_0)·W + e_0        party 1:  -r_1·Ŵ + e_1        r_z = e_0 + e_1 - r_1·R_w.
 *
 * Party 1's product does not use x̂ at all: it can be made before the input exists, and x̂ need not be opened to party 1.
 *
 * - **Runs on:** both parties, locally: the result is a share
 * - **Exchanges:** 0   **Sends:** 0
 * - **Key:** 32 given bits per input element, explicit at party 0
 *
 * @module
 */

import {
  blockCounts,
  elementCount,
  type Extent,
  type KeyRecord,
  maskWords,
  open,
  type OpeningSize,
  type Primitive,
  share,
  type WeightRef,
} from "./gate.ts";

/** Parameters of {@linkcode linear}. */
export interface LinearParams {
  readonly weights: WeightRef;
  /** Fractional bits of the integer weights. */
  readonly weightScale: number;
}

function outputExtent(extent: Extent, weights: WeightRef): Extent {
  for (const cols of extent.cols) {
    if (cols !== weights.inputs) {
      throw new RangeError(
        `Cannot multiply by ${weights.name} as rows must have ${weights.inputs} columns: received ${cols}`,
      );
    }
  }
  return { rows: extent.rows, cols: extent.cols.map(() => weights.outputs) };
}

function matrixProduct(x: Float64Array, w: Int32Array, inputs: number, outputs: number): Float64Array {
  const rows = x.length / inputs, out = new Float64Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    const to = out.subarray(row * outputs, (row + 1) * outputs);
    for (let i = 0; i < inputs; i++) {
      const factor = x[row * inputs + i]!;
      if (factor === 0) continue; // one-hot rows; the oracle may branch on clear values
      const from = i * outputs;
      for (let j = 0; j < outputs; j++) to[j]! += factor * w[from + j]!;
    }
  }
  return out;
}

/** z = x·W as a share. */
export const linear: Primitive<LinearParams, ["wire"], "share"> = {
  name: "linear",
  clear(p, [x], reader) {
    const extent = outputExtent(x.extent, p.weights);
    return share(
      "clear",
      32,
      x.scale + p.weightScale,
      extent,
      matrixProduct(x.data, reader.weights(p.weights), p.weights.inputs, p.weights.outputs),
    );
  },
  plan(p, [x]) {
    if (x.ringBits !== 32) {
      throw new RangeError(
        `Cannot multiply by ${p.weights.name} as the wire must live in 32 bits: received ${x.ringBits}`,
      );
    }
    const extent = outputExtent(x.extent, p.weights);
    const key: KeyRecord[] = [
      { name: "mask", kind: "given0", counts: blockCounts(x.extent), fields: [{ name: "r", bits: 32 }] },
      { name: "pad", kind: "free", counts: blockCounts(extent), fields: [{ name: "e", bits: 32 }] },
    ];
    return { out: share("plan", 32, x.scale + p.weightScale, extent, null), key, opens: [] };
  },
  deal(p, [x], key) {
    const r = maskWords(x),
      extent = outputExtent(x.extent, p.weights),
      mask = key.record("mask"),
      pad = key.record("pad");
    for (let e = 0; e < r.length; e++) {
      mask.seek(e);
      mask.word(0, 32, r[e]!);
    }
    const data = key.maskProduct(p.weights, key.clientHalf("mask"), r.length / p.weights.inputs);
    for (let e = 0; e < data.length; e++) {
      pad.seek(e);
      data[e] = pad.sum(0, 32) - data[e]!;
    }
    return share("mask", 32, x.scale + p.weightScale, extent, data);
  },
  // deno-lint-ignore require-yield -- a gate without an exchange
  *run(p, [x], key) {
    const extent = outputExtent(x.extent, p.weights), party0 = key.party === 0;
    const data = key.prepared() ??
      key.engine.linear(party0 ? x.data : null, key.record("mask"), key.weights(p.weights), key.record("pad"));
    return share("masked", 32, x.scale + p.weightScale, extent, data);
  },
};

/** Parameters of {@linkcode embed} and {@linkcode input}. */
export interface InputParams {
  readonly extent: Extent;
  readonly scale: number;
}

/**
 * The client's input times a matrix, without key bytes: x̂ = x + r_1 with a mask from party 1's seed alone, sent to party 0 only; party 0 answers
 * x̂·W + e_0 and party 1 adds e_1 - r_1·Ŵ. For one-hot rows this is a private embedding lookup.
 *
 * - **Exchanges:** 1   **Sends:** party 1: 32 bits per input element   **Key:** 0
 */
export const embed: Primitive<InputParams & LinearParams, [], "share"> = {
  name: "embed",
  clear(p, _x, reader) {
    const extent = outputExtent(p.extent, p.weights);
    return share(
      "clear",
      32,
      p.scale + p.weightScale,
      extent,
      matrixProduct(reader.input(), reader.weights(p.weights), p.weights.inputs, p.weights.outputs),
    );
  },
  plan(p) {
    const extent = outputExtent(p.extent, p.weights);
    const key: KeyRecord[] = [
      { name: "mask", kind: "own1", counts: blockCounts(p.extent), fields: [{ name: "r", bits: 32 }] },
      { name: "pad", kind: "free", counts: blockCounts(extent), fields: [{ name: "e", bits: 32 }] },
    ];
    return { out: share("plan", 32, p.scale + p.weightScale, extent, null), key, opens: [toParty0(p.extent)] };
  },
  deal(p, _x, key) {
    const pad = key.record("pad"),
      data = key.maskProduct(p.weights, key.clientHalf("mask"), elementCount(p.extent) / p.weights.inputs);
    for (let e = 0; e < data.length; e++) {
      pad.seek(e);
      data[e] = pad.sum(0, 32) - data[e]!;
    }
    return share("mask", 32, p.scale + p.weightScale, outputExtent(p.extent, p.weights), data);
  },
  *run(p, _x, key) {
    const { engine, party } = key, own = key.input(), pad = key.record("pad"), weights = key.weights(p.weights);
    const masked = own === null ? null : engine.add(own, engine.unpack(key.record("mask"), 0, 32), 32);
    const [x] = yield* open(toParty0(p.extent), masked);
    const data = party === 0
      ? engine.linear(x, null, weights, pad)
      : key.prepared() ?? engine.linear(null, key.record("mask"), weights, pad);
    return share("masked", 32, p.scale + p.weightScale, outputExtent(p.extent, p.weights), data);
  },
};

/** The client's input as a wire: x̂ = x + r_1, sent to party 0. One exchange, no key bytes. */
export const input: Primitive<InputParams, [], "wire"> = {
  name: "input",
  clear: (p, _x, reader) => ({
    kind: "wire",
    view: "clear",
    ringBits: 32,
    scale: p.scale,
    extent: p.extent,
    data: reader.input(),
    knownTo: "both",
  }),
  plan: (p) => ({
    out: { kind: "wire", view: "plan", ringBits: 32, scale: p.scale, extent: p.extent, data: null, knownTo: "both" },
    key: [{ name: "mask", kind: "own1", counts: blockCounts(p.extent), fields: [{ name: "r", bits: 32 }] }],
    opens: [toParty0(p.extent)],
  }),
  deal: (p, _x, key) => ({
    kind: "wire",
    view: "mask",
    ringBits: 32,
    scale: p.scale,
    extent: p.extent,
    data: key.clientHalf("mask"),
    knownTo: "both",
  }),
  *run(p, _x, key) {
    const own = key.input(),
      masked = own === null ? null : key.engine.add(own, key.engine.unpack(key.record("mask"), 0, 32), 32);
    const [data] = yield* open(toParty0(p.extent), masked);
    return { kind: "wire", view: "masked", ringBits: 32, scale: p.scale, extent: p.extent, data, knownTo: "both" };
  },
};

function toParty0(extent: Extent): OpeningSize[] {
  return [{ kind: "add", count: elementCount(extent), bits: [32, 0] }];
}
