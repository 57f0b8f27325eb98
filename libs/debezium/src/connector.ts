/** The Debezium connector in Kafka Connect, by Connect's REST interface (Kafka documentation, "Kafka Connect", REST API). */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

export type ConnectorConfig = Readonly<Record<string, string>>;

export type Applied = 'created' | 'updated' | 'unchanged';

export interface ConnectorStatus {
  /** RUNNING, PAUSED, STOPPED, FAILED, UNASSIGNED, RESTARTING. */
  readonly connector: string;
  /** null while it has none. */
  readonly task: string | null;
  /** Why the task failed. */
  readonly trace: string | null;
}

/** Connect refuses, or is not there. */
export class ConnectFailed extends Error {
  readonly code = 'connect-failed';
  constructor(
    readonly url: string,
    reason: string,
    options?: ErrorOptions,
  ) {
    super(`Kafka Connect at ${url}: ${reason}`, options);
    this.name = 'ConnectFailed';
  }
}

/** Connect answers 409 while its group rebalances. */
const [busy, busyPause, busyTries] = [409, 200, 100];
const statePause = 100;
/** States in which a connector, or its task, does nothing until somebody starts it again. */
export const atRest: ReadonlySet<string> = new Set(['FAILED', 'STOPPED', 'PAUSED']);

export class Connector {
  /** `url` is that of Connect's REST interface. */
  constructor(
    private readonly url: string,
    readonly name: string,
  ) {}

  /** Made, or made to be as given. One that is so already is left alone: a put would start its task anew. */
  async apply(config: ConnectorConfig): Promise<Applied> {
    const now = await this.config();
    if (now && isDeepStrictEqual({ ...now, name: this.name }, { ...config, name: this.name })) return 'unchanged';
    await this.ask('PUT', '/config', config);
    return now ? 'updated' : 'created';
  }

  /** null if there is no such connector. Connect adds its name. */
  async config(): Promise<ConnectorConfig | null> {
    return (await this.ask('GET', '/config')) as ConnectorConfig | null;
  }

  /** null if there is no such connector. */
  async status(): Promise<ConnectorStatus | null> {
    const status = (await this.ask('GET', '/status')) as {
      connector: { state: string };
      tasks: { state: string; trace?: string }[];
    } | null;
    if (!status) return null;
    const [task] = status.tasks;
    return { connector: status.connector.state, task: task?.state ?? null, trace: task?.trace ?? null };
  }

  /** Its status once its task runs, has failed, or is not to run; after `within` milliseconds whatever it is. */
  async settled(within: number): Promise<ConnectorStatus | null> {
    for (const deadline = Date.now() + within; ; await sleep(statePause)) {
      const status = await this.status();
      const over = status && (['RUNNING', 'FAILED'].includes(status.task ?? '') || atRest.has(status.connector));
      if (over || Date.now() >= deadline) return status;
    }
  }

  /** Connector and task anew; one that somebody paused or stopped goes on. */
  async restart(): Promise<void> {
    const status = await this.status();
    if (status?.connector === 'PAUSED' || status?.connector === 'STOPPED') await this.ask('PUT', '/resume');
    else await this.ask('POST', '/restart?includeTasks=true&onlyFailed=false');
  }

  async remove(): Promise<void> {
    await this.ask('DELETE', '');
  }

  /**
   * Ends the connector's epoch: it is stopped with its slot dropped and its offsets forgotten. `begin` starts the next,
   * whose snapshot and slot begin at one point: an existing slot's snapshot could miss what commits beside it.
   */
  async end(signal: AbortSignal): Promise<void> {
    await this.apply({ ...(await this.present()), 'slot.drop.on.stop': 'true' });
    await this.until(
      ({ connector, task }) => connector === 'RUNNING' && task !== null && task !== 'UNASSIGNED',
      signal,
    );
    await this.ask('PUT', '/stop');
    await this.until(({ connector, task }) => connector === 'STOPPED' && task === null, signal);
    await this.ask('DELETE', '/offsets');
  }

  async begin(): Promise<void> {
    await this.apply({ ...(await this.present()), 'slot.drop.on.stop': 'false' });
    await this.ask('PUT', '/resume');
  }

  private async present(): Promise<ConnectorConfig> {
    const config = await this.config();
    if (!config) throw new ConnectFailed(this.url, `there is no connector ${this.name}: migsbyu connector apply.`);
    return config;
  }

  private async until(reached: (status: ConnectorStatus) => boolean, signal: AbortSignal): Promise<void> {
    for (;;) {
      const status = await this.status();
      if (status && reached(status)) return;
      await sleep(statePause, undefined, { signal });
    }
  }

  private async ask(method: string, path: string, body?: object): Promise<unknown> {
    const target = `${this.url.replace(/\/+$/, '')}/connectors/${encodeURIComponent(this.name)}${path}`;
    for (let tries = 1; ; tries++) {
      const answer = await this.send(target, method, body);
      if (answer.status === busy && tries < busyTries) await sleep(busyPause);
      else return this.read(answer, method);
    }
  }

  private async read(answer: Response, method: string): Promise<unknown> {
    const text = await answer.text();
    const isConnect = text === '' || answer.headers.get('content-type')?.includes('json');
    if (!isConnect)
      throw new ConnectFailed(this.url, `its answer is ${answer.status} ${JSON.stringify(text.slice(0, 60))}`);
    const body = JSON.parse(text || 'null') as { message?: string } | null;
    if (answer.status === 404 && method === 'GET') return null;
    if (!answer.ok) throw new ConnectFailed(this.url, reasonOf(answer.status, body?.message ?? text));
    return body;
  }

  private async send(target: string, method: string, body?: object): Promise<Response> {
    const headers = { 'content-type': 'application/json' };
    try {
      return await fetch(target, {
        ...{ method, headers, signal: AbortSignal.timeout(30_000) },
        ...(body && { body: JSON.stringify(body) }),
      });
    } catch (error) {
      const { code } = ((error as Error).cause ?? {}) as { code?: string };
      throw new ConnectFailed(this.url, `it does not answer${code ? ` (${code})` : ''}.`, { cause: error });
    }
  }
}

/** Connect's own words, but for the list of all classes that it knows. */
function reasonOf(status: number, message: string): string {
  const [, missing] = /Failed to find any class .* name matches ([\w.$]+)/.exec(message) ?? [];
  if (missing)
    return `it does not know the class ${missing}: put the Debezium connector (deploy/kafka/pom.xml) on its class path.`;
  const [...unset] = new Set(message.match(/(?<=\$\{env:)\w+(?=\})/g));
  if (unset.length > 0)
    return `its environment lacks ${unset.join(', ')}, which deploy/debezium/connector.json asks for.`;
  return `it refuses (${status}): ${message.trim()}`;
}
