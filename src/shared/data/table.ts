// How the rows of a table become inputs and targets: settled by the training set, stored with the run, and applied again to the
// rows that a trained network is asked about. Pure.
import * as z from "zod";

export const MAX_COLUMNS = 1000;
/** Of all columns of one table together: with them the configuration stays a message that workers accept. */
export const MAX_CATEGORIES = 1000;
/** UTF-16 code units, of a column and of a category. */
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
  /** An input for each category, 1 for the row's own and 0 for the others. */
  z.strictObject({
    name: cellName,
    kind: z.literal("category"),
    categories: z.array(cellName).min(1).max(MAX_CATEGORIES),
  }),
]);

export const tableSchema = z.strictObject({
  /** Those that are inputs, in the order of the inputs. */
  columns: z.array(columnSchema).min(1).max(MAX_COLUMNS),
  /** The column of targets. */
  label: cellName,
});

/** A column that is an input. */
export type TableColumn = z.infer<typeof columnSchema>;
export type TableSpec = z.infer<typeof tableSchema>;
