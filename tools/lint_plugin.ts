/**
 * The project's own lint rules: layers, error messages, and what `core/` and `roles/` may not touch. Each rule is a table and a small visitor.
 *
 * @module
 */

const ROOT = posix(import.meta.dirname ?? "").slice(0, -"tools".length);

const PURE_CORE = ["core/ring/", "core/prg/", "core/fss/", "core/errors.ts"];
const ENGINE_FACE = ["core/engine.ts", "core/kernel.ts", "core/memory.ts"];
const LEAF_ENGINE = [...PURE_CORE, ...ENGINE_FACE, "core/reference/"];

/**
 * What each part of the tree may import besides itself; the longest prefix counts. Parts without a row (`cmd/`, `mod.ts`,
 * `tests/`, `bench/`, `tools/`, `std/`) and `*_test.ts` files may import everything.
 */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  "core/": [...PURE_CORE, ...ENGINE_FACE, "core/channel.ts"],
  "core/ring/": ["core/errors.ts"],
  "core/prg/": ["core/ring/", "core/errors.ts"],
  "core/fss/": ["core/prg/", "core/ring/", "core/errors.ts"],
  "core/reference/": [...PURE_CORE, ...ENGINE_FACE],
  "core/protocols/": [...PURE_CORE, ...ENGINE_FACE, "core/channel.ts"],
  "models/": ["core/ring/", "core/errors.ts", "core/protocols/activations.ts"],
  "pipeline/interpreters/": ["core/"],
  "pipeline/forward/": ["pipeline/interpreters/", "core/", "models/"],
  "pipeline/session/": ["pipeline/forward/", "pipeline/interpreters/", "core/", "models/"],
  "cpu/": LEAF_ENGINE,
  "gpu/": [...LEAF_ENGINE, "core/protocols/kernels.ts"],
  "transport/": ["core/channel.ts", "core/errors.ts"],
  "roles/": ["pipeline/", "models/", "transport/", "core/"],
};

/** Where `console` is the way to speak to a person. */
const CONSOLE_FOLDERS = ["cmd/", "bench/", "tools/"];

/** Where randomness that nobody can repeat does no harm. */
const RANDOM_FOLDERS = ["tests/", "bench/"];

/** Names by which code reaches the clock, the network, the machine or another thread. */
const IMPURE_GLOBALS = new Set(
  "Deno Date BroadcastChannel MessageChannel WebSocket Worker console fetch localStorage navigator performance process queueMicrotask setInterval setTimeout"
    .split(" "),
);

function posix(path: string): string {
  return path.replaceAll("\\", "/");
}

/** Path of a file below the repository root; a path outside of it stays as it is. */
function pathOf(filename: string): string {
  const path = posix(filename);
  return path.startsWith(ROOT) ? path.slice(ROOT.length) : path;
}

function isTest(path: string): boolean {
  return path.endsWith("_test.ts");
}

function startsWithAny(path: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => path.startsWith(prefix));
}

function layerOf(path: string): string | undefined {
  return Object.keys(LAYERS).filter((layer) => path.startsWith(layer)).sort((a, b) => b.length - a.length)[0];
}

/** Path below the root of what `path` imports; undefined for a package. */
function resolveImport(path: string, specifier: string): string | undefined {
  if (specifier.startsWith("sluice/")) return specifier.slice("sluice/".length);
  if (!specifier.startsWith(".")) return undefined;
  return new URL(specifier, `file:///${path}`).pathname.slice(1);
}

interface Sourced {
  readonly source: Deno.lint.Node | null;
}

/** Visits every import, re-export and dynamic import whose specifier is a literal. */
function onImport(visit: (specifier: string, node: Deno.lint.Node) => void): Deno.lint.LintVisitor {
  function check({ source }: Sourced): void {
    if (source?.type === "Literal" && typeof source.value === "string") visit(source.value, source);
  }
  return {
    ImportDeclaration: check,
    ExportNamedDeclaration: check,
    ExportAllDeclaration: check,
    ImportExpression: check,
  };
}

/** Visits every use of a global as `name.member`, `name()` or `new name()`. */
function onGlobal(visit: (name: string, node: Deno.lint.Node) => void): Deno.lint.LintVisitor {
  function check(node: Deno.lint.Node): void {
    if (node.type === "Identifier") visit(node.name, node);
  }
  return {
    MemberExpression: (node) => check(node.object),
    CallExpression: (node) => check(node.callee),
    NewExpression: (node) => check(node.callee),
  };
}

