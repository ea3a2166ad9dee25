// Names of layers that Keras, TensorFlow and TensorFlow.js all accept: Keras refuses slashes, and TensorFlow most characters
// beyond ASCII. Pure.

export class KerasNames {
  private readonly taken = new Set<string>();

  /** `conv1/bn` becomes `conv1_bn`; with a number behind it where that is taken. */
  reserve(name: string): string {
    const characters = name.replaceAll(/[^A-Za-z0-9_.-]/g, "_");
    const valid = /^[A-Za-z0-9]/.test(characters) ? characters : `layer${characters}`;
    let free = valid;
    for (let number = 1; this.taken.has(free); number++) free = `${valid}_${number}`;
    this.taken.add(free);
    return free;
  }
}
