import { describe, expect, it } from '@jest/globals';
import { BackPressure } from './back-pressure.js';
import { ChunkQueue } from './chunk-queue.js';

const open = (items = 3, high = 100) => {
  const log: string[] = [];
  const socket = { pause: () => log.push('pause'), resume: () => log.push('resume') };
  const queue = new ChunkQueue<number>({ items, bytes: 50 }, new BackPressure(socket, high), () => log.push('done'));
  const push = (...numbers: number[]) => numbers.forEach((number) => queue.push(number, 10));
  return { queue, push, log };
};
const all = async (queue: ChunkQueue<number>) => {
  const chunks: (readonly number[])[] = [];
  for await (const chunk of queue) chunks.push(chunk);
  return chunks;
};

describe('a chunk queue', () => {
  it('seals a chunk at the limit of items, and the last at the end', async () => {
    const { queue, push, log } = open();
    push(1, 2, 3, 4);
    queue.end();
    expect(log).toEqual([]);
    expect(await all(queue)).toEqual([[1, 2, 3], [4]]);
    expect(log).toEqual(['done']);
  });

  it('seals a chunk at the limit of bytes, with the item that reached it', async () => {
    const { queue } = open();
    queue.push(1, 20);
    queue.push(2, 1000);
    queue.push(3, 20);
    queue.end();
    expect(await all(queue)).toEqual([[1, 2], [3]]);
  });

  it('gives a waiting taker a chunk as soon as it is full', async () => {
    const { queue, push } = open();
    const first = queue.next();
    push(1, 2, 3);
    expect(await first).toEqual({ done: false, value: [1, 2, 3] });
    const last = queue.next();
    queue.end();
    expect(await last).toEqual({ done: true, value: undefined });
    expect(await queue.next()).toEqual({ done: true, value: undefined });
  });

  it('pauses the socket while too much waits, and resumes it when half of that has been taken', async () => {
    const { queue, push, log } = open();
    push(1, 2, 3, 4, 5, 6, 7, 8, 9);
    expect(log).toEqual([]);
    push(10, 11, 12);
    expect(log).toEqual(['pause']);
    await queue.next();
    await queue.next();
    expect(log).toEqual(['pause']);
    await queue.next();
    expect(log).toEqual(['pause', 'resume']);
  });

  it('never pauses for a chunk that cannot be taken yet', () => {
    const { push, log } = open(1000, 10);
    push(1, 2, 3, 4);
    expect(log).toEqual([]);
  });

  it('gives the error instead of what was not taken, and releases that', async () => {
    const { queue, push, log } = open(3, 20);
    push(1, 2, 3);
    queue.fail(new Error('cut'));
    await expect(queue.next()).rejects.toThrow('cut');
    expect(log).toEqual(['pause', 'resume']);
    const { queue: waiting } = open();
    const next = waiting.next();
    waiting.fail(new Error('cut'));
    await expect(next).rejects.toThrow('cut');
  });

  it('lets the rest through once it is left, and still reaches the end', async () => {
    const { queue, push, log } = open(3, 20);
    push(1, 2, 3);
    for await (const _ of queue) break;
    push(4, 5, 6, 7, 8, 9);
    expect(log).toEqual(['pause', 'resume']);
    queue.end();
    expect(log).toEqual(['pause', 'resume', 'done']);
  });

  it('is at its end at once when it is skipped after it', () => {
    const { queue, push, log } = open();
    push(1);
    queue.end();
    queue.skip();
    queue.skip();
    expect(log).toEqual(['done']);
  });
});
