/**
 * The WebGPU device: which adapter, which limits, and what happens when it fails.
 *
 * @module
 */

import { DeviceError } from "../core/errors.ts";

/** How to open a device. */
export interface DeviceOptions {
  /** Part of the adapter's description or vendor, in any case; by default a hardware adapter goes before a software one. */
  readonly adapter?: string | undefined;
  /** Receives one line for each thing worth knowing: the adapter, a slow readback. */
  readonly log?: ((line: string) => void) | undefined;
  /** Bytes that one binding may span, if less than what the adapter offers: tests make small tensors "too large" with it. */
  readonly bindingBytes?: number | undefined;
  /** Takes the time of every kernel, which costs some, where the adapter has timestamps. */
  readonly timesKernels?: boolean | undefined;
}

/** Offsets of bindings are multiples of this, on every adapter. */
export const BINDING_ALIGNMENT_BYTES = 256;

const WANTED_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
] as const;

/** Name of an adapter for people. */
function nameOf({ info }: GPUAdapter): string {
  return info.description || [info.vendor, info.architecture, info.device].filter((part) => part !== "").join(" ") ||
    "unnamed adapter";
}

function isFallback(adapter: GPUAdapter): boolean {
  return adapter.info.isFallbackAdapter === true;
}

/** All adapters that WebGPU's three questions find, hardware first, without repetitions. */
async function findAdapters(gpu: GPU): Promise<GPUAdapter[]> {
  const asked = await Promise.all([
    gpu.requestAdapter({ powerPreference: "high-performance" }),
    gpu.requestAdapter({ powerPreference: "low-power" }),
    gpu.requestAdapter({ forceFallbackAdapter: true }),
  ]);
  const found = new Map<string, GPUAdapter>();
  for (const adapter of asked) if (adapter !== null && !found.has(nameOf(adapter))) found.set(nameOf(adapter), adapter);
  return [...found.values()].sort((a, b) => Number(isFallback(a)) - Number(isFallback(b)));
}

/** Chooses an adapter; null if there is none at all. A hardware adapter comes first wherever high performance is asked for. */
async function chooseAdapter(wanted: string | undefined): Promise<GPUAdapter | null> {
  const gpu: GPU | undefined = navigator.gpu;
  if (gpu === undefined) return null;
  if (wanted === undefined) return await gpu.requestAdapter({ powerPreference: "high-performance" });
  const part = wanted.toLowerCase(),
    adapters = await findAdapters(gpu),
    match = adapters.find((adapter) => `${nameOf(adapter)} ${adapter.info.vendor}`.toLowerCase().includes(part));
  if (match === undefined && adapters.length > 0) {
    throw new DeviceError(
      `Cannot open an adapter as its name must contain ${wanted}: received ${adapters.map(nameOf).join(", ")}`,
    );
  }
  return match ?? null;
}

/** Name of the adapter that an engine would choose by itself, null if there is none. */
export async function findAdapter(): Promise<string | null> {
  const adapter = await chooseAdapter(undefined);
  return adapter === null ? null : nameOf(adapter);
}

/** Name of the hardware adapter that an engine would choose by itself, null if there is none or only a software one. */
export async function findHardwareAdapter(): Promise<string | null> {
  const adapter = await chooseAdapter(undefined);
  return adapter === null || isFallback(adapter) ? null : nameOf(adapter);
}

/** An open device and its first failure, if any. */
export class Device {
  /** Bytes that one binding may span. */
  readonly bindingBytes: number;
  /** Bytes of the largest buffer. */
  readonly bufferBytes: number;
  /** Whether passes may write timestamps. */
  readonly hasTimestamps: boolean;
  #failure: DeviceError | null = null;
  #closed = false;
  #pending: Promise<void>[] = [];

