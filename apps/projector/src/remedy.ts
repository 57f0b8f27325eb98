/** DuckDB tells its errors of the file system in words alone, with the system's own sentence among them. */
const remedies: readonly (readonly [RegExp, string])[] = [
  [/ENOSPC|EDQUOT|no space left|quota exceeded/i, 'Free space on the disk of the lake; it goes on by itself.'],
  [
    /EROFS|EACCES|EPERM|read-only file system|permission denied/i,
    'Let the projector write into the lake’s folder; it goes on by itself.',
  ],
  [/\bEIO\b|input\/output error/i, 'The disk of the lake fails; see the system’s log.'],
  [
    /ECONNREFUSED|ENOTFOUND|EHOSTUNREACH|ETIMEDOUT|ECONNRESET/,
    'See whether the source runs and can be reached; it goes on by itself.',
  ],
];

/** A sentence, after a blank, that tells what to do about an error of the system; nothing where nobody knows. */
export function remedyOf(error: unknown): string {
  const { code = '', message = '' } = (error ?? {}) as { code?: string; message?: string };
  const [, remedy] = remedies.find(([pattern]) => pattern.test(`${code} ${message}`)) ?? [];
  return remedy ? ` ${remedy}` : '';
}
