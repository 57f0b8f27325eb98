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

/** What an error says, as a sentence, and what to do about it where that is known. `cause`: the error of the system. */
export function explained(error: Error, cause: unknown = error): string {
  const { code = '', message = '' } = (cause ?? {}) as { code?: string; message?: string };
  const [, remedy] = remedies.find(([pattern]) => pattern.test(`${code} ${message}`)) ?? [];
  const said = /[.!?]$/.test(error.message) ? error.message : `${error.message}.`;
  return remedy ? `${said} ${remedy}` : said;
}
