// Generates data for every kind of run that the page shows: RGB pictures in named classes, many classes, float32 images, table rows
// in classes, and table rows with a value. The same in every run.

/** @param {number} seed @returns {() => number} from 0 to 1 (Park and Miller, 1988) */
export function generator(seed) {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

/** Approximately normal: a sum of twelve uniform numbers. @param {() => number} random */
function normal(random) {
  let sum = -6;
  for (let index = 0; index < 12; index++) sum += random();
  return sum;
}

export const SHAPES = [
  "circle",
  "square",
  "triangle",
  "ring",
  "cross",
  "bar",
  "diamond",
  "two bars",
];
const PICTURE = { height: 40, width: 48 };

/** Whether a point, relative to the shape's centre and size, belongs to it. @type {((x: number, y: number) => boolean)[]} */
const INSIDE = [
  (x, y) => Math.hypot(x, y) < 1,
  (x, y) => Math.max(Math.abs(x), Math.abs(y)) < 0.9,
  (x, y) => y < 0.8 && y > 1.8 * Math.abs(x) - 0.9,
  (x, y) => Math.hypot(x, y) < 1 && Math.hypot(x, y) > 0.6,
  (x, y) => Math.min(Math.abs(x), Math.abs(y)) < 0.3 && Math.max(Math.abs(x), Math.abs(y)) < 1,
  (x, y) => Math.abs(y) < 0.3 && Math.abs(x) < 1,
  (x, y) => Math.abs(x) + Math.abs(y) < 1,
  (x, y) => Math.abs(Math.abs(y) - 0.55) < 0.25 && Math.abs(x) < 1,
];

/** Coloured shapes on a coloured ground. @param {number} count @param {number} seed @param {number} [classCount] if more, colours count too */
export function makeShapes(count, seed, classCount = SHAPES.length) {
  const random = generator(seed);
  const { height, width } = PICTURE;
  const inputs = new Uint8Array(count * height * width * 3);
  const targets = Array.from({ length: count }, (_, index) => index % classCount);
  targets.forEach((target, image) => {
    const isInside = INSIDE[target % SHAPES.length] ?? (() => false);
    const ground = [random, random, random].map((draw) => 40 + 80 * draw());
    // With more classes than shapes, a class is a shape in a colour.
    const hue = classCount > SHAPES.length ? Math.floor(target / SHAPES.length) / 16 : random();
    const ink = [0, 1, 2].map((c) => 150 + 100 * Math.cos(2 * Math.PI * (hue + c / 3)));
    const size = 8 + 8 * random();
    const [x0, y0] = [size + (width - 2 * size) * random(), size + (height - 2 * size) * random()];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const colour = isInside((x - x0) / size, (y - y0) / size) ? ink : ground;
        colour.forEach((value, channel) => {
          const noisy = value + 40 * (random() - 0.5);
          inputs[((image * height + y) * width + x) * 3 + channel] = Math.min(
            255,
            Math.max(0, noisy),
          );
        });
      }
    }
  });
  return { inputs, targets };
}

export const SHAPES_INPUT = [PICTURE.height, PICTURE.width, 3];

/** Many classes, each a shape in a colour. @param {number} count */
export function nameShapes(count) {
  return Array.from({ length: count }, (_, index) => {
    return `${SHAPES[index % SHAPES.length]} of colour ${Math.floor(index / SHAPES.length)}`;
  });
}

/** @type {readonly { name: string, mean: number, scale: number }[]} */
const MEASURES = [
  { name: "floor area in square metres", mean: 84, scale: 31 },
  { name: "rooms", mean: 3.2, scale: 1.1 },
  { name: "year", mean: 1974, scale: 28 },
  { name: "metres to the station", mean: 900, scale: 420 },
];
const DISTRICTS = ["harbour", "old town", "university", "garden suburb"];
const DISTRICT_FACTORS = [1.1, 1.35, 1.2, 0.85];

/** How a row becomes an input: standardised numbers and a category. */
export const HOMES_TABLE = {
  columns: [
    ...MEASURES.map((column) => ({ ...column, kind: /** @type {const} */ ("number") })),
    { name: "district", kind: /** @type {const} */ ("category"), categories: DISTRICTS },
  ],
  label: "rent",
};
export const HOMES_INPUTS = MEASURES.length + DISTRICTS.length;

/**
 * Homes with their rent and the cost of heating, in euros per month.
 * @param {number} count @param {number} seed
 */
export function makeHomes(count, seed) {
  const random = generator(seed);
  const inputs = new Float32Array(count * HOMES_INPUTS);
  const targets = new Float32Array(2 * count);
  for (let row = 0; row < count; row++) {
    // No home has a negative number of rooms.
    const measures = MEASURES.map(() => Math.min(2.5, Math.max(-2, normal(random))));
    const district = Math.floor(random() * DISTRICTS.length);
    inputs.set(measures, row * HOMES_INPUTS);
    inputs[row * HOMES_INPUTS + MEASURES.length + district] = 1;
    const [area = 0, rooms = 0, year = 0, metres = 0] = measures;
    const base = 11 * (84 + 31 * area) + 40 * rooms - 60 * metres + 30 * year * Math.abs(year);
    const rent = base * (DISTRICT_FACTORS[district] ?? 1) + 60 * normal(random);
    const heating = 1.1 * (84 + 31 * area) - 25 * year + 8 * normal(random);
    targets.set([rent, heating], 2 * row);
  }
  return { inputs, targets };
}

/** The same homes in classes: whether the rent is below, about or above the usual one. @param {number} count @param {number} seed */
export function makeRatedHomes(count, seed) {
  const { inputs, targets } = makeHomes(count, seed);
  const rated = Array.from({ length: count }, (_, row) => {
    const rent = targets[2 * row] ?? 0;
    return rent < 800 ? 0 : rent < 1200 ? 1 : 2;
  });
  return { inputs, targets: rated };
}

export const RATINGS = ["low", "usual", "high"];

/** Only one of the two values. @param {{ inputs: Float32Array, targets: Float32Array }} homes */
export function rentOnly({ inputs, targets }) {
  return { inputs, targets: targets.filter((_, index) => index % 2 === 0) };
}

export const WAVES = ["slow", "fast", "none"];

/** Float32 images between −1 and 1: stripes in noise. @param {number} count @param {number} seed */
export function makeWaves(count, seed) {
  const random = generator(seed);
  const side = 20;
  const inputs = new Float32Array(count * side * side);
  const targets = Array.from({ length: count }, (_, index) => index % WAVES.length);
  targets.forEach((target, image) => {
    const [angle, phase] = [Math.PI * random(), 2 * Math.PI * random()];
    const frequency = [0.5, 1.3, 0][target] ?? 0;
    for (let pixel = 0; pixel < side * side; pixel++) {
      const along = (pixel % side) * Math.cos(angle) + Math.floor(pixel / side) * Math.sin(angle);
      const wave = frequency === 0 ? 0 : 0.5 * Math.sin(frequency * along + phase);
      inputs[image * side * side + pixel] = wave + random() - 0.5;
    }
  });
  return { inputs, targets };
}

export const WAVES_INPUT = [20, 20, 1];
