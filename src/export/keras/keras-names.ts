// Names of layers that Keras, TensorFlow and TensorFlow.js all accept, each different from the others. Pure.
import { validKerasName } from "../../shared/network/keras/valid-name.js";

export class KerasNames {
  private readonly taken = new Set<string>();

  /** `conv1/bn` becomes `conv1_bn`; with a number behind it where that is taken. */
  reserve(name: string): string {
    const valid = validKerasName(name);
    let free = valid;
    for (let number = 1; this.taken.has(free); number++) free = `${valid}_${number}`;
    this.taken.add(free);
    return free;
  }
}
