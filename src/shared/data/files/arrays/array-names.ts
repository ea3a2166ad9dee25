// The names of a data set's arrays, which are files of a folder or members of an archive. Pure.

export interface ArrayNames {
  training: { inputs: string; targets: string };
  test: { inputs: string; targets: string };
}

/** Those of Keras, of other collections, and of data without a split. The first whose training inputs exist is used. */
const SCHEMES: readonly ArrayNames[] = [
  {
    training: { inputs: "x_train", targets: "y_train" },
    test: { inputs: "x_test", targets: "y_test" },
  },
  {
    training: { inputs: "train_images", targets: "train_labels" },
    test: { inputs: "test_images", targets: "test_labels" },
  },
  { training: { inputs: "x", targets: "y" }, test: { inputs: "x_test", targets: "y_test" } },
];

/** For messages. */
export const USUAL_ARRAYS = "x_train, y_train, x_test, y_test";

export interface FoundArrays {
  training: { inputs: string; targets: string };
  /** Missing: there is no test set. */
  test?: { inputs: string; targets: string };
}

/**
 * @param names of arrays, without `.npy`
 * @returns undefined without training inputs; otherwise the arrays, and in `missing` those that are required but do not exist
 */
export function findArrays(
  names: readonly string[],
): { arrays: FoundArrays; missing: string[] } | undefined {
  const scheme = SCHEMES.find(({ training }) => names.includes(training.inputs));
  if (!scheme) return undefined;
  const { training, test } = scheme;
  const hasTest = names.includes(test.inputs) || names.includes(test.targets);
  const needed = [training, ...(hasTest ? [test] : [])];
  const missing = needed.flatMap(({ inputs, targets }) => [inputs, targets]);
  return {
    arrays: { training, ...(hasTest ? { test } : {}) },
    missing: missing.filter((name) => !names.includes(name)),
  };
}

/** In the order in which a data source reads them. */
export function listArrays({ training, test }: FoundArrays): string[] {
  const all = test ? [training, test] : [training];
  return all.flatMap(({ inputs, targets }) => [inputs, targets]);
}
