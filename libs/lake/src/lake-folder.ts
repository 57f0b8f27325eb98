import { fileURLToPath } from 'node:url';

export class UnsupportedLake extends Error {
  readonly code = 'unsupported-lake';
  constructor(
    readonly url: string,
    options?: ErrorOptions,
  ) {
    super(
      `LAKE_URL is ${JSON.stringify(url)}; wanted is a file URL like file:///var/lib/migsbyu/lake, with %, # and ? encoded.`,
      options,
    );
    this.name = 'UnsupportedLake';
  }
}

/** The folder behind LAKE_URL: one folder a table in it, and the watermark. @throws UnsupportedLake */
export function lakeFolder(url: string): string {
  // what stands behind ? or #, and a folder without its root, would be another folder than was meant
  if (!/^file:\/\/\/[^?#]*$/.test(url)) throw new UnsupportedLake(url);
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new UnsupportedLake(url, { cause });
  }
}
