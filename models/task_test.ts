import { assertEquals, assertRejects } from "@std/assert";
import { ModelError } from "../core/errors.ts";
import { memoryFiles } from "./files.ts";
import { readModelConfig } from "./task.ts";
import { createTokenizer, readTokenizerFiles } from "./tokenizer.ts";

const bytes = (value: unknown) => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));

const BERT = {
  architectures: ["BertModel"],
  hidden_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 64,
  vocab_size: 50,
  max_position_embeddings: 64,
};

/** A folder of sentence-transformers. */
function folder(pooling: unknown, more: Record<string, unknown> = {}, kinds = ["Transformer", "Pooling", "Normalize"]) {
  const modules = kinds.map((kind, idx) => ({
    idx,
    name: String(idx),
    path: idx === 0 ? "" : `${idx}_${kind}`,
    type: `sentence_transformers.models.${kind}`,
  }));
  const files = { "config.json": BERT, "modules.json": modules, "1_Pooling/config.json": pooling, ...more };
  return memoryFiles(Object.fromEntries(Object.entries(files).map(([name, value]) => [name, bytes(value)])));
}

Deno.test("readModelConfig() reads how sentence-transformers pool, in the older and the newer layout", async () => {
  const older = { word_embedding_dimension: 32, pooling_mode_cls_token: false, pooling_mode_mean_tokens: true };

  const mean = await readModelConfig(folder(older));
  assertEquals([mean.pooling, mean.head.rows, mean.head.answer], [
    { mode: "mean", normalise: true, prompt: "", lowerCase: false },
    "every",
    "hidden",
  ]);
  const cls = await readModelConfig(
    folder({ embedding_dimension: 32, pooling_mode: "cls" }, {}, ["Transformer", "Pooling"]),
  );
  assertEquals([cls.pooling?.mode, cls.pooling?.normalise, cls.head.rows], ["cls", false, "first"]);
  const decoder = { ...BERT, architectures: ["Qwen3ForCausalLM"], head_dim: 16, num_key_value_heads: 1 };
  const last = await readModelConfig(folder({ pooling_mode_lasttoken: true }, { "config.json": decoder }));
  assertEquals([last.pooling?.mode, last.head.rows], ["last", "last"]);
});

Deno.test("readModelConfig() takes sentence-transformers' limits and prompts, and masked models as their bodies", async () => {
  const config = await readModelConfig(folder({ pooling_mode_mean_tokens: true }, {
    "config.json": { ...BERT, architectures: ["BertForMaskedLM"] },
    "sentence_bert_config.json": { max_seq_length: 40, do_lower_case: true },
    "config_sentence_transformers.json": { prompts: { query: "query: " }, default_prompt_name: "query" },
  }));

  assertEquals([config.maxPositions, config.pooling?.prompt, config.pooling?.lowerCase], [40, "query: ", true]);
});

Deno.test("readModelConfig() refuses modules and ways to pool that it does not know", async () => {
  const mean = { pooling_mode_mean_tokens: true };
  const rejects = (files: ReturnType<typeof folder>, message: string) =>
    assertRejects(() => readModelConfig(files), ModelError, message);

  await rejects(folder(mean, {}, ["Transformer", "Pooling", "Dense"]), "must be Transformer, Pooling or Normalize");
  await rejects(folder({ pooling_mode_weightedmean_tokens: true }), "must choose one of");
  await rejects(folder({ ...mean, pooling_mode_max_tokens: true }), "must choose one of");
  await rejects(folder({ ...mean, mystery: 1 }), "mystery must not be there");
  await rejects(
    memoryFiles({ "config.json": bytes(BERT) }),
    "BertModel has no head that answers: give --task embedding",
  );
});

Deno.test("readModelConfig() takes what it is asked for", async () => {
  const files = memoryFiles({ "config.json": bytes(BERT) });

  assertEquals((await readModelConfig(files, { task: "hidden" })).head.answer, "hidden");
  assertEquals((await readModelConfig(files, { task: "pooled" })).head.answer, "pooled");
  assertEquals((await readModelConfig(files, { task: "embedding", pooling: "cls" })).pooling?.mode, "cls");
  await assertRejects(
    () => readModelConfig(files, { task: "embedding" }),
    ModelError,
    "give --pooling mean, cls or last",
  );
  await assertRejects(
    () => readModelConfig(files, { task: "classes" }),
    ModelError,
    "must have a head that gives classes",
  );
});

Deno.test("readModelConfig() joins the ends of a text of both files, and how the authors sample", async () => {
  const llama = { ...BERT, architectures: ["LlamaForCausalLM"], eos_token_id: 7 };
  const files = (generation: unknown) =>
    memoryFiles({ "config.json": bytes(llama), "generation_config.json": bytes(generation) });

  const config = await readModelConfig(
    files({ eos_token_id: [7, 9], do_sample: true, temperature: 0.7, top_k: 20, top_p: 0.8 }),
  );
  assertEquals(config.stopTokenIds, [7, 9]);
  assertEquals(config.sampling, { temperature: 0.7, topK: 20, topP: 0.8, minP: 0, repetitionPenalty: 1 });
  assertEquals((await readModelConfig(files({ do_sample: false }))).sampling, undefined);
  await assertRejects(() => readModelConfig(files({ eos_token_id: 50 })), ModelError, "must be token ids below 50");
});

const TEMPLATE =
  "{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}\n{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";
const TOKENIZER = {
  model: { type: "BPE", vocab: { "<s>": 0, a: 1 }, merges: [], unk_token: null },
  added_tokens: [{ id: 0, content: "<s>", special: true }],
};

Deno.test("a tokenizer writes conversations with the model's template, of either file", async () => {
  const config = { chat_template: TEMPLATE, bos_token: { content: "<s>" } },
    messages = [{ role: "user", content: "hi" }];
  const files = (more: Record<string, unknown>) =>
    memoryFiles(
      Object.fromEntries(
        Object.entries({ "tokenizer.json": TOKENIZER, ...more }).map(([name, value]) => [name, bytes(value)]),
      ),
    );
  const chat = async (more: Record<string, unknown>) => {
    const { tokenizerJson, configJson } = (await readTokenizerFiles(files(more)))!;
    return createTokenizer(tokenizerJson, configJson).chat?.(messages) ?? null;
  };

  assertEquals(await chat({ "tokenizer_config.json": config }), "<s><|user|>hi\n<|assistant|>");
  const named = {
    ...config,
    chat_template: [{ name: "tool_use", template: "no" }, { name: "default", template: TEMPLATE }],
  };
  assertEquals(await chat({ "tokenizer_config.json": named }), "<s><|user|>hi\n<|assistant|>");
  const apart = { "tokenizer_config.json": { bos_token: "<s>" }, "chat_template.jinja": TEMPLATE };
  assertEquals(await chat(apart), "<s><|user|>hi\n<|assistant|>");
  assertEquals(await chat({}), null);
  const broken = chat({ "tokenizer_config.json": { chat_template: "{{ raise_exception('secret') }}" } });
  const error = await assertRejects(() => broken, ModelError, "chat template");
  assertEquals(error.message.includes("hi"), false);
});
