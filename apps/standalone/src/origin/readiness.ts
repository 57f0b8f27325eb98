import { isProblemCode, Problem, type ProblemCode } from '#libs/problems';

/** A service as the origin sees it. */
export interface Upstream {
  readonly name: string;
  readonly label: string;
  readonly prefix: string;
  /** Base URL for the next request; null while it takes none. */
  next(): string | null;
}

export interface ServiceCheck {
  readonly name: string;
  readonly status: 'up' | 'down';
  readonly detail?: string;
}

/** A service answers its own within 2 s, whatever it waits for. */
const PATIENCE = 3_000;

/** @throws Problem (503) naming every service that is not ready, with the first one's code. */
export async function checkReadiness(upstreams: readonly Upstream[]): Promise<ServiceCheck[]> {
  const results = await Promise.all(upstreams.map(readinessOf));
  const checks = results.map(({ check }) => check);
  const down = results.filter(({ check }) => check.status === 'down');
  if (down.length === 0) return checks;
  const detail = down.map(({ check }) => `${check.name}: ${check.detail}`).join(' ');
  throw new Problem(down[0]!.code, detail, { extra: { checks }, retryAfter: 1 });
}

async function readinessOf(upstream: Upstream): Promise<{ check: ServiceCheck; code: ProblemCode }> {
  const [name, url] = [upstream.name, upstream.next()];
  const down = (detail: string, code: ProblemCode = 'unavailable') => ({
    check: { name, status: 'down' as const, detail },
    code,
  });
  if (url === null) return down('It is starting.');
  try {
    const answer = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(PATIENCE) });
    const { code, detail } = (await answer.json()) as { code?: string; detail?: string };
    if (answer.ok) return { check: { name, status: 'up' }, code: 'unavailable' };
    return down(
      detail ?? `It answers with status ${answer.status}.`,
      isProblemCode(code ?? '') ? (code as ProblemCode) : undefined,
    );
  } catch {
    return down('It does not answer.');
  }
}
