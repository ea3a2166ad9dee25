// Configurations as a hostile coordinator might send them in a welcome: valid JSON with damaged fields at any depth, and networks
// that are too deep, too large, circular, or whose names have a meaning in JavaScript.
import { BOUNDARY_VALUES } from "./values.mjs";
import { classesConfig, valuesConfig } from "../faults/small-config.mjs";

/** @typedef {Pick<import("../../dist/shared/random.js").Random, "below">} Random */
/** @typedef {Record<string, unknown>} JsonMap */

/** More than a worker accepts (`MAX_CONFIG_BYTES`). */
const TOO_MANY_BYTES = 2 ** 21;
/** One in this many configurations is megabytes large. */
const RARITY_OF_LARGE = 50;
/** One in this many configurations has a thousand layers, which take a long time to check. */
const RARITY_OF_LONG = 20;
const MAX_CHANGES = 3;
const NAMES = ["__proto__", "constructor", "prototype", "input", "a,b", "\u001b[2J", "", "fc1"];

export class Configurations {
  /** @param {Random} random */
  constructor(random) {
    this.random = random;
  }

  /** @template T @param {readonly T[]} list @returns {T} */
  any(list) {
    return /** @type {T} */ (list[this.random.below(list.length)]);
  }

  /** @returns {Uint8Array} */
  part() {
    const { random } = this;
    if (random.below(RARITY_OF_LARGE) === 0) return Buffer.from(this.largeText());
    const text = random.below(4) === 0 ? this.damagedText() : JSON.stringify(this.config());
    const bytes = Buffer.from(text);
    // Invalid UTF-8, or any byte.
    if (bytes.length > 0 && random.below(20) === 0)
      bytes[random.below(bytes.length)] = this.any([0xc3, 0xff, 0, 0x22]);
    return bytes;
  }

  /** @returns {unknown} */
  config() {
    const { random } = this;
    const valid = this.any([classesConfig, valuesConfig]);
    if (random.below(2) === 0) {
      /** @type {unknown} */
      let spoiled = valid;
      for (let count = 1 + random.below(MAX_CHANGES); count > 0; count--) {
        spoiled = this.spoil(spoiled);
      }
      return spoiled;
    }
    return { ...valid, network: this.network() };
  }

  /** @returns {unknown} */
  network() {
    const { random } = this;
    const { layers } = classesConfig.network;
    const inputShape = this.any([
      [2, 2, 1],
      [4096, 4096, 4],
      [2 ** 26],
      [1, 1, 2 ** 26],
      [2 ** 53 - 1, 2, 2],
    ]);
    const some = () => ({ ...this.any(layers) });
    switch (random.below(6)) {
      case 0:
        // Circular inputs.
        return {
          inputShape,
          layers: layers.map((layer) => ({ ...layer, inputs: [this.any(layers).name] })),
        };
      case 1:
        return { inputShape, layers: layers.map((layer) => ({ ...layer, name: this.name() })) };
      case 2: {
        const count = random.below(RARITY_OF_LONG) === 0 ? 1100 : 12;
        return { inputShape, layers: chain(Array.from({ length: count }, some)) };
      }
      case 3: {
        // One layer with many inputs.
        const count = random.below(300);
        const join = { kind: this.any(["add", "concatenate"]), axis: random.below(3) };
        const last = {
          name: "join",
          inputs: Array(count).fill("input"),
          trainable: true,
          layer: join,
        };
        return { inputShape, layers: [last] };
      }
      case 4: {
        // Billions of parameters.
        const units = this.any([1, 2 ** 20, 2 ** 20 + 1, 2 ** 31, 1e308]);
        const wide = layers.map((node) => {
          return {
            ...node,
            layer: node.layer.kind === "dense" ? { ...node.layer, units } : node.layer,
          };
        });
        return { inputShape, layers: wide };
      }
      default:
        return { inputShape, layers: chain(layers.map(some)) };
    }
  }

  name() {
    return this.random.below(3) === 0 ? this.any(NAMES) : "x".repeat(this.random.below(300));
  }

  /**
   * Returns the value with one field or item, at any depth, removed, added, repeated or changed.
   * @param {unknown} value
   * @returns {unknown}
   */
  spoil(value) {
    const { random } = this;
    if (random.below(8) === 0) return this.any(BOUNDARY_VALUES);
    if (Array.isArray(value)) return this.spoilList(value);
    if (typeof value !== "object" || value === null) return this.any(BOUNDARY_VALUES);
    const changed = /** @type {JsonMap} */ ({ ...value });
    const key = this.any([...Object.keys(value), "__proto__", "constructor", "extra"]);
    if (random.below(6) === 0) delete changed[key];
    else define(changed, key, this.spoil(Object.hasOwn(changed, key) ? changed[key] : 1));
    return changed;
  }

  /** @param {unknown[]} list */
  spoilList(list) {
    const { random } = this;
    const changed = [...list];
    const place = random.below(Math.max(1, list.length));
    switch (random.below(4)) {
      case 0:
        changed.splice(place, 1);
        return changed;
      case 1:
        changed.splice(place, 0, list[place]);
        return changed;
      default:
        changed[place] = this.spoil(list[place]);
        return changed;
    }
  }

  /** Invalid JSON, or JSON that no serializer would write. */
  damagedText() {
    const { random } = this;
    const text = JSON.stringify(this.any([classesConfig, valuesConfig]));
    const place = random.below(text.length);
    switch (random.below(5)) {
      case 0:
        return text.slice(0, place);
      case 1:
        return `${text.slice(0, place)}${this.any(["{", "}", "[", '"', "1e999", "-", "\\u0000", ","])}${text.slice(place)}`;
      case 2:
        // A duplicate key; the later one must count.
        return `{"seed":${this.any(["1", "-1", "[]", "{}"])},${text.slice(1)}`;
      case 3:
        return this.nested(1 + random.below(2_000));
      default:
        return this.any(["", "null", "[]", "{}", "0", '"x"', "\ufeff{}", " ".repeat(1000)]);
    }
  }

  largeText() {
    const { random } = this;
    const text = JSON.stringify(classesConfig);
    const size = this.any([2 ** 20 - 2 ** 14, TOO_MANY_BYTES]);
    switch (random.below(5)) {
      case 0:
        return this.nested(size / 2);
      case 1:
        // One layer per two bytes: more than a million layers.
        return text.replace('"layers":[', `"layers":[${"0,".repeat(size / 2)}`);
      case 2:
        return text.replace('"name":"conv"', `"name":"${"x".repeat(size)}"`);
      case 3:
        return text.replace(
          '"inputs":["input"]',
          `"inputs":[${'"input",'.repeat(size / 8)}"input"]`,
        );
      default:
        // As many keys as fit.
        return `{${Array.from({ length: size / 12 }, (_, index) => `"k${index}":0`).join(",")}}`;
    }
  }

  /** @param {number} depth */
  nested(depth) {
    const [open, close] = this.any([
      ["[", "]"],
      ['{"a":', "}"],
      ['{"network":', "}"],
    ]);
    const count = Math.floor(depth / open.length);
    const isClosed = this.random.below(2) === 0;
    return `${open.repeat(count)}1${isClosed ? close.repeat(count) : ""}`;
  }
}

/** Connects the layers in sequence, with new names. @param {readonly JsonMap[]} layers */
function chain(layers) {
  return layers.map((layer, index) => {
    return { ...layer, name: `l${index}`, inputs: [index === 0 ? "input" : `l${index - 1}`] };
  });
}

/** Sets a property of any name, including `__proto__`. @param {JsonMap} map @param {string} key @param {unknown} value */
export function define(map, key, value) {
  Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
}
