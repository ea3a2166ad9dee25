// What this tab remembers until it is closed: name, cores, and whether it was computing. So a tab that the browser discarded, or
// that was reloaded, continues by itself.
const KEY = "tandem-join";

export interface Remembered {
  name: string;
  cores: number;
  isComputing: boolean;
}

export function recall(): Remembered | undefined {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    if (typeof value !== "object" || value === null) return undefined;
    const { name, cores, isComputing } = value as Partial<Record<keyof Remembered, unknown>>;
    if (typeof name !== "string" || typeof cores !== "number") return undefined;
    return { name, cores, isComputing: isComputing === true };
  } catch {
    // Storage may be disabled.
    return undefined;
  }
}

export function remember(value: Remembered): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(value));
  } catch {
    return;
  }
}
