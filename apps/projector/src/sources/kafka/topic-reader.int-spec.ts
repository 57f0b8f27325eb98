import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { SourceStopped } from '../postgres-slot.js';
import { campus } from '../contract/captured-tables.js';
import { RecordingReceiver } from '../contract/recording-receiver.js';
import { KafkaTopicSource } from './kafka-topic.js';

/** What answers, where a broker should, to whoever connects. */
const noBrokers: [string, (socket: Socket) => void][] = [
  ['says nothing', () => {}],
  ['hangs up', (socket) => void socket.destroy()],
];

describe('a reader that is stopped before a broker answered', () => {
  let server: Server;
  const sockets = new Set<Socket>();

  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  async function listening(answer: (socket: Socket) => void): Promise<string> {
    server = createServer((socket) => {
      sockets.add(socket.once('close', () => sockets.delete(socket)).on('error', () => {}));
      answer(socket);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const sourceOf = (broker: string) =>
    new KafkaTopicSource({
      ...{ brokers: [broker], topic: 'campus', group: 'campus', catalog: campus },
      connector: { end: async () => {}, begin: async () => {} },
    });

  it.each(noBrokers)('lets go where something else %s', async (_how, answer) => {
    const source = sourceOf(await listening(answer));
    const failure = source.start(null, new RecordingReceiver()).catch((error: Error) => error);
    await once(server, 'connection');
    await source.stop();
    expect(await failure).toBeInstanceOf(SourceStopped);
    for (const socket of sockets) await once(socket.resume(), 'close');
  });

  it('lets go where nobody listens', async () => {
    const broker = await listening(() => {});
    server.close();
    const source = sourceOf(broker);
    const failure = source.start(null, new RecordingReceiver()).catch((error: Error) => error);
    await source.stop();
    expect(await failure).toBeInstanceOf(SourceStopped);
  });
});
