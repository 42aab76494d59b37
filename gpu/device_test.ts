/**
 * Opening a device and its failures; the rest is in `engine_test.ts`.
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DeviceError } from "../core/errors.ts";
import { BINDING_ALIGNMENT_BYTES, Device, findAdapter } from "./device.ts";

const ignore = await findAdapter() === null && Deno.env.get("REQUIRE_GPU") !== "1";

function testDevice(name: string, body: (device: Device) => Promise<void> | void): void {
  Deno.test(name, { ignore }, async () => {
    const device = await Device.open();
    try {
      await body(device);
    } finally {
      device.close();
    }
  });
}

testDevice("Device.open() takes the limits that the adapter offers, aligned for bindings", (device) => {
  assert(device.bindingBytes >= 2 ** 27 - BINDING_ALIGNMENT_BYTES);
  assert(device.bufferBytes >= device.bindingBytes);
  assertEquals(device.bindingBytes % BINDING_ALIGNMENT_BYTES, 0);
});

testDevice("buffer() refuses what the adapter does not allow and names the buffer and the remedy", (device) => {
  assertThrows(
    () => device.buffer("keys of a lane", device.bufferBytes + 4, GPUBufferUsage.STORAGE),
    DeviceError,
    `Cannot make the buffer "keys of a lane" as ${device.adapterName} allows ${device.bufferBytes} bytes`,
  );
});

testDevice("guard() turns an error of the device into a failure that every later check throws", async (device) => {
  device.guard(
    "validation",
    () => device.gpu.createShaderModule({ code: "fn main() { not WGSL" }),
    () => "Cannot compile a test kernel",
  );

  await assertRejects(() => device.settle(), DeviceError, "Cannot compile a test kernel");
  assertThrows(() => device.check(), DeviceError, "Cannot compile a test kernel");
});

testDevice("a lost device is a failure that names the adapter", async (device) => {
  device.gpu.destroy();
  await device.gpu.lost;
  await Promise.resolve();

  assertThrows(() => device.check(), DeviceError, `the device ${device.adapterName} must not be lost`);
});

testDevice("close() makes later calls fail", (device) => {
  device.close();

  assertThrows(() => device.check(), DeviceError, "close()");
});
