import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

/** A port that the product needs belongs to another program. */
export class PortInUse extends Error {
  readonly code = 'port-in-use';
  constructor(
    readonly port: number,
    readonly variable: string,
  ) {
    super(
      `Port ${port} is taken by another program. Stop that one, or set ${variable} to another port (0: any free one).`,
    );
    this.name = 'PortInUse';
  }
}

/** Asks before anything is started: a service that finds its port taken can only end. @throws PortInUse */
export async function assertFree(port: number, host: string, variable: string): Promise<void> {
  if (port === 0) return;
  const probe = createServer();
  try {
    probe.listen(port, host);
    await once(probe, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') throw new PortInUse(port, variable);
    throw error;
  } finally {
    probe.close();
  }
}

/** The port itself, or a free one for 0. */
export async function given(port: number): Promise<number> {
  if (port !== 0) return port;
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const free = (probe.address() as AddressInfo).port;
  await new Promise((resolve) => probe.close(resolve));
  return free;
}
