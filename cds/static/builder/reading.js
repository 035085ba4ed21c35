// The desk is asked what a text says.

const PATIENCE = 20_000;
const KEPT = "Everything you wrote is kept here";

// Why there was no answer, in a sentence.
export class Unheard extends Error {}

// The answer about a text. Raises Unheard; when the question was given up, its reason is nobody's concern any more.
export async function ask(address, token, text, asking) {
  const late = setTimeout(() => asking.abort(), PATIENCE);
  try {
    const response = await fetch(address, {
      method: "POST",
      redirect: "manual",
      signal: asking.signal,
      headers: {"Content-Type": "application/json", "X-CSRFToken": token},
      body: JSON.stringify({text}),
    });
    if (response.headers.get("Content-Type")?.includes("json")) return await response.json();
    throw new Unheard(refusal(response));
  } catch (error) {
    if (error instanceof Unheard) throw error;
    throw new Unheard(`The desk cannot be reached, so the text was not read. ${KEPT}.`);
  } finally {
    clearTimeout(late);
  }
}

function refusal(response) {
  if (response.type === "opaqueredirect" || response.status === 401) {
    return `Your session has ended. ${KEPT}: sign in again in another window, then go on.`;
  }
  if (response.status === 400) return `This page is older than your session, so the text was not read. ${KEPT}.`;
  if (response.status === 403) return `Your account may not read conditions, so the text was not read. ${KEPT}.`;
  return `The text was not read (the desk answered ${response.status}). ${KEPT}.`;
}
