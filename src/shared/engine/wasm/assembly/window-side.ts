// Windows along one side of an image, and their parts inside the image.
import { Scratch } from "./scratch";

@unmanaged
export class WindowSide {
  /** Length of the image's side, in pixels. */
  private length: i32;
  /** Length of a window. */
  size: i32;
  /** The first window's first pixel; negative if there is padding. */
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

  /** One past a window's last pixel inside the image. */
  end(window: i32): i32 {
    return max(this.begin(window), min(this.size, this.length - this.place(window, 0)));
  }

  /** The end (at most `limit`) of the windows from `window` on that have the same pixels inside the image. */
  endOfAlike(window: i32, limit: i32): i32 {
    const begin = this.begin(window);
    const end = this.end(window);
    let next = window + 1;
    while (next < limit && this.begin(next) == begin && this.end(next) == end) next++;
    return next;
  }

  /** The first window in which this pixel is inside the image. */
  firstWindow(pixel: i32): i32 {
    const before = -this.place(0, pixel);
    return before > 0 ? (before + this.stride - 1) / this.stride : 0;
  }

  /** One past the last window in which this pixel is inside the image; at most `windows`. */
  endWindow(pixel: i32, windows: i32): i32 {
    const behind = this.length - this.place(0, pixel);
    return behind > 0 ? min(windows, (behind + this.stride - 1) / this.stride) : 0;
  }

  /** Whether this pixel is inside the image in any of the first `windows` windows. */
  isSeen(pixel: i32, windows: i32): bool {
    return this.firstWindow(pixel) < this.endWindow(pixel, windows);
  }

  /** The position in the image of a window's pixel. */
  place(window: i32, pixel: i32): i32 {
    return this.first + window * this.stride + pixel;
  }
}
