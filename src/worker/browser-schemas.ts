// Imported first, for its effect: zod compiles schemas with `new Function`, which a page's Content-Security-Policy forbids. This
// switches that off before the first schema is created.
import { config } from "zod";

config({ jitless: true });
