// multiply_add: integer multiply-adds in registers, the ceiling of products.
//
//   x = x·x + i, `rounds` times eight chains per thread, mod 2^32
//
// Dispatch  x = groups
//
// binding  name    access   type    shape       holds
// 0        result  write    u32     (threads,)  public
// 1        params  uniform  Params  -           public

struct Params {
  rounds: u32, // multiply-adds of each chain
}

@group(0) @binding(0) var<storage, read_write> result: array<u32>;
@group(0) @binding(1) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  var low = vec4u(id.x, id.x + 1u, id.x + 2u, id.x + 3u);
  var high = low * 5u;
  for (var i = 0u; i < params.rounds; i++) {
    low = low * low + i;
    high = high * high + i;
  }
  let sum = low + high;
  result[id.x] = sum.x + sum.y + sum.z + sum.w;
}
