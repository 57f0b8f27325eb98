/** A position in Postgres' write-ahead log, in bytes. Kept as a number: 2^53 bytes are eight petabytes of log. */
export type Lsn = number;

/** As Postgres prints it: `0/16B3748`. */
export const formatLsn = (lsn: Lsn): string =>
  `${Math.floor(lsn / 2 ** 32).toString(16)}/${(lsn % 2 ** 32).toString(16)}`.toUpperCase();

/** @throws RangeError if the text is no LSN. */
export function parseLsn(text: string): Lsn {
  const parts = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text);
  if (!parts) throw new RangeError(`${JSON.stringify(text)} is no LSN; wanted two hex numbers like 0/16B3748`);
  return Number.parseInt(parts[1]!, 16) * 2 ** 32 + Number.parseInt(parts[2]!, 16);
}
