"""
What the classes of Hugging Face's transformers answer for small checkpoints, as one JSON line each: the vectors of models/fold_test.ts.

    python3 -m venv venv && venv/bin/pip install torch transformers numpy
    venv/bin/python tests/vectors/models/transformers_answers.py > tests/vectors/models/answers.jsonl

Weights follow from the tensors' names (see `values`), so that a line holds names and shapes alone. Everything is computed in doubles.
"""
import json, sys, tempfile, os
import numpy as np
import torch
import transformers as T
from safetensors import safe_open
from safetensors.torch import save_file

torch.set_default_dtype(torch.float64)
def fnv(name):
    h = 0x811c9dc5
    for b in name.encode(): h = ((h ^ b) * 0x01000193) & 0xffffffff
    return h
def values(name, shape):
    n = int(np.prod(shape)) if len(shape) else 1
    x = (np.arange(n, dtype=np.uint64) * 0x9e3779b9 + fnv(name)) & 0xffffffff
    for k in (0x85ebca6b, 0xc2b2ae35):
        x ^= x >> 16; x = (x * k) & 0xffffffff
    x ^= x >> 15
    u = (x.astype(np.float64) / 2**31 - 1)
    isnorm = len(shape) == 1 and name.endswith(("weight",))
    if len(shape) == 1: v = (1 + 0.3*u) if isnorm else 0.2*u
    else: v = u * np.sqrt(3 / shape[-1])
    return v.astype(np.float32).reshape(shape)

def run(key, model, inputs, pick):
    attention = model.config._attn_implementation
    with tempfile.TemporaryDirectory() as folder:
        model.to(torch.float32).save_pretrained(folder)
        config = json.load(open(folder + "/config.json"))
        path = folder + "/model.safetensors"
        with safe_open(path, "pt") as file:
            tensors = {name: list(file.get_slice(name).get_shape()) for name in file.keys()}
        save_file({name: torch.from_numpy(values(name, shape)) for name, shape in tensors.items()}, path, {"format": "pt"})
        model = type(model).from_pretrained(folder, dtype=torch.float64, attn_implementation=attention).eval()
    with torch.no_grad(): out = np.asarray(pick(model(**inputs), model), dtype=np.float64)
    for name in ("transformers_version", "id2label", "label2id"): config.pop(name, None)
    line = {"name": key, "config": config, "num_labels": model.config.num_labels, "tensors": tensors, "ids": inputs["input_ids"][0].tolist()}
    if "token_type_ids" in inputs: line["types"] = inputs["token_type_ids"][0].tolist()
    # Of hidden states the first, a middle and the last row are enough.
    rows = [0, 5, 11] if out.ndim == 2 and out.shape[1] > 8 else None
    if rows: line["rows"] = rows
    line["output"] = [float(f"{value:.6g}") for value in (out[rows] if rows else out).ravel()]
    print(json.dumps(line, separators=(",", ":")))

IDS = torch.tensor([[5, 17, 3, 88, 42, 7, 61, 29, 90, 11, 54, 33]])
last = lambda o, m: o.logits[0, -1].numpy()
every = lambda o, m: o.logits[0].numpy()
classes = lambda o, m: o.logits[0].numpy()
hidden = lambda o, m: o.last_hidden_state[0].numpy()
spans = lambda o, m: torch.stack([o.start_logits[0], o.end_logits[0]], -1).numpy()
D = dict(vocab_size=96, hidden_size=64, intermediate_size=112, num_hidden_layers=2, num_attention_heads=4)
SPECS = {}
def spec(key, cfg, cls, pick, inputs=None, **kw): SPECS[key] = (cfg, cls, pick, inputs or {"input_ids": IDS})
def dec(key, cfgname, cls, pick=last, **kw):
    d = {**D, "max_position_embeddings": 64, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None, **kw}
    spec(key, lambda: getattr(T, cfgname)(**d), cls, pick)
