// The event that reports a data source. Pure.
import type { RunEvent } from "../run-event.js";
import { describeData } from "./describe-data.js";
import type { DataSource } from "./samples.js";

/** Data that a program passed in memory has no kind and no description. */
const OWN_KIND = "arrays";

export function dataEvent(data: DataSource): RunEvent & { event: "data" } {
  const { kind = OWN_KIND, path, inputShape, target, classNames } = data;
  return {
    event: "data",
    kind,
    ...(path === undefined ? {} : { path }),
    training: data.training.count,
    validation: data.validation.count,
    test: data.test.count,
    inputShape,
    target,
    ...(classNames ? { classNames } : {}),
    description: data.description ?? describeData(kind, data),
  };
}