/** The literal beginning and end of a message; undefined where an expression stands there. */
function endsOf(message: Deno.lint.Node | undefined): { start?: string | undefined; end?: string | undefined } {
  if (message?.type === "Literal" && typeof message.value === "string") {
    return { start: message.value, end: message.value };
  }
  if (message?.type === "TemplateLiteral") {
    return { start: message.quasis[0]?.cooked || undefined, end: message.quasis.at(-1)?.cooked || undefined };
  }
  if (message?.type === "BinaryExpression" && message.operator === "+") {
    return { start: endsOf(message.left).start, end: endsOf(message.right).end };
  }
  return {};
}

const layers: Deno.lint.Rule = {
  create(context) {
    const path = pathOf(context.filename), layer = layerOf(path);
    if (layer === undefined || isTest(path)) return {};
    const allowed = LAYERS[layer]!;
    return onImport((specifier, node) => {
      const target = resolveImport(path, specifier);
      // A file right inside core/ belongs to no sub-folder, so "itself" means its own layer and not what lies below it.
      if (target === undefined || layerOf(target) === layer || startsWithAny(target, allowed)) return;
      context.report({
        node,
        message: `Cannot import ${target} from ${layer} as arrows between layers point down`,
        hint: `${layer} may import ${allowed.join(", ")}`,
      });
    });
  },
};

const errorMessage: Deno.lint.Rule = {
  create(context) {
    if (isTest(pathOf(context.filename))) return {};
    return {
      NewExpression(node) {
        if (node.callee.type !== "Identifier" || !node.callee.name.endsWith("Error")) return;
        const { start, end } = endsOf(node.arguments[0]);
        if (start !== undefined && !/^\p{Lu}/u.test(start)) {
          context.report({ node, message: "An error message starts with a capital letter" });
        }
        if (end !== undefined && end.endsWith(".")) {
          context.report({ node, message: "An error message does not end with a period" });
        }
      },
    };
  },
};

const noRandom: Deno.lint.Rule = {
  create(context) {
    const path = pathOf(context.filename);
    if (startsWithAny(path, RANDOM_FOLDERS) || isTest(path)) return {};
    return {
      'MemberExpression[object.name="Math"][property.name="random"]'(node: Deno.lint.MemberExpression) {
        context.report({
          node,
          message: "Math.random is neither secure nor repeatable",
          hint: "Take a seed from core/prg",
        });
      },
    };
  },
};

const noConsole: Deno.lint.Rule = {
  create(context) {
    const path = pathOf(context.filename);
    if (startsWithAny(path, CONSOLE_FOLDERS)) return {};
    return onGlobal((name, node) => {
      if (name === "console") {
        context.report({ node, message: `Only ${CONSOLE_FOLDERS.join(", ")} may write to the console` });
      }
    });
  },
};

const rolesPortable: Deno.lint.Rule = {
  create(context) {
    const path = pathOf(context.filename);
    if (!path.startsWith("roles/") || isTest(path)) return {};
    const forbid = (what: string, node: Deno.lint.Node) =>
      context.report({ node, message: `Cannot use ${what} in roles/ as a browser runs it too` });
    return {
      ...onGlobal((name, node) => {
        if (name === "Deno" || name === "process") forbid(name, node);
      }),
      ...onImport((specifier, node) => {
        if (specifier.startsWith("node:")) forbid(specifier, node);
      }),
    };
  },
};

const corePure: Deno.lint.Rule = {
  create(context) {
    const path = pathOf(context.filename);
    if (!path.startsWith("core/") || isTest(path)) return {};
    const forbid = (what: string, node: Deno.lint.Node) =>
      context.report({ node, message: `Cannot use ${what} in core/ as it is pure and synchronous` });
    const isAsync = (node: Deno.lint.Node & { async: boolean }) => {
      if (node.async) forbid("an async function", node);
    };
    return {
      ...onGlobal((name, node) => {
        const isEntropy = name === "crypto" && !path.startsWith("core/prg/");
        if (IMPURE_GLOBALS.has(name) || isEntropy) forbid(name, node);
      }),
      ...onImport((specifier, node) => {
        if (specifier.startsWith("node:")) forbid(specifier, node);
      }),
      FunctionDeclaration: isAsync,
      FunctionExpression: isAsync,
      ArrowFunctionExpression: isAsync,
      AwaitExpression: (node) => forbid("await", node),
    };
  },
};

/** The plugin that `deno.json` names under `lint.plugins`. */
const plugin: Deno.lint.Plugin = {
  name: "sluice",
  rules: {
    "layers": layers,
    "error-message": errorMessage,
    "no-random": noRandom,
    "no-console": noConsole,
    "core-pure": corePure,
    "roles-portable": rolesPortable,
  },
};

export default plugin;