  private constructor(readonly gpu: GPUDevice, readonly adapterName: string, options: DeviceOptions) {
    const limit = (name: typeof WANTED_LIMITS[number]): number => Number(gpu.limits[name]);
    this.bufferBytes = floorAligned(limit("maxBufferSize"));
    this.bindingBytes = floorAligned(
      Math.min(limit("maxStorageBufferBindingSize"), this.bufferBytes, options.bindingBytes ?? Infinity),
    );
    this.hasTimestamps = gpu.features.has("timestamp-query");
    gpu.lost.then(({ reason, message }) => {
      if (!this.#closed) {
        this.fail(
          new DeviceError(
            `Cannot go on as the device ${adapterName} must not be lost: received ${
              reason || "loss"
            }: ${message} (start again, with a smaller --key-window or --engine wasm)`,
          ),
        );
      }
    });
    gpu.addEventListener("uncapturederror", (event) => {
      const { error } = event as GPUUncapturedErrorEvent;
      this.fail(
        new DeviceError(`Cannot run a command as the device must accept it: received ${error.message}`, {
          cause: error,
        }),
      );
      event.preventDefault();
    });
  }

  /**
   * Opens a device with the limits that its adapter offers.
   *
   * @throws {DeviceError} If there is no adapter, none of that name, or it gives no device.
   */
  static async open(options: DeviceOptions = {}): Promise<Device> {
    const adapter = await chooseAdapter(options.adapter);
    if (adapter === null) {
      throw new DeviceError(
        "Cannot open a device as there must be a WebGPU adapter: received none (install a Vulkan driver, such as mesa-vulkan-drivers with libvulkan1)",
      );
    }
    const requiredLimits: Record<string, number> = {};
    for (const name of WANTED_LIMITS) {
      requiredLimits[name] = Math.min(Number(adapter.limits[name]), Number.MAX_SAFE_INTEGER);
    }
    const name = nameOf(adapter),
      timestamps = options.timesKernels === true && adapter.features.has("timestamp-query"),
      requiredFeatures: GPUFeatureName[] = timestamps ? ["timestamp-query"] : [];
    try {
      const gpu = await adapter.requestDevice({ label: "sluice", requiredLimits, requiredFeatures }),
        device = new Device(gpu, name, options);
      options.log?.(`webgpu: ${name}${isFallback(adapter) ? ", a software adapter" : ""}`);
      return device;
    } catch (cause) {
      throw new DeviceError(`Cannot open a device as ${name} must give one: received ${String(cause)}`, { cause });
    }
  }

  /** Remembers the first failure: every later call throws it. */
  fail(error: DeviceError): void {
    this.#failure ??= error;
  }

  /** @throws {DeviceError} If something failed. */
  check(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  /** Waits for the outcome of what was created. @throws {DeviceError} If something failed. */
  async settle(): Promise<void> {
    while (this.#pending.length > 0) await Promise.all(this.#pending.splice(0));
    this.check();
  }

  /** Whether {@linkcode settle} has something to wait for. */
  get isUnsettled(): boolean {
    return this.#pending.length > 0;
  }

  /** Runs `create` and turns its error of a kind into a failure with a message. */
  guard<T>(filter: GPUErrorFilter, create: () => T, message: (error: GPUError) => string): T {
    this.gpu.pushErrorScope(filter);
    const made = create();
    this.#pending.push(
      this.gpu.popErrorScope().then(
        (error) => {
          if (error !== null) this.fail(new DeviceError(message(error), { cause: error }));
        },
        () => {}, // the device is lost, and says so
      ),
    );
    return made;
  }

  /**
   * Makes a buffer.
   *
   * @throws {DeviceError} At once if it is larger than the adapter allows; with the next result if its memory runs out.
   */
  buffer(label: string, size: number, usage: GPUBufferUsageFlags): GPUBuffer {
    if (size > this.bufferBytes) {
      throw new DeviceError(
        `Cannot make the buffer "${label}" as ${this.adapterName} allows ${this.bufferBytes} bytes: received ${size} (use shorter inputs or --engine wasm)`,
      );
    }
    const remedy = "use a smaller --key-window, fewer lanes, shorter inputs or --engine wasm";
    return this.guard(
      "out-of-memory",
      () => this.gpu.createBuffer({ label, size, usage }),
      (error) =>
        `Cannot make the buffer "${label}" as ${this.adapterName} must have ${size} bytes free: received ${
          error.message || "out of memory"
        } (${remedy})`,
    );
  }

  /** Gives the device back. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.gpu.destroy();
    this.fail(new DeviceError("Cannot use the engine as it must be open: received a call after close()"));
  }
}

function floorAligned(bytes: number): number {
  return bytes - bytes % BINDING_ALIGNMENT_BYTES;
}
