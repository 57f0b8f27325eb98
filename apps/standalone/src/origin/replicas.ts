import { lookup } from 'node:dns/promises';
import { isIPv6 } from 'node:net';

/** Milliseconds: a replica that answers its readiness no sooner is passed over. */
const patience = 2_500;
const pause = 1_000;

/** The addresses of a host. @throws where the name has none */
type Resolve = (hostname: string) => Promise<readonly string[]>;

const resolveByName: Resolve = async (hostname) =>
  (await lookup(hostname, { all: true })).map(({ address }) => (isIPv6(address) ? `[${address}]` : address));

/**
 * The replicas behind a host's name, which has an address for each (Docker's own name server; a Service of Kubernetes has
 * one, and balances itself). They take turns request by request: connections are kept, so turns by connection would
 * leave a new replica idle. One that is not ready is passed over while another is.
 */
export class Replicas {
  private urls: readonly string[] = [];
  private turn = 0;

  constructor(
    private readonly service: string,
    private readonly resolve: Resolve = resolveByName,
  ) {}

  /** Null while the name has no address. */
  next(): string | null {
    return this.urls[this.turn++ % (this.urls.length || 1)] ?? null;
  }

  /** Looks again every second, and keeps no process alive. Resolves when it has looked for the first time. */
  async watch(): Promise<void> {
    await this.refresh();
    setTimeout(() => void this.watch(), pause).unref();
  }

  async refresh(): Promise<void> {
    const { hostname, port } = new URL(this.service);
    const addresses = await this.resolve(hostname.replace(/^\[|\]$/g, '')).catch(() => []);
    const urls = addresses.map((address) => `http://${address}:${port || 80}`);
    const ready = await Promise.all(urls.map(isReady));
    const able = urls.filter((_, i) => ready[i]);
    this.urls = able.length > 0 ? able : urls;
  }
}

const isReady = (url: string): Promise<boolean> =>
  fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(patience) }).then(
    async (answer) => {
      await answer.body?.cancel();
      return answer.ok;
    },
    () => false,
  );
