// How the rows of a table become inputs and targets. Learned from the training set, stored in the run's configuration, and applied
// again to other rows for evaluation and prediction. Pure.
import * as z from "zod";

export const MAX_COLUMNS = 1000;
/** Of all columns together, so that the configuration stays small enough for a message. */
export const MAX_CATEGORIES = 1000;
/** Length of the name of a column or category, in UTF-16 code units. */
export const MAX_CELL_NAME_LENGTH = 100;

const cellName = z.string().min(1).max(MAX_CELL_NAME_LENGTH);

const columnSchema = z.discriminatedUnion("kind", [
  /** One input, (x − mean)/scale. */
  z.strictObject({
    name: cellName,
    kind: z.literal("number"),
    mean: z.number(),
    scale: z.number().positive(),
  }),
  /** One input per category: 1 for the row's own, 0 for the others. */
  z.strictObject({
    name: cellName,
    kind: z.literal("category"),
    categories: z.array(cellName).min(1).max(MAX_CATEGORIES),
  }),
]);

export const tableSchema = z.strictObject({
  /** The columns that are inputs, in the order of the inputs. */
  columns: z.array(columnSchema).min(1).max(MAX_COLUMNS),
  /** The column with the targets. */
  label: cellName,
});

/** A column that is an input. */
export type TableColumn = z.infer<typeof columnSchema>;
export type TableSpec = z.infer<typeof tableSchema>;
