import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createOrigin } from './origin.js';
import { Replicas } from './replicas.js';

/** Two replicas at one port, each of its own address, by which they also answer; `ready` says which are. */
const addresses = ['127.0.0.1', '127.0.0.2'];
let servers: Server[];
let ready: Set<string>;
let known: string[];
let port: number;
let replicas: Replicas;

beforeEach(async () => {
  [servers, ready, known, port] = [[], new Set(addresses), [...addresses], 0];
  for (const address of addresses) {
    const server = createServer(({ url }, response) => {
      response.statusCode = url === '/health/ready' && !ready.has(address) ? 503 : 200;
      response.end(address);
    }).listen(port, address);
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
    servers.push(server);
  }
  replicas = new Replicas(`http://query-api:${port}`, (hostname) =>
    hostname === 'query-api' && known.length > 0 ? Promise.resolve(known) : Promise.reject(new Error('ENOTFOUND')),
  );
});
afterEach(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

const turns = (count: number) => Array.from({ length: count }, () => replicas.next());
const url = (address: string) => `http://${address}:${port}`;

describe('the replicas behind a name', () => {
  it('take turns', async () => {
    await replicas.refresh();
    expect(turns(4)).toEqual([...addresses, ...addresses].map(url));
  });

  it('are passed over while they are not ready, or gone, and come back', async () => {
    ready.delete('127.0.0.2');
    await replicas.refresh();
    expect(new Set(turns(4))).toEqual(new Set([url('127.0.0.1')]));
    ready.add('127.0.0.2');
    known = ['127.0.0.1', '127.0.0.2', '127.0.0.3'];
    await replicas.refresh();
    expect(new Set(turns(4))).toEqual(new Set(addresses.map(url)));
  });

  it('are all asked when none is ready: they say themselves what they wait for', async () => {
    ready.clear();
    await replicas.refresh();
    expect(new Set(turns(4))).toEqual(new Set(addresses.map(url)));
  });

  it('are none while the name has no address', async () => {
    expect(turns(1)).toEqual([null]);
    known = [];
    await replicas.refresh();
    expect(turns(1)).toEqual([null]);
  });

  it('answer one request after the other through the origin', async () => {
    await replicas.refresh();
    const place = { name: 'query-api', label: 'queries', prefix: '/api/queries', next: () => replicas.next() };
    const origin = createOrigin([place]);
    const at = await origin.listen({ host: '127.0.0.1', port: 0 });
    const answers: string[] = [];
    for (let i = 0; i < 4; i++) answers.push(await (await fetch(`${at}/api/queries/v1/rooms`)).text());
    origin.server.closeAllConnections();
    await origin.close();
    expect(answers).toEqual([...addresses, ...addresses]);
  });
});
