// _chacha: one ChaCha8 block (RFC 8439 layout, 8 rounds), a row of the state in each vector.

struct Block {
  a: vec4u,  // words 0 to 3
  b: vec4u,  // words 4 to 7
  c: vec4u,  // words 8 to 11
  d: vec4u,  // words 12 to 15
}

const CHACHA_CONSTANT: vec4u = vec4u(0x61707865u, 0x3320646eu, 0x79622d32u, 0x6b206574u);

fn rotate_left(x: vec4u, by: u32) -> vec4u {
  return (x << vec4u(by)) | (x >> vec4u(32u - by));
}

fn quarter_rounds(state: Block) -> Block {
  var s = state;
  s.a += s.b;
  s.d = rotate_left(s.d ^ s.a, 16u);
  s.c += s.d;
  s.b = rotate_left(s.b ^ s.c, 12u);
  s.a += s.b;
  s.d = rotate_left(s.d ^ s.a, 8u);
  s.c += s.d;
  s.b = rotate_left(s.b ^ s.c, 7u);
  return s;
}

// key = key_low ‖ key_high; last = counter ‖ nonce.
fn chacha8_block(key_low: vec4u, key_high: vec4u, last: vec4u) -> Block {
  var s = Block(CHACHA_CONSTANT, key_low, key_high, last);
  for (var round = 0u; round < 8u; round += 2u) {
    s = quarter_rounds(s);
    s = quarter_rounds(Block(s.a, s.b.yzwx, s.c.zwxy, s.d.wxyz));
    s = Block(s.a, s.b.wxyz, s.c.zwxy, s.d.yzwx);
  }
  return Block(s.a + CHACHA_CONSTANT, s.b + key_low, s.c + key_high, s.d + last);
}
