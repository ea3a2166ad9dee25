// Imported first, for its side effect: zod compiles schemas with `new Function`, which the page's Content-Security-Policy forbids.
// This turns that off before the first schema is created.
import { config } from "zod";

config({ jitless: true });
