// The page that asks for the token. If the address that the coordinator printed contains a key, the key is posted as the token
// without asking. It is in the fragment, which browsers do not send to servers.

async function logIn(): Promise<void> {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (key === null) return;
  history.replaceState(null, "", location.pathname);
  const body = new URLSearchParams({ token: key });
  const { ok } = await fetch("login", { method: "POST", body });
  if (ok) location.reload();
}

void logIn();
