// Copies images and kernels of depthwise convolutions into the order in which vectors read them: groups of four lanes, where each
// lane is a channel, and the lanes after the last are zero.

/** Rounds up to full vectors. */
export function roundLanes(lanes: i32): i32 {
  return (lanes + 3) & ~3;
}

/** How the values of a pixel are mapped to lanes: a lane of a plane is the value (lane · planes + plane) / repeat. */
@unmanaged
export class LaneOrder {
  /** The first lane to copy, and the number of lanes. */
  first: i32;
  lanes: i32;
  /** Number of planes of lanes per pixel, which follow one another. */
  planes: i32;
  /** Number of lanes per value. */
  repeat: i32;

  set(first: i32, lanes: i32, planes: i32, repeat: i32): void {
    this.first = first;
    this.lanes = lanes;
    this.planes = planes;
    this.repeat = repeat;
  }

  /** Bytes of a copied pixel. */
  get pixelBytes(): usize {
    return (<usize>(this.planes * roundLanes(this.lanes))) << 2;
  }
}

/** Copies a pixel. */
export function copyLanes(target: usize, source: usize, order: LaneOrder): void {
  const lanes = order.lanes;
  const planes = order.planes;
  const repeat = order.repeat;
  const first = order.first;
  for (let plane = 0; plane < planes; plane++) {
    let lane = 0;
    if (planes == 1 && repeat == 1) {
      const start = source + ((<usize>first) << 2);
      for (; lane + 4 <= lanes; lane += 4, target += 16) {
        v128.store(target, v128.load(start + ((<usize>lane) << 2)));
      }
    }
    for (; lane < lanes; lane++, target += 4) {
      const value = ((first + lane) * planes + plane) / repeat;
      store<f32>(target, load<f32>(source + ((<usize>value) << 2)));
    }
    for (; (lane & 3) != 0; lane++, target += 4) store<f32>(target, 0);
  }
}

/**
 * Copies rows × columns pixels of an image of height × width pixels. The first is at (top, left), which may be outside of the
 * image, where pixels are zero.
 * @param pixelBytes of the image
 */
export function copyImageLanes(
  target: usize,
  order: LaneOrder,
  image: usize,
  height: i32,
  width: i32,
  pixelBytes: usize,
  top: i32,
  left: i32,
  rows: i32,
  columns: i32,
): void {
  const targetBytes = order.pixelBytes;
  for (let row = top; row < top + rows; row++) {
    for (let column = left; column < left + columns; column++) {
      if (row >= 0 && row < height && column >= 0 && column < width) {
        copyLanes(target, image + <usize>(row * width + column) * pixelBytes, order);
      } else {
        for (let i: usize = 0; i < targetBytes; i += 16) v128.store(target + i, f32x4.splat(0));
      }
      target += targetBytes;
    }
  }
}

export class Lanes {
  /** Writes four lanes, or fewer if there are fewer. */
  // @ts-ignore: decorator
  @inline
  static store(target: usize, value: v128, lanes: i32): void {
    if (lanes >= 4) {
      v128.store(target, value);
      return;
    }
    store<f32>(target, f32x4.extract_lane(value, 0));
    if (lanes > 1) store<f32>(target, f32x4.extract_lane(value, 1), 4);
    if (lanes > 2) store<f32>(target, f32x4.extract_lane(value, 2), 8);
  }
}