dec("llama", "LlamaConfig", "LlamaForCausalLM", num_key_value_heads=2)
dec("llama-bias", "LlamaConfig", "LlamaForCausalLM", attention_bias=True, mlp_bias=True, tie_word_embeddings=True, head_dim=24)
dec("llama-linear", "LlamaConfig", "LlamaForCausalLM", rope_parameters={"rope_type":"linear","factor":4.0,"rope_theta":10000.0})
dec("llama3", "LlamaConfig", "LlamaForCausalLM", num_key_value_heads=2, rope_parameters={"rope_type":"llama3","factor":32.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":32,"rope_theta":500000.0})
dec("llama-dynamic", "LlamaConfig", "LlamaForCausalLM", rope_parameters={"rope_type":"dynamic","factor":2.0,"rope_theta":10000.0})
dec("llama-yarn", "LlamaConfig", "LlamaForCausalLM", rope_parameters={"rope_type":"yarn","factor":8.0,"original_max_position_embeddings":8,"rope_theta":10000.0})
dec("qwen2-yarn", "Qwen2Config", "Qwen2ForCausalLM", num_key_value_heads=2, max_position_embeddings=64, rope_parameters={"rope_type":"yarn","factor":4.0,"original_max_position_embeddings":16,"rope_theta":10000.0,"beta_fast":16.,"beta_slow":2.})
dec("llama-classes", "LlamaConfig", "LlamaForSequenceClassification", classes, pad_token_id=0, num_labels=3)
dec("llama-token-classes", "LlamaConfig", "LlamaForTokenClassification", every, num_labels=3)
dec("llama-hidden", "LlamaConfig", "LlamaModel", hidden)
dec("mistral", "MistralConfig", "MistralForCausalLM", num_key_value_heads=2, sliding_window=4)
dec("mistral-full", "MistralConfig", "MistralForCausalLM", num_key_value_heads=2, sliding_window=None)
dec("ministral", "MinistralConfig", "MinistralForCausalLM", head_dim=16, num_key_value_heads=2, sliding_window=4)
dec("qwen2", "Qwen2Config", "Qwen2ForCausalLM", num_key_value_heads=2, sliding_window=4, use_sliding_window=False)
dec("qwen2-window", "Qwen2Config", "Qwen2ForCausalLM", num_key_value_heads=2, sliding_window=4, use_sliding_window=True, max_window_layers=1, tie_word_embeddings=True)
dec("qwen3", "Qwen3Config", "Qwen3ForCausalLM", num_key_value_heads=2, head_dim=24)
dec("gemma", "GemmaConfig", "GemmaForCausalLM", num_key_value_heads=1, head_dim=24)
dec("gemma2-nocap", "Gemma2Config", "Gemma2ForCausalLM", num_key_value_heads=2, head_dim=16, sliding_window=4, attn_logit_softcapping=None, query_pre_attn_scalar=20)
# dec("gemma2", "Gemma2Config", "Gemma2ForCausalLM", num_key_value_heads=2, head_dim=16, sliding_window=4, query_pre_attn_scalar=20, attn_logit_softcapping=3.0)
dec("gemma3", "Gemma3TextConfig", "Gemma3ForCausalLM", num_key_value_heads=2, head_dim=16, sliding_window=4, query_pre_attn_scalar=20, num_hidden_layers=3, layer_types=["sliding_attention","full_attention","sliding_attention"])
dec("phi3", "Phi3Config", "Phi3ForCausalLM", num_key_value_heads=2, sliding_window=5, pad_token_id=0)
dec("phi3-longrope", "Phi3Config", "Phi3ForCausalLM", num_key_value_heads=2, pad_token_id=0, original_max_position_embeddings=16, head_dim=16, rope_parameters={"rope_type":"longrope","short_factor":[1.0+0.1*i for i in range(6)],"long_factor":[2.0+i for i in range(6)],"rope_theta":10000.0,"partial_rotary_factor":0.75,"original_max_position_embeddings":16})
dec("phi", "PhiConfig", "PhiForCausalLM", rope_parameters={"rope_type":"default","rope_theta":10000.0,"partial_rotary_factor":0.5})
dec("stablelm", "StableLmConfig", "StableLmForCausalLM", num_key_value_heads=2, use_qkv_bias=True)
dec("stablelm-parallel", "StableLmConfig", "StableLmForCausalLM", num_key_value_heads=4, use_parallel_residual=True)
dec("neox", "GPTNeoXConfig", "GPTNeoXForCausalLM")
dec("neox-serial", "GPTNeoXConfig", "GPTNeoXForCausalLM", use_parallel_residual=False, attention_bias=False)
dec("olmo", "OlmoConfig", "OlmoForCausalLM")
dec("olmo2", "Olmo2Config", "Olmo2ForCausalLM")
dec("olmo3", "Olmo3Config", "Olmo3ForCausalLM", sliding_window=4, num_hidden_layers=4)
dec("smollm3", "SmolLM3Config", "SmolLM3ForCausalLM", num_key_value_heads=2, num_hidden_layers=2, no_rope_layers=[1,0], pad_token_id=0)
dec("granite", "GraniteConfig", "GraniteForCausalLM", embedding_multiplier=3.0, attention_multiplier=0.2, residual_multiplier=0.5, logits_scaling=2.0)
dec("cohere", "CohereConfig", "CohereForCausalLM", num_key_value_heads=2, logit_scale=0.5, pad_token_id=0)
dec("cohere2", "Cohere2Config", "Cohere2ForCausalLM", num_key_value_heads=2, logit_scale=0.5, pad_token_id=0, sliding_window=4, num_hidden_layers=4)
dec("starcoder2", "Starcoder2Config", "Starcoder2ForCausalLM", num_key_value_heads=2, sliding_window=4)
dec("nemotron", "NemotronConfig", "NemotronForCausalLM", num_key_value_heads=2)
dec("arcee", "ArceeConfig", "ArceeForCausalLM", num_key_value_heads=2)
dec("exaone4", "Exaone4Config", "Exaone4ForCausalLM", num_key_value_heads=2, sliding_window=4, sliding_window_pattern=2)
dec("helium", "HeliumConfig", "HeliumForCausalLM", num_key_value_heads=2, head_dim=16, pad_token_id=0)
dec("glm", "GlmConfig", "GlmForCausalLM", num_key_value_heads=2, head_dim=16, pad_token_id=0)
dec("glm4", "Glm4Config", "Glm4ForCausalLM", num_key_value_heads=2, head_dim=16, pad_token_id=0)
dec("seed-oss", "SeedOssConfig", "SeedOssForCausalLM", num_key_value_heads=2, head_dim=16)
dec("ernie4_5", "Ernie4_5Config", "Ernie4_5ForCausalLM", num_key_value_heads=2, head_dim=16)
dec("persimmon", "PersimmonConfig", "PersimmonForCausalLM", qk_layernorm=False)

G = dict(vocab_size=96, n_embd=64, n_layer=2, n_head=4, n_positions=64, bos_token_id=1, eos_token_id=2)
spec("gpt2", lambda: T.GPT2Config(**G), "GPT2LMHeadModel", last)
spec("gpt2-options", lambda: T.GPT2Config(**{**G, "scale_attn_by_inverse_layer_idx": True, "scale_attn_weights": False, "activation_function": "relu", "n_inner": 100, "tie_word_embeddings": False}), "GPT2LMHeadModel", last)
spec("gpt2-classes", lambda: T.GPT2Config(**G, pad_token_id=0, num_labels=3), "GPT2ForSequenceClassification", classes)
spec("gpt2-token-classes", lambda: T.GPT2Config(**G, num_labels=3), "GPT2ForTokenClassification", every)
spec("gptj", lambda: T.GPTJConfig(**G, rotary_dim=8), "GPTJForCausalLM", last)
spec("bigcode", lambda: T.GPTBigCodeConfig(**G, multi_query=True), "GPTBigCodeForCausalLM", last)

spec("gpt-neo", lambda: T.GPTNeoConfig(vocab_size=96, hidden_size=64, num_layers=2, num_heads=4, max_position_embeddings=64, window_size=4, attention_types=[[["global","local"],1]], bos_token_id=1, eos_token_id=2), "GPTNeoForCausalLM", last)
def opt(key, **kw): spec(key, lambda: T.OPTConfig(**{**dict(vocab_size=96, hidden_size=64, num_hidden_layers=2, ffn_dim=112, num_attention_heads=4, max_position_embeddings=64, word_embed_proj_dim=64), **kw}), "OPTForCausalLM", last)
opt("opt"); opt("opt-post", do_layer_norm_before=False, word_embed_proj_dim=32); opt("opt-nobias", enable_bias=False, layer_norm_elementwise_affine=False)
spec("bloom", lambda: T.BloomConfig(vocab_size=96, hidden_size=64, n_layer=2, n_head=4), "BloomForCausalLM", last)
spec("bloom-6", lambda: T.BloomConfig(vocab_size=96, hidden_size=96, n_layer=2, n_head=6), "BloomForCausalLM", last)
spec("falcon", lambda: T.FalconConfig(vocab_size=96, hidden_size=64, num_hidden_layers=2, num_attention_heads=4), "FalconForCausalLM", last)
spec("falcon-40b", lambda: T.FalconConfig(vocab_size=96, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, new_decoder_architecture=True, num_kv_heads=2), "FalconForCausalLM", last)
spec("falcon-rw", lambda: T.FalconConfig(vocab_size=96, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, alibi=True, multi_query=False, parallel_attn=False, bias=True), "FalconForCausalLM", last)
spec("mpt", lambda: T.MptConfig(vocab_size=96, d_model=64, n_layers=2, n_heads=4, expansion_ratio=4, max_seq_len=64), "MptForCausalLM", last)

spec("biogpt", lambda: T.BioGptConfig(**D, max_position_embeddings=64), "BioGptForCausalLM", last)

# encoders
TYPES = torch.tensor([[0]*6+[1]*6])
def enc(key, cfgname, cls, pick, types=False, **kw):
    d = {**D, "max_position_embeddings": 64, **kw}
    spec(key, lambda: getattr(T, cfgname)(**d), cls, pick, {"input_ids": IDS, **({"token_type_ids": TYPES} if types else {})})
pooled = lambda o, m: o.pooler_output[0].numpy()
enc("bert", "BertConfig", "BertModel", hidden)
enc("bert-pooled", "BertConfig", "BertModel", pooled)
enc("bert-pair", "BertConfig", "BertForSequenceClassification", classes, True, num_labels=3)
enc("bert-classes", "BertConfig", "BertForSequenceClassification", classes, num_labels=3)
enc("bert-token-classes", "BertConfig", "BertForTokenClassification", every, num_labels=5)
enc("bert-qa", "BertConfig", "BertForQuestionAnswering", spans, True)
for name, C in (("roberta","Roberta"),("xlm-roberta","XLMRoberta"),("camembert","Camembert")):
    kw = dict(type_vocab_size=1, max_position_embeddings=66, layer_norm_eps=1e-5)
    enc(name, C+"Config", C+"Model", hidden, **kw); enc(name+"-classes", C+"Config", C+"ForSequenceClassification", classes, num_labels=3, **kw)
    enc(name+"-token-classes", C+"Config", C+"ForTokenClassification", every, num_labels=3, **kw); enc(name+"-qa", C+"Config", C+"ForQuestionAnswering", spans, **kw)
dd = dict(vocab_size=96, dim=64, hidden_dim=112, n_layers=2, n_heads=4, max_position_embeddings=64)
for s, cls, pick in (("", "DistilBertModel", hidden), ("-classes","DistilBertForSequenceClassification",classes), ("-token-classes","DistilBertForTokenClassification",every), ("-qa","DistilBertForQuestionAnswering",spans)):
    spec("distilbert"+s, lambda: T.DistilBertConfig(**dd), cls, pick)
for e in (32, 64):
    enc(f"electra-{e}", "ElectraConfig", "ElectraModel", hidden, embedding_size=e)
    enc(f"electra-{e}-classes", "ElectraConfig", "ElectraForSequenceClassification", classes, num_labels=3, embedding_size=e, num_hidden_layers=1)
enc("electra-token-classes", "ElectraConfig", "ElectraForTokenClassification", every, num_labels=3, embedding_size=32)
enc("electra-qa", "ElectraConfig", "ElectraForQuestionAnswering", spans, embedding_size=32)
enc("albert", "AlbertConfig", "AlbertModel", hidden, embedding_size=32)
enc("albert-classes", "AlbertConfig", "AlbertForSequenceClassification", classes, True, embedding_size=32, num_labels=3)
enc("albert-token-classes", "AlbertConfig", "AlbertForTokenClassification", every, embedding_size=32, num_labels=3)
enc("albert-qa", "AlbertConfig", "AlbertForQuestionAnswering", spans, embedding_size=32, num_hidden_groups=2)
mp = dict(max_position_embeddings=66)
enc("mpnet", "MPNetConfig", "MPNetModel", hidden, **mp); enc("mpnet-classes", "MPNetConfig", "MPNetForSequenceClassification", classes, num_labels=3, **mp)
enc("mpnet-token-classes", "MPNetConfig", "MPNetForTokenClassification", every, num_labels=3, **mp); enc("mpnet-qa", "MPNetConfig", "MPNetForQuestionAnswering", spans, **mp)
mb = dict(local_attention=6, num_hidden_layers=4, pad_token_id=0, eos_token_id=2, bos_token_id=1, cls_token_id=1, sep_token_id=2)
enc("modernbert", "ModernBertConfig", "ModernBertModel", hidden, **mb); enc("modernbert-classes", "ModernBertConfig", "ModernBertForSequenceClassification", classes, num_labels=3, **mb)
# enc("modernbert-classes-mean", "ModernBertConfig", "ModernBertForSequenceClassification", classes, num_labels=3, classifier_pooling="mean", **mb)
enc("modernbert-token-classes", "ModernBertConfig", "ModernBertForTokenClassification", every, num_labels=3, **mb)
enc("modernbert-qa", "ModernBertConfig", "ModernBertForQuestionAnswering", spans, **mb)
enc("nomic-native", "NomicBertConfig", "NomicBertModel", hidden)
enc("ernie", "ErnieConfig", "ErnieModel", hidden, use_task_id=False)

for ff in ("relu", "gated-gelu"):
    spec(f"t5-{ff}", lambda ff=ff: T.T5Config(vocab_size=96, d_model=64, d_kv=16, d_ff=112, num_layers=2, num_heads=4, feed_forward_proj=ff), "T5EncoderModel", hidden)
T.logging.set_verbosity_error()
T.logging.disable_progress_bar()
for key, (config, name, pick, inputs) in SPECS.items():
    config = config()
    # The plain formulas, but of ALiBi in Falcon, which they add twice.
    config._attn_implementation = "sdpa" if key == "falcon-rw" else "eager"
    torch.manual_seed(0)
    run(key, getattr(T, name)(config), inputs, pick)
