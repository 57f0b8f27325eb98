import { describe, expect, it } from '@jest/globals';
import type { Transaction } from '#libs/change-event';
import { DeliveryQueue } from './delivery-queue.js';
import { TransactionDelivery } from './transaction-delivery.js';

const pressure = { add() {}, release() {} };
const transaction = (txId: string, complete = true) => {
  const delivery = new TransactionDelivery({ txId }, { items: 2, bytes: 1000 }, pressure);
  for (let i = 0; i < 3; i++) delivery.push({ table: 't', op: 'c', key: `[${i}]`, before: null, after: '{}' }, 1);
  if (complete) delivery.finish({ commitLsn: Number(txId), committedAt: 0n });
  return delivery;
};
const drain = async ({ changes, end }: Transaction) => {
  for await (const _ of changes);
  await end;
};

function opened(deliver: (transaction: Transaction) => Promise<void>) {
  const log: string[] = [];
  const queue = new DeliveryQueue(
    (delivered) => {
      log.push(`deliver ${delivered.header.txId}`);
      return deliver(delivered);
    },
    {
      accepted: ({ commitLsn }) => log.push(`accepted ${commitLsn}`),
      refused: ({ message }) => log.push(`refused: ${message}`),
    },
  );
  queue.open();
  const settled = () => queue.close(new Error('closed'));
  return { queue, log, settled };
}

/** Long enough for everything that needs no event. */
const turn = () => new Promise<void>((done) => setImmediate(done));

describe('a delivery queue', () => {
  it('delivers the first at once, the others when it was accepted, and marks in their place', async () => {
    const { queue, log } = opened(drain);
    queue.push(transaction('1'));
    queue.push(() => log.push('mark'));
    queue.push(transaction('2'));
    expect(log).toEqual(['deliver 1']);
    await turn();
    expect(log).toEqual(['deliver 1', 'accepted 1', 'mark', 'deliver 2', 'accepted 2']);
  });

  it('delivers nothing before it is open', async () => {
    const log: string[] = [];
    const queue = new DeliveryQueue(async () => void log.push('delivered'), { accepted() {}, refused() {} });
    queue.push(transaction('1'));
    await turn();
    expect(log).toEqual([]);
    queue.open();
    expect(log).toEqual(['delivered']);
  });

  it('accepts a transaction that was not taken to its end only at its end', async () => {
    const { queue, log } = opened(async () => {});
    const open = transaction('1', false);
    queue.push(open);
    queue.push(transaction('2'));
    await turn();
    expect(log).toEqual(['deliver 1']);
    open.finish({ commitLsn: 1, committedAt: 0n });
    await turn();
    expect(log).toEqual(['deliver 1', 'accepted 1', 'deliver 2', 'accepted 2']);
  });

  it('delivers nothing after a refusal', async () => {
    const { queue, log } = opened(() => Promise.reject(new Error('full')));
    queue.push(transaction('1'));
    queue.push(transaction('2'));
    await turn();
    expect(log).toEqual(['deliver 1', 'refused: full']);
  });

  it('takes the failure of a mark for a refusal', () => {
    const { queue, log } = opened(drain);
    queue.push(() => {
      throw new Error('full');
    });
    expect(log).toEqual(['refused: full']);
  });

  it('cuts an incomplete transaction when it is closed, which is no refusal', async () => {
    const { queue, log, settled } = opened(drain);
    queue.push(transaction('1', false));
    queue.push(transaction('2'));
    await turn();
    await settled();
    expect(log).toEqual(['deliver 1']);
  });

  it('does not accept a cut transaction from a receiver that did not notice', async () => {
    const { queue, log, settled } = opened(async () => {});
    queue.push(transaction('1', false));
    await settled();
    expect(log).toEqual(['deliver 1']);
  });

  it('lets a complete transaction be taken to its end when it is closed', async () => {
    const { queue, log, settled } = opened(async (delivered) => {
      await turn();
      await drain(delivered);
    });
    queue.push(transaction('1'));
    await settled();
    expect(log).toEqual(['deliver 1', 'accepted 1']);
  });
});
