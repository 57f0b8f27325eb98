import { Problem, type ProblemCode } from '#libs/problems';

/** Something that a service needs in order to answer. */
export interface ReadinessIndicator {
  /** As the answer names it: `database`. */
  readonly name: string;
  /**
   * Resolves if it is there, with what is not as it should be although it is, if anything. A Problem's code and detail go
   * into the answer; of any other error the client learns only that the thing is away.
   */
  check(): Promise<string | void>;
}

export interface Check {
  readonly name: string;
  readonly status: 'up' | 'down';
  readonly detail?: string;
}

const patience = 2_000;

/** Whether the service should get requests now: everything it needs is there, and it is not stopping. */
export class Readiness {
  private indicators: readonly ReadinessIndicator[] = [];
  private stopping = false;

  watch(indicators: readonly ReadinessIndicator[]): void {
    this.indicators = indicators;
  }

  /** From here on the service is not ready, whatever its indicators say. */
  stop(): void {
    this.stopping = true;
  }

  get isStopping(): boolean {
    return this.stopping;
  }

  /** @throws Problem (503) naming everything that is away. */
  async check(): Promise<Check[]> {
    if (this.stopping) throw stopping();
    const results = await Promise.all(this.indicators.map((indicator) => outcome(indicator)));
    const checks = results.map(({ check }) => check);
    const down = results.filter(({ check }) => check.status === 'down');
    if (down.length === 0) return checks;
    const detail = down.map(({ check }) => `${check.name}: ${check.detail}`).join(' ');
    throw new Problem(down[0]!.code, detail, { extra: { checks }, retryAfter: 1 });
  }
}

export const stopping = () => new Problem('unavailable', 'The service is stopping.', { retryAfter: 1 });

async function outcome(indicator: ReadinessIndicator): Promise<{ check: Check; code: ProblemCode }> {
  const { name } = indicator;
  try {
    const detail = await withinPatience(indicator.check());
    return { check: { name, status: 'up', ...(detail && { detail }) }, code: 'unavailable' };
  } catch (error) {
    const known = error instanceof Problem;
    const detail = known ? error.detail : 'It does not answer.';
    return {
      check: { name, status: 'down', detail },
      code: known && error.status === 503 ? error.code : 'unavailable',
    };
  }
}

async function withinPatience<T>(work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${patience} ms`)), patience);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
