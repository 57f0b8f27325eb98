import { invalid } from '#libs/problems';

/** @throws Problem (422) naming the tables that there are */
export function refuseUnknownTable(table: string, known: readonly string[]): void {
  if (known.includes(table)) return;
  const wanted = `one of ${known.join(', ')}`;
  const detail = `table is ${JSON.stringify(table)}; wanted is ${wanted}.`;
  throw invalid([{ pointer: '/table', code: 'not-a-choice', detail, got: table, wanted }]);
}
