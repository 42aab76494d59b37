import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { modelConfigFrom } from "../models/config.ts";
import type { ModelConfig } from "../models/model_config.ts";
import type { EncodedText } from "../models/tokenizer.ts";
import { readingOf, scoresOf } from "./answers.ts";
import { encodeNpy } from "./npy.ts";
import { nextToken, randomOf } from "./sampling.ts";

const SIZES = {
  vocab_size: 20,
  hidden_size: 3,
  num_hidden_layers: 1,
  num_attention_heads: 1,
  intermediate_size: 4,
  max_position_embeddings: 20,
};

function config(name: string, labels: string[] = []): ModelConfig {
  const id2label = Object.fromEntries(labels.map((label, i) => [i, label]));
  return modelConfigFrom({ architectures: [name], ...SIZES, ...(labels.length === 0 ? {} : { id2label }) }, {
    answer: name.endsWith("Model") ? "hidden" : undefined,
  });
}

/** Words of a text as tokens between a first and a last special one; `+` before a word joins it to the one before. */
function encoded(text: string, words: string[], part: 0 | 1 = 0): EncodedText {
  let from = 0;
  const places = words.map((word) => {
    const own = word.replace("+", ""), start = text.indexOf(own, from);
    from = start + own.length;
    return { part, start, end: from };
  });
  const none = words.map(() => 0);
  return {
    ids: [0, ...none, 0],
    types: [0, ...none, 0],
    places: [null, ...places, null],
    continues: [false, ...words.map((word) => word.startsWith("+")), false],
  };
}

/** Logits that make these classes the best ones. */
function best(count: number, classes: number[]): number[] {
  return classes.flatMap((chosen) => Array.from({ length: count }, (_, i) => i === chosen ? 4 : 0));
}

Deno.test("readingOf() joins words to spans as B-I-O says, each with the class of its first token", () => {
  const text = "Zoë Müller of Sankt Gallen met Ann Bo",
    words = ["Zoë", "Mü", "+ller", "of", "Sankt", "Gallen", "met", "Ann", "Bo"];
  const model = config("BertForTokenClassification", ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]);

  const reading = readingOf(model, best(5, [0, 1, 2, 0, 0, 3, 4, 0, 1, 1, 0]), {
    encoded: encoded(text, words),
    texts: [text],
  });

  assert(reading.kind === "tokenClasses");
  assertEquals(reading.spans.map(({ label, text, start, end }) => [label, text, start, end]), [
    ["PER", "Zoë Müller", 0, 10],
    ["LOC", "Sankt Gallen", 14, 26],
    ["PER", "Ann", 31, 34],
    ["PER", "Bo", 35, 37],
  ]);
  assertEquals(reading.tokens.map(({ label }) => label).slice(0, 4), ["O", "B-PER", "I-PER", "O"]);
});

Deno.test("readingOf() takes the best span of the second text", () => {
  const text = "it was Zoë Müller",
    words = ["it", "was", "Zoë", "Müller"],
    logits = [9, 9, 0, 0, 1, 0, 5, 0, 0, 6, 8, 8];
  const reading = readingOf(config("BertForQuestionAnswering"), logits, {
    encoded: encoded(text, words, 1),
    texts: ["who?", text],
  });

  assert(reading.kind === "spans" && reading.answer !== null);
  assertEquals([reading.answer.text, reading.answer.start, reading.answer.end], ["Zoë Müller", 7, 17]);
  assert(reading.answer.score > 0.8 && reading.answer.score < 1);
  const ids = readingOf(config("BertForQuestionAnswering"), logits, { encoded: null, texts: [] });
  assertEquals(ids, { kind: "spans", answer: null });
});

Deno.test("readingOf() pools rows to a vector of length 1, cut before it is normalised", () => {
  const rows = [3, 0, 4, 1, 4, 8];
  const pooled = (mode: "mean" | "cls" | "last" | "max", dimensions?: number, normalise = true) => {
    const model = { ...config("BertModel"), pooling: { mode, normalise, prompt: "", lowerCase: false } };
    const reading = readingOf(model, rows, { encoded: null, texts: [], dimensions });
    return reading.kind === "embedding" ? [...reading.vector] : [];
  };

  assertEquals(pooled("cls"), [0.6, 0, 0.8]);
  assertEquals(pooled("mean", undefined, false), [2, 2, 6]);
  assertEquals(pooled("max", undefined, false), [3, 4, 8]);
  assertEquals(pooled("last"), [1 / 9, 4 / 9, 8 / 9]);
  for (const value of pooled("mean", 2)) assertAlmostEquals(value, Math.SQRT1_2, 1e-9);
});

Deno.test("scoresOf() gives chances together, chances apart, or values", () => {
  assertEquals(scoresOf({ scoring: "values" }, [2, -1]), [2, -1]);
  assertEquals(scoresOf({ scoring: "sigmoid" }, [0, 0]), [0.5, 0.5]);
  assertEquals(scoresOf({ scoring: "softmax" }, [1000, 1000]), [0.5, 0.5]);
});

const SAMPLING = { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 };

/** How often each token is drawn. */
function drawn(logits: number[], sampling: Partial<typeof SAMPLING>, before: number[] = []): number[] {
  const random = randomOf(7), counts = logits.map(() => 0);
  for (let i = 0; i < 4000; i++) {
    counts[nextToken(logits, { ...SAMPLING, ...sampling }, { before, random })]! += 1 / 4000;
  }
  return counts;
}

Deno.test("nextToken() takes the best token, or draws by chance", () => {
  const logits = [0, Math.log(3), Math.log(4)];

  assertEquals(nextToken(logits, null, { before: [], random: () => 0 }), 2);
  drawn(logits, {}).forEach((share, i) => assertAlmostEquals(share, [1, 3, 4][i]! / 8, 0.03));
  drawn(logits, { temperature: 0.5 }).forEach((share, i) => assertAlmostEquals(share, [1, 9, 16][i]! / 26, 0.03));
  assertEquals(drawn(logits, { topK: 1 }), drawn([0, 0, 9e9], {}));
  assertEquals(drawn(logits, { topK: 2 })[0], 0);
  assertEquals(drawn(logits, { topP: 0.5 }).slice(0, 2), [0, 0]);
  assertEquals(drawn(logits, { topP: 0.51 })[0], 0);
  assertEquals(drawn(logits, { minP: 0.7 })[0], 0);
  drawn([2, 1, -1], { repetitionPenalty: 2 }, [0, 2]).forEach((share, i) => {
    const powers = [Math.E, Math.E, Math.exp(-2)], sum = powers.reduce((a, b) => a + b);
    assertAlmostEquals(share, powers[i]! / sum, 0.03);
  });
});

Deno.test("encodeNpy() writes a header of whole 64 bytes and little-endian floats", () => {
  const bytes = encodeNpy([1, -2.5, 3], [3]), text = new TextDecoder("latin1").decode(bytes.subarray(0, 128));

  assertEquals([bytes.length, text.slice(1, 6), text.at(127)], [128 + 12, "NUMPY", "\n"]);
  assert(text.includes("'descr': '<f4', 'fortran_order': False, 'shape': (3,)"));
  assertEquals([...new Float32Array(bytes.slice(128).buffer)], [1, -2.5, 3]);
  assert(new TextDecoder("latin1").decode(encodeNpy([1, 2], [1, 2])).includes("(1, 2)"));
});
