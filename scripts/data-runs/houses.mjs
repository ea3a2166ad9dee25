// Generates a table similar to that of California's houses (Pace and Barry, 1997): numbers on different scales, a column of
// categories, and a value that depends on them nonlinearly. The noise has a variance of 0.04, which no network can predict.
import { writeFileSync } from "node:fs";
import "../../dist/shared/digest/node-digests.js";
import { Random } from "../../dist/shared/random.js";

const ROWS = 6000;
const COAST = ["bay", "inland", "ocean"];

/** @param {string} file @returns {string} the file */
export function writeHouses(file) {
  const random = new Random(0, "houses");
  const between = (/** @type {number} */ low, /** @type {number} */ high) =>
    low + (high - low) * random.uniform();
  const lines = ["income,age,rooms,bedrooms,people,latitude,longitude,coast,value"];
  for (let row = 0; row < ROWS; row++) {
    const [income, age, rooms] = [between(0.5, 15), Math.floor(between(1, 52)), between(1, 9)];
    const bedrooms = rooms * between(0.15, 0.3);
    const people = Math.round(between(3, 35_000));
    const [latitude, longitude] = [between(32, 42), between(-124, -114)];
    const coast = COAST[random.below(COAST.length)] ?? "";
    const distance = Math.abs(latitude - 37.5) + Math.abs(longitude + 122);
    const value =
      0.25 * income +
      0.002 * age * (rooms - 5) +
      (coast === "inland" ? -0.5 : 0.3) +
      1.5 / (1 + distance) -
      people / 40_000 +
      0.2 * random.normal();
    const cells = [income, age, rooms, bedrooms, people, latitude, longitude].map((cell) =>
      Number(cell.toFixed(4)),
    );
    lines.push([...cells, coast, value.toFixed(4)].join(","));
  }
  writeFileSync(file, `${lines.join("\n")}\n`);
  return file;
}
