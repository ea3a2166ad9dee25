// What Keras and TensorFlow call a layer whose name they do not allow: Keras refuses slashes, and TensorFlow most characters beyond
// ASCII. Pure.

/** `conv1/bn` becomes `conv1_bn`. Different names may become one. */
export function validKerasName(name: string): string {
  const characters = name.replaceAll(/[^A-Za-z0-9_.-]/g, "_");
  return /^[A-Za-z0-9]/.test(characters) ? characters : `layer${characters}`;
}
