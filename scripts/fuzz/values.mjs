// Values at boundaries and of other types, to set fields to.

const NUMBERS = [
  ...[-1, -0, 0, 0.5, 1.5, 255, 256, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1],
  ...[2 ** 53, 2 ** 63, 1e308, -1e308, 5e-324, NaN, Infinity, -Infinity],
];

/** Values that MessagePack and JSON can represent; in JSON, numbers that are not finite become null. @type {unknown[]} */
export const BOUNDARY_VALUES = [
  ...NUMBERS,
  ...[
    null,
    true,
    false,
    "",
    "7",
    "x".repeat(300),
    "\u001b[2J\n",
    "__proto__",
    [],
    {},
    [-1],
    [[[[]]]],
  ],
  ...[{ from: 9, to: 4 }, { from: NaN, to: 1 }, { from: -1e308, to: 1e308 }, { a: { b: {} } }],
];

/** Values that only JavaScript has. */
export const ODD_VALUES = /** @type {unknown[]} */ ([
  ...[undefined, 2n ** 63n, new Uint8Array(3), new Date(0), new Map([[1, 2]]), new Set([1])],
  ...[/x/, new Error("e")],
]);
