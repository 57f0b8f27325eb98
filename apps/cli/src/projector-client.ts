/** The projector's HTTP interface, as far as the commands need it. */
import { setTimeout as sleep } from 'node:timers/promises';

export class Unreachable extends Error {
  readonly code = 'unreachable';
  constructor(
    readonly url: string,
    cause: unknown,
  ) {
    super(`No projector answers at ${url}: ${reasonOf(cause)}. Start it, or name its address with --projector.`);
    this.name = 'Unreachable';
  }
}

/** fetch says "fetch failed", and why only in its cause. */
function reasonOf(cause: unknown): string {
  const { message, cause: deeper } = cause as Error & { cause?: { code?: string; message?: string } };
  return deeper?.code ?? (deeper?.message || message);
}

/** The projector's answer is a problem document (RFC 9457). */
export class Refused extends Error {
  readonly code: string;
  constructor(
    readonly status: number,
    readonly problem: Readonly<Record<string, unknown>>,
  ) {
    super(String(problem['detail']));
    this.name = 'Refused';
    this.code = String(problem['code']);
  }
}

export type Method = 'GET' | 'POST';
type Answer = Readonly<Record<string, unknown>>;

export class ProjectorClient {
  /** `url`: the projector's own address, or the place under which standalone shows it. */
  constructor(
    readonly url: string,
    private readonly patience = 10_000,
  ) {}

  /** @throws Unreachable, Refused */
  async ask(method: Method, path: string, body?: object): Promise<Answer> {
    const answer = await this.fetch(method, path, body);
    const parsed = await this.parse(answer);
    if (!answer.ok) throw new Refused(answer.status, parsed);
    return parsed;
  }

  /** Resolves once it is gone; its answer has no body. @throws Unreachable, Refused */
  async delete(path: string): Promise<void> {
    const answer = await this.fetch('DELETE', path);
    if (answer.status !== 204) throw new Refused(answer.status, await this.parse(answer));
  }

  /** For a question that may be asked twice: a connection that breaks, or a restart, ends no long wait. */
  async askPatiently(path: string): Promise<Answer> {
    const until = performance.now() + this.patience;
    for (;;) {
      try {
        return await this.ask('GET', path);
      } catch (error) {
        if (!isPassing(error) || performance.now() > until) throw error;
        await sleep(200);
      }
    }
  }

  private async fetch(method: Method | 'DELETE', path: string, body?: object): Promise<Response> {
    const payload = body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    try {
      return await fetch(`${this.url.replace(/\/+$/, '')}${path}`, { method, ...payload });
    } catch (error) {
      throw new Unreachable(this.url, error);
    }
  }

  private async parse(answer: Response): Promise<Answer> {
    const text = await answer.text();
    try {
      const parsed: unknown = JSON.parse(text);
      if (typeof parsed === 'object' && parsed !== null && (answer.ok || 'code' in parsed)) return parsed as Answer;
    } catch {
      // no JSON: no projector
    }
    throw new Unreachable(this.url, new Error(`its answer is ${answer.status} ${JSON.stringify(text.slice(0, 60))}`));
  }
}

const isPassing = (error: unknown): boolean =>
  error instanceof Unreachable || (error instanceof Refused && error.status === 503);
