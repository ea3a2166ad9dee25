// Several files that are opened together, and closed together where something is wrong with one of them.
import { join } from "node:path";
import { DiskFile } from "../byte-source.js";

/**
 * @param work gets the open files, in the order of the names; where it fails, they are closed
 * @throws TandemError `data-file-missing` where a file cannot be opened, and what `work` throws
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
