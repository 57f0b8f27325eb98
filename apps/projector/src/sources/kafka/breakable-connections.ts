import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ISocketFactory } from 'kafkajs';

const keepAlive = 60_000;

/**
 * The connections of a Kafka client, which tries again for ever and cannot be told to stop: broken off, what is under way
 * fails, and so does each further attempt.
 */
export class BreakableConnections {
  private readonly sockets = new Set<Socket>();
  private broken = false;

  /** `addresses`: each `host:port`. */
  constructor(private readonly addresses: readonly string[]) {}

  /** Without an address the client gives up; after any other error it would try again. */
  readonly brokers = (): string[] => (this.broken ? [] : [...this.addresses]);

  readonly socketFactory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    if (this.broken) throw new Error('The client is closed.');
    const socket = ssl
      ? connectTls({ host, port, servername: host, ...ssl }, onConnect)
      : connectTcp({ host, port }, onConnect);
    this.sockets.add(socket.setKeepAlive(true, keepAlive));
    return socket.once('close', () => this.sockets.delete(socket));
  };

  breakOff(): void {
    this.broken = true;
    // without an error the client would wait for the answers to what it asked
    for (const socket of this.sockets) socket.destroy(new Error('The client is closed.'));
  }
}
