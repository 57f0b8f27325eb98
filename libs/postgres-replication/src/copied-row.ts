export type CopiedRow = readonly (string | null)[];

const escapes: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** A line of COPY's text format. */
export function parseCopiedRow(line: string): CopiedRow {
  return line
    .slice(0, -1)
    .split('\t')
    .map((field) => {
      if (!field.includes('\\')) return field;
      if (field === '\\N') return null;
      return field.replace(/\\(.)/gs, (_, escaped: string) => escapes[escaped] ?? escaped);
    });
}
