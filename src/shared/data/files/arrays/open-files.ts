// Opens several files together, and closes them again if something fails.
import { join } from "node:path";
import { DiskFile } from "../byte-source.js";

/**
 * @param work receives the open files, in the order of the names; if it fails, they are closed
 * @throws TandemError `data-file-missing` if a file cannot be opened, and what `work` throws
 */
export async function withFiles<Result>(
  folder: string,
  names: readonly string[],
  work: (files: readonly DiskFile[]) => Promise<Result>,
): Promise<Result> {
  const files: DiskFile[] = [];
  try {
    for (const name of names) files.push(await DiskFile.open(join(folder, name)));
    return await work(files);
  } catch (error) {
    await Promise.all(files.map((file) => file.close()));
    throw error;
  }
}
