/** What keeps this reader from answering, or from going on. Their sentences name no folder: whoever asks may read them. */

/** The lake, or a part of it, cannot be read now. */
export class LakeUnavailable extends Error {
  readonly code: string = 'unavailable';
  constructor(detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.name = new.target.name;
  }
}

/** A query took longer than it may. */
export class QueryTimedOut extends LakeUnavailable {
  override readonly code = 'query-timed-out';
  constructor(readonly seconds: number) {
    super(`The query was ended after ${seconds} s (QUERY_TIMEOUT_SECONDS). Ask for less, or filter by more.`);
  }
}

/** More changes wait to be folded than this reader takes into its memory. */
export class TailTooLong extends LakeUnavailable {
  override readonly code = 'tail-too-long';
  constructor(
    readonly changes: number,
    readonly ceiling: number,
    /** The lake's last position. */
    readonly tip: number,
  ) {
    super(
      `${changes} changes up to position ${tip} are not folded, and this reader takes ${ceiling} (TAIL_CHANGES). It goes on when the projector has folded them.`,
    );
  }
}

/** DuckDB may not take the memory that it needs. */
export class MemoryLimitReached extends LakeUnavailable {
  override readonly code = 'memory-limit-reached';
  constructor(what: string, options?: ErrorOptions) {
    super(`${what} needs more memory than this reader may take (MEMORY_LIMIT).`, options);
  }
}

/** A file that the lake's newest version names is not there. */
export class FileMissing extends LakeUnavailable {
  override readonly code = 'file-missing';
  constructor(
    readonly path: string,
    options?: ErrorOptions,
  ) {
    super(
      'A file of the lake cannot be read. The lake is being opened anew; if that does not help, restore it.',
      options,
    );
  }
}

/** Codes of errors of libraries whose sentences name no folder either. */
const harmless = new Set(['foreign-file', 'unsupported-file', 'unsupported-table']);

/** What anybody may read of a failure: the log has the rest, which may name folders, and they are nobody's business outside. */
export function told(failure: Error | null): string {
  if (!failure) return 'The lake was not opened yet.';
  const { code } = failure as { code?: string };
  if (failure instanceof LakeUnavailable || harmless.has(code ?? '')) return failure.message;
  return `Following the lake fails${code ? ` (${code})` : ''}; the log of the query API says where.`;
}

/** DuckDB's words for an end of memory, of time, and of a file; other errors as they are. */
export const isOutOfMemory = (error: unknown): boolean => startsWith(error, 'Out of Memory Error');
export const isInterrupted = (error: unknown): boolean => startsWith(error, 'INTERRUPT Error');
export const isUnreadableFile = (error: unknown): boolean => startsWith(error, 'IO Error');

const startsWith = (error: unknown, words: string): boolean =>
  String((error as { readonly message?: unknown } | null)?.message).startsWith(words);
