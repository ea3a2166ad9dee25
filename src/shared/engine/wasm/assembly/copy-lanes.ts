// Images and kernels of depthwise convolutions in the order in which vectors read them: groups of four lanes, each lane one
// channel, with zeros in the lanes behind the last.

/** So many lanes in whole vectors. */
export function roundLanes(lanes: i32): i32 {
  return (lanes + 3) & ~3;
}

/** How the values of a pixel become lanes: value (lane · planes + plane) / repeat is a lane of a plane. */
@unmanaged
export class LaneOrder {
  /** The first lane that is copied, and how many are. */
  first: i32;
  lanes: i32;
  /** Planes of lanes that a pixel becomes, one after the other. */
  planes: i32;
  /** How many lanes a value becomes. */
  repeat: i32;

  set(first: i32, lanes: i32, planes: i32, repeat: i32): void {
    this.first = first;
    this.lanes = lanes;
    this.planes = planes;
    this.repeat = repeat;
  }

  /** Of a copied pixel. */
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
 * Copies rows × columns pixels of an image of height × width pixels; the first is at (top, left), which may lie outside, where
 * all is zero.
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
  /** Writes four lanes, or as many as there are. */
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
