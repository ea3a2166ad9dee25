// The initial name: the kind of device and a few characters that distinguish it from others of its kind. Pure.

const KINDS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/iPhone/, "iphone"],
  [/iPad/, "ipad"],
  [/Android.*Mobile/, "phone"],
  [/Android/, "tablet"],
  [/CrOS/, "chromebook"],
  [/Mac OS X/, "mac"],
  [/Windows/, "windows"],
  [/Linux/, "linux"],
];

/** @param random a number from 0 to below 1 */
export function deviceName(userAgent: string, random: number): string {
  const kind = KINDS.find(([pattern]) => pattern.test(userAgent))?.[1] ?? "browser";
  const suffix = Math.floor(random * 36 ** 3).toString(36);
  return `${kind}-${suffix.padStart(3, "0")}`;
}
