/** `ROLE=<service> npm run role`: one service by itself, by the program of the image, on the Node that npm brings along. */
import { endWithNpm } from './end-with-npm.mjs';

endWithNpm();
await import('../deploy/image/start.mjs');
