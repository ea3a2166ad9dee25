// Pools over images [N,H,W,C] and their gradients. Windows are clipped to the image; padding is never read.

/** The part of a window inside the image: rows and columns from … to − 1. */
class Range {
  @inline
  static from(place: i32, stride: i32, before: i32): i32 {
    return max(place * stride - before, 0);
  }

  @inline
  static to(place: i32, stride: i32, before: i32, size: i32, side: i32): i32 {
    return min(place * stride - before + size, side);
  }
}

/** y: the largest value of each window. A part is a row of windows of one image. */
export function maxPool(
  _scratch: usize,
  from: i32,
  to: i32,
  y: usize,
  x: usize,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  sizeY: i32,
  sizeX: i32,
  strideY: i32,
  strideX: i32,
  top: i32,
  left: i32,
): void {
  const pixel = (<usize>channels) << 2;
  for (let part = from; part < to; part++) {
    const outRow = part % outHeight;
    const image = x + <usize>(part / outHeight) * (<usize>(height * width) * pixel);
    const y0 = Range.from(outRow, strideY, top);
    const y1 = Range.to(outRow, strideY, top, sizeY, height);
    let out = y + <usize>part * (<usize>outWidth * pixel);
    for (let outColumn = 0; outColumn < outWidth; outColumn++) {
      const x0 = Range.from(outColumn, strideX, left);
      const x1 = Range.to(outColumn, strideX, left, sizeX, width);
      let c: usize = 0;
      for (; c + 16 <= pixel; c += 16) {
        let largest = f32x4.splat(-Infinity);
        for (let row = y0; row < y1; row++) {
          let at = image + <usize>(row * width + x0) * pixel + c;
          for (let column = x0; column < x1; column++) {
            largest = f32x4.max(largest, v128.load(at));
            at += pixel;
          }
        }
        v128.store(out + c, largest);
      }
      for (; c < pixel; c += 4) {
        let largest: f32 = -Infinity;
        for (let row = y0; row < y1; row++) {
          let at = image + <usize>(row * width + x0) * pixel + c;
          for (let column = x0; column < x1; column++) {
            largest = max<f32>(largest, load<f32>(at));
            at += pixel;
          }
        }
        store<f32>(out + c, largest);
      }
      out += pixel;
    }
  }
}

/** dx: dy at the first largest value of each window, or at the last one if it is NaN. A part is an image. */
export function maxPoolGradient(
  _scratch: usize,
  from: i32,
  to: i32,
  dx: usize,
  x: usize,
  y: usize,
  dy: usize,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  sizeY: i32,
  sizeX: i32,
  strideY: i32,
  strideX: i32,
  top: i32,
  left: i32,
): void {
  const pixel = (<usize>channels) << 2;
  const imageBytes = <usize>(height * width) * pixel;
  for (let part = from; part < to; part++) {
    const image = <usize>part * imageBytes;
    memory.fill(dx + image, 0, imageBytes);
    let out = <usize>(part * outHeight * outWidth) * pixel;
    for (let outRow = 0; outRow < outHeight; outRow++) {
      const y0 = Range.from(outRow, strideY, top);
      const y1 = Range.to(outRow, strideY, top, sizeY, height);
      for (let outColumn = 0; outColumn < outWidth; outColumn++) {
        const x0 = Range.from(outColumn, strideX, left);
        const x1 = Range.to(outColumn, strideX, left, sizeX, width);
        let c: usize = 0;
        for (; c + 16 <= pixel; c += 16) {
          const largest = v128.load(y + out + c);
          const gradient = v128.load(dy + out + c);
          // The lanes whose largest value has not been found yet.
          let open = i32x4.splat(-1);
          for (let row = y0; row < y1; row++) {
            let at = image + <usize>(row * width + x0) * pixel + c;
            for (let column = x0; column < x1; column++) {
              const isLast = i32x4.splat(-(<i32>(row + 1 == y1 && column + 1 == x1)));
              const isLargest = v128.or(f32x4.eq(v128.load(x + at), largest), isLast);
              const share = v128.and(gradient, v128.and(isLargest, open));
              v128.store(dx + at, f32x4.add(v128.load(dx + at), share));
              open = v128.andnot(open, isLargest);
              at += pixel;
            }
          }
        }
        for (; c < pixel; c += 4) {
          const largest = load<f32>(y + out + c);
          let isOpen = true;
          for (let row = y0; isOpen && row < y1; row++) {
            let at = image + <usize>(row * width + x0) * pixel + c;
            for (let column = x0; isOpen && column < x1; column++) {
              const isLast = row + 1 == y1 && column + 1 == x1;
              if (load<f32>(x + at) == largest || isLast) {
                store<f32>(dx + at, load<f32>(dx + at) + load<f32>(dy + out + c));
                isOpen = false;
              }
              at += pixel;
            }
          }
        }
        out += pixel;
      }
    }
  }
}

