import { Gauge, Registry } from 'prom-client';
import type { Freshness, Reader } from '../follower/reader.js';

/** The reader's figures, taken when they are asked for. */
export function readerMetrics(reader: Pick<Reader, 'freshness'>): Registry {
  const registry = new Registry();
  const gauge = (name: string, help: string, of: (freshness: Freshness) => number | null) =>
    new Gauge({
      name: `migsbyu_reader_${name}`,
      help,
      registers: [registry],
      collect() {
        const value = of(reader.freshness());
        if (value === null) this.remove();
        else this.set(value);
      },
    });
  gauge('position', 'Last position that answers show.', ({ position }) => position);
  gauge('lag_positions', 'Positions in the lake that answers do not show.', ({ lagPositions }) => lagPositions);
  gauge('lag_seconds', 'Age of the moment up to which answers are complete.', ({ lagSeconds }) => lagSeconds);
  gauge('tail_changes', 'Changes in memory because they are not folded.', ({ tailChanges }) => tailChanges);
  gauge('ready', '1 while this reader may be asked.', ({ ready }) => (ready ? 1 : 0));
  gauge('failing', '1 while the lake cannot be followed.', ({ failure }) => (failure ? 1 : 0));
  gauge(
    'drifted_tables',
    'Tables whose versions were made by another catalog entry.',
    ({ folds }) => folds.filter(({ drift }) => drift).length,
  );
  return registry;
}
