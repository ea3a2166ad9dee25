// Groups of radio buttons that look like a single control with segments.

/** The value of the chosen one; "" if the page has no such group. */
export function chosenOf(name: string): string {
  const chosen = document.querySelector<HTMLInputElement>(`input[name="${name}"]:checked`);
  return chosen?.value ?? "";
}

export function onChoice(name: string, act: () => void): void {
  for (const input of document.querySelectorAll(`input[name="${name}"]`)) {
    input.addEventListener("change", act);
  }
}
