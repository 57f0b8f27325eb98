import { fileURLToPath } from 'node:url';

export class UnsupportedLake extends Error {
  readonly code = 'unsupported-lake';
  constructor(readonly url: string) {
    super(`LAKE_URL is ${JSON.stringify(url)}; wanted is a file URL like file:///var/lib/migsbyu/lake.`);
    this.name = 'UnsupportedLake';
  }
}

/** The folder behind LAKE_URL: one folder a table in it, and the watermark. @throws UnsupportedLake */
export function lakeFolder(url: string): string {
  if (!URL.canParse(url) || new URL(url).protocol !== 'file:') throw new UnsupportedLake(url);
  return fileURLToPath(url);
}
