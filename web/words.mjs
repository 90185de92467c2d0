// Small help with the document: elements by name, words that appear and go, and the clipboard.

export const by = (id) => document.getElementById(id);

/** Shows words in a place, or empties and hides it. */
export function say(id, words) {
  const place = by(id);
  place.textContent = words ?? '';
  place.hidden = !words;
}

/** Copies text and says so on the button for a moment; where the clipboard is closed, shows the text to copy by hand. */
export async function copied(button, text, done = 'Copied') {
  const usual = button.dataset.usual ??= button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = done;
  } catch {
    prompt('The browser keeps its clipboard closed; copy this:', text);
  }
  setTimeout(() => { button.textContent = usual; }, 2000);
}
