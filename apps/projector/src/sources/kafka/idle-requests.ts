/**
 * Imported beside kafkajs (2.2.4), whose every connection looks a thousand times a second for requests that wait to be
 * sent, also where none does: for a time before 1970, which Node warns of and takes for one millisecond (kafkajs#1704,
 * #1751). A request that has to wait sets its own timer as it is queued, and each answer sends the next.
 */
import { createRequire } from 'node:module';

interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as { prototype: RequestQueue };
const { scheduleCheckPendingRequests } = prototype;

prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
  if (this.pending.length > 0) scheduleCheckPendingRequests.call(this);
};
