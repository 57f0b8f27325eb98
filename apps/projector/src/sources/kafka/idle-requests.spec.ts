import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createRequire } from 'node:module';
import './idle-requests.js';

interface RequestQueue {
  push(request: object): void;
  fulfillRequest(response: object): void;
  maybeThrottle(milliseconds: number): void;
  destroy(): void;
}
const RequestQueue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as new (
  options: object,
) => RequestQueue;

describe('the requests of kafkajs', () => {
  const logger = { debug: () => {}, warn: () => {} };
  const settings = { requestTimeout: 1000, enforceRequestTimeout: false, clientId: 'test', broker: 'none:1', logger };
  let queue: RequestQueue;
  let sent: number[];
  const ask = (correlationId: number) => {
    const entry = { correlationId, resolve: () => {}, reject: () => {} };
    queue.push({ entry, expectResponse: true, sendRequest: () => void sent.push(correlationId) });
  };
  beforeEach(() => {
    jest.useFakeTimers();
    queue = new RequestQueue({ ...settings, maxInFlightRequests: 1 });
    sent = [];
  });
  afterEach(() => {
    queue.destroy();
    jest.useRealTimers();
  });

  it('set no timer where none waits', () => {
    ask(1);
    queue.fulfillRequest({ correlationId: 1, payload: null, size: 0 });
    expect(sent).toEqual([1]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('are sent, each as soon as the one before is answered', () => {
    ask(1);
    ask(2);
    expect(sent).toEqual([1]);
    queue.fulfillRequest({ correlationId: 1, payload: null, size: 0 });
    expect(sent).toEqual([1, 2]);
  });

  it('are sent when the broker lets them, with no answer to wait for', () => {
    queue.maybeThrottle(5_000);
    ask(1);
    jest.advanceTimersByTime(4_900);
    expect(sent).toEqual([]);
    jest.advanceTimersByTime(200);
    expect(sent).toEqual([1]);
  });
});
