// Data sets that come with scikit-learn, as CSV files written by Python's csv module.
import { spawnSync } from "node:child_process";

const SCRIPT = `
import csv, sys
from sklearn.datasets import load_breast_cancer, load_digits

name, path = sys.argv[1:]
load, label = {"digits": (load_digits, "digit"), "cancer": (load_breast_cancer, "diagnosis")}[name]
data = load()
with open(path, "w", newline="", encoding="utf-8") as file:
    writer = csv.writer(file)
    writer.writerow([*data.feature_names, label])
    for row, target in zip(data.data, data.target):
        writer.writerow([*(f"{value:g}" for value in row), data.target_names[target]])
`;

/**
 * @param {string} python the command of a Python with scikit-learn
 * @param {"digits" | "cancer"} name
 * @param {string} file
 * @returns {string} the file
 */
export function writeSklearnTable(python, name, file) {
  const { status, stderr, error } = spawnSync(python, ["-c", SCRIPT, name, file], {
    encoding: "utf8",
  });
  if (status === 0) return file;
  throw new Error(`--python ${python} did not write the table: ${error?.message ?? stderr}`);
}
