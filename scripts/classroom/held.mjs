// What a process currently holds, from Linux's /proc: its own memory and its open files.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** @param {number | undefined} pid */
export function heldBy(pid) {
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return "";
    }
  });
  return {
    privateMb: privateMbOf(pid),
    files: links.length,
    sockets: links.filter((link) => link.startsWith("socket:")).length,
  };
}

/** Memory of the process itself, without pages of files. @param {number | undefined} pid */
export function privateMbOf(pid) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const kilobytes = (/** @type {string} */ field) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0);
  return (kilobytes("Private_Clean") + kilobytes("Private_Dirty")) / 1024;
}
