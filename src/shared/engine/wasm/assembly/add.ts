// Sums of two tensors.

/** How many values a part of a pointwise kernel has: 4 KiB. */
export const PART_LENGTH: i32 = 1024;

/** out = a + b, `length` values each, in parts of PART_LENGTH; out may be a or b. */
export function add(
  _scratch: usize,
  from: i32,
  to: i32,
  out: usize,
  a: usize,
  b: usize,
  length: i32,
): void {
  const end = min(to * PART_LENGTH, length);
  let i = from * PART_LENGTH;
  for (; i + 4 <= end; i += 4) {
    const offset = (<usize>i) << 2;
    v128.store(out + offset, f32x4.add(v128.load(a + offset), v128.load(b + offset)));
  }
  for (; i < end; i++) {
    const offset = (<usize>i) << 2;
    store<f32>(out + offset, load<f32>(a + offset) + load<f32>(b + offset));
  }
}
