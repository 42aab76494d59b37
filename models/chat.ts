/**
 * Chat templates: the text that a conversation becomes for a model.
 *
 * @module
 */

import { Template } from "@huggingface/jinja";
import { ModelError } from "../core/errors.ts";
import { isJsonObject, type JsonObject } from "./fields.ts";
import type { ChatMessage } from "./tokenizer.ts";

/** Name of the file in which newer folders keep their template. */
export const CHAT_TEMPLATE_FILE = "chat_template.jinja";

/** Names of the special tokens that templates write. */
const TOKENS = ["bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token"] as const;

/**
 * The template of a tokenizer's configuration; null where it has none. What it gives is encoded without special tokens: those
 * that the model wants are in it.
 *
 * @param config The contents of `tokenizer_config.json`.
 * @throws {ModelError} When it is used, if the template is malformed or refuses the conversation.
 */
export function chatTemplate(config: JsonObject): ((messages: readonly ChatMessage[]) => string) | null {
  const given = config["chat_template"], named: readonly unknown[] = Array.isArray(given) ? given : [];
  const chosen = named.filter(isJsonObject).find(({ name }) => name === "default")?.["template"] ?? given;
  if (typeof chosen !== "string") return null;
  const tokens = Object.fromEntries(TOKENS.map((name) => [name, contentOf(config[name])]));
  return (messages) => {
    try {
      return new Template(chosen).render({
        ...tokens,
        messages: messages.map((message) => ({ ...message })),
        add_generation_prompt: true,
      });
    } catch (cause) {
      // The library's message may hold the conversation.
      throw new ModelError(
        "Cannot write the conversation as the model's chat template must take it: received an error",
        {
          cause: cause instanceof Error ? cause.name : undefined,
        },
      );
    }
  };
}

/** A token as text: its own, or that of an added token. */
function contentOf(token: unknown): string {
  const content = isJsonObject(token) ? token["content"] : token;
  return typeof content === "string" ? content : "";
}