/** y: the mean of the values of each window, in float64. A part is a row of windows of one image. */
export function averagePool(
  _scratch: usize,
  from: i32,
  to: i32,
  y: usize,
  x: usize,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  sizeY: i32,
  sizeX: i32,
  strideY: i32,
  strideX: i32,
  top: i32,
  left: i32,
): void {
  const pixel = (<usize>channels) << 2;
  for (let part = from; part < to; part++) {
    const outRow = part % outHeight;
    const image = x + <usize>(part / outHeight) * (<usize>(height * width) * pixel);
    const y0 = Range.from(outRow, strideY, top);
    const y1 = Range.to(outRow, strideY, top, sizeY, height);
    let out = y + <usize>part * (<usize>outWidth * pixel);
    for (let outColumn = 0; outColumn < outWidth; outColumn++) {
      const x0 = Range.from(outColumn, strideX, left);
      const x1 = Range.to(outColumn, strideX, left, sizeX, width);
      const count = <f64>((y1 - y0) * (x1 - x0));
      let c: usize = 0;
      for (; c + 8 <= pixel; c += 8) {
        let sum = f64x2.splat(0);
        for (let row = y0; row < y1; row++) {
          let at = image + <usize>(row * width + x0) * pixel + c;
          for (let column = x0; column < x1; column++) {
            sum = f64x2.add(sum, f64x2.promote_low_f32x4(v128.load64_zero(at)));
            at += pixel;
          }
        }
        const mean = f32x4.demote_f64x2_zero(f64x2.div(sum, f64x2.splat(count)));
        v128.store64_lane(out + c, mean, 0);
      }
      for (; c < pixel; c += 4) {
        let sum: f64 = 0;
        for (let row = y0; row < y1; row++) {
          let at = image + <usize>(row * width + x0) * pixel + c;
          for (let column = x0; column < x1; column++) {
            sum += <f64>load<f32>(at);
            at += pixel;
          }
        }
        store<f32>(out + c, <f32>(sum / count));
      }
      out += pixel;
    }
  }
}

/** dx: dy divided by the number of its window's values, at each of these. A part is an image. */
export function averagePoolGradient(
  _scratch: usize,
  from: i32,
  to: i32,
  dx: usize,
  dy: usize,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  sizeY: i32,
  sizeX: i32,
  strideY: i32,
  strideX: i32,
  top: i32,
  left: i32,
): void {
  const pixel = (<usize>channels) << 2;
  const imageBytes = <usize>(height * width) * pixel;
  for (let part = from; part < to; part++) {
    const image = dx + <usize>part * imageBytes;
    memory.fill(image, 0, imageBytes);
    let out = dy + <usize>(part * outHeight * outWidth) * pixel;
    for (let outRow = 0; outRow < outHeight; outRow++) {
      const y0 = Range.from(outRow, strideY, top);
      const y1 = Range.to(outRow, strideY, top, sizeY, height);
      for (let outColumn = 0; outColumn < outWidth; outColumn++) {
        const x0 = Range.from(outColumn, strideX, left);
        const x1 = Range.to(outColumn, strideX, left, sizeX, width);
        const count = <f32>((y1 - y0) * (x1 - x0));
        for (let row = y0; row < y1; row++) {
          let at = image + <usize>(row * width + x0) * pixel;
          for (let column = x0; column < x1; column++) {
            let c: usize = 0;
            for (; c + 16 <= pixel; c += 16) {
              const share = f32x4.div(v128.load(out + c), f32x4.splat(count));
              v128.store(at + c, f32x4.add(v128.load(at + c), share));
            }
            for (; c < pixel; c += 4) {
              store<f32>(at + c, load<f32>(at + c) + load<f32>(out + c) / count);
            }
            at += pixel;
          }
        }
        out += pixel;
      }
    }
  }
}
