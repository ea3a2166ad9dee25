// Imported first, for its effect: zod compiles schemas with `new Function`, which a page's Content-Security-Policy forbids, and
// is told not to try before the first schema is made.
import { config } from "zod";

config({ jitless: true });
