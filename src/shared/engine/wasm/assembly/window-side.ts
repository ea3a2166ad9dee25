// Windows along one side of an image, and what of them is inside of it.
import { Scratch } from "./scratch";

@unmanaged
export class WindowSide {
  /** Of the image, in pixels. */
  private length: i32;
  /** Of a window. */
  size: i32;
  /** Where the first window begins: before the image, where there is padding. */
  first: i32;
  stride: i32;

  static in(memory: Scratch, length: i32, size: i32, first: i32, stride: i32): WindowSide {
    const side = changetype<WindowSide>(memory.take(offsetof<WindowSide>()));
    side.length = length;
    side.size = size;
    side.first = first;
    side.stride = stride;
    return side;
  }

  /** The first pixel of a window that is inside the image. */
  begin(window: i32): i32 {
    return min(this.size, max(0, -this.place(window, 0)));
  }

  /** The pixel behind the last one that is inside. */
  end(window: i32): i32 {
    return max(this.begin(window), min(this.size, this.length - this.place(window, 0)));
  }

  /** The end of the windows, from `window` on and before `limit`, of which the same pixels are inside. */
  endOfAlike(window: i32, limit: i32): i32 {
    const begin = this.begin(window);
    const end = this.end(window);
    let next = window + 1;
    while (next < limit && this.begin(next) == begin && this.end(next) == end) next++;
    return next;
  }

  /** The first window of which this pixel is inside the image. */
  firstWindow(pixel: i32): i32 {
    const before = -this.place(0, pixel);
    return before > 0 ? (before + this.stride - 1) / this.stride : 0;
  }

  /** The first window after those of which this pixel is inside; at most `windows`. */
  endWindow(pixel: i32, windows: i32): i32 {
    const behind = this.length - this.place(0, pixel);
    return behind > 0 ? min(windows, (behind + this.stride - 1) / this.stride) : 0;
  }

  /** Whether this pixel is inside for any of the first `windows` windows. */
  isSeen(pixel: i32, windows: i32): bool {
    return this.firstWindow(pixel) < this.endWindow(pixel, windows);
  }

  /** Where a window's pixel is in the image. */
  place(window: i32, pixel: i32): i32 {
    return this.first + window * this.stride + pixel;
  }
}
