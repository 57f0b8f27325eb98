/**
 * Files that a query could not read: vacuumed since its cut, or lost. If the lake as it is followed does not name them,
 * the next query has another cut already.
 */
import { existsSync } from 'node:fs';
import type { FollowedLake } from './followed-lake.js';
import { FileMissing } from './lake-unavailable.js';

export class LostFiles {
  private paths: string[] = [];
  private news: FileMissing | null = null;

  /** If the lake was opened anew for what is missing already, that did not help, and is not done again. */
  suspect(lake: FollowedLake, cause: Error): void {
    const missing = lake.paths().filter((path) => !existsSync(path));
    const known = missing.every((path) => this.paths.includes(path));
    this.paths = missing;
    if (missing.length > 0 && !known) this.news = new FileMissing(missing[0]!, { cause });
  }

  /** @throws FileMissing once for each suspicion */
  throwIfNew(): void {
    const { news } = this;
    this.news = null;
    if (news) throw news;
  }

  /** What the lake, read on since, still names and has not got. */
  stillMissing(lake: FollowedLake): FileMissing | null {
    if (this.paths.length === 0) return null;
    const named = new Set(lake.paths());
    this.paths = this.paths.filter((path) => named.has(path) && !existsSync(path));
    return this.paths.length > 0 ? new FileMissing(this.paths[0]!) : null;
  }
}
