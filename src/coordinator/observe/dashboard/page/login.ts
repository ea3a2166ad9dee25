// The page that asks for the token. Where the address that the coordinator printed carries a key, nobody has to be asked: it
// is posted as the token. It stands in the fragment, which browsers keep to themselves.

async function logIn(): Promise<void> {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (key === null) return;
  history.replaceState(null, "", location.pathname);
  const body = new URLSearchParams({ token: key });
  const { ok } = await fetch("login", { method: "POST", body });
  if (ok) location.reload();
}

void logIn();
