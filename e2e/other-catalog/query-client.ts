import { setTimeout as sleep } from 'node:timers/promises';

export type Scalar = string | number | boolean | null;
export type Row = Readonly<Record<string, Scalar>>;

export interface AsOf {
  readonly position: number;
  readonly time: string | null;
  readonly final: boolean;
}

export interface Answer {
  readonly status: number;
  readonly code?: string;
  readonly data?: Row | readonly Row[];
  readonly page?: { readonly next_cursor: string | null; readonly total?: number };
  readonly as_of?: AsOf;
  /** Of the next page. */
  readonly next: string | null;
}

/** A reader of the query API at `url`. */
export class QueryClient {
  constructor(readonly url: string) {}

  async get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const response = await fetch(this.url + path, { headers });
    const body = (await response.json()) as Omit<Answer, 'status' | 'next'>;
    if (body.code === 'not-yet-visible') return this.get(path, headers); // the projector may have to start first
    const next = /^<(.+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1] ?? null;
    return { ...body, status: response.status, next };
  }

  /** All pages of a list from `path` on, each of the same moment. */
  async list(path: string, headers: Readonly<Record<string, string>> = {}): Promise<{ rows: Row[]; as_of: AsOf }> {
    const rows: Row[] = [];
    for (let [next, moment]: [string, AsOf | null] = [path, null]; ;) {
      const page = await this.get(next, headers);
      if (page.status !== 200) throw new Error(`${next}: ${JSON.stringify(page)}`);
      if (moment && JSON.stringify(moment) !== JSON.stringify(page.as_of)) throw new Error(`${next}: another moment`);
      rows.push(...(page.data as Row[]));
      if (page.next === null) return { rows, as_of: page.as_of! };
      [next, moment] = [page.next, page.as_of!];
    }
  }

  async untilReady(): Promise<void> {
    while ((await fetch(`${this.url}/health/ready`)).status !== 200) await sleep(50);
  }
}
