import type { JsonValue } from './record.js';

/** What Debezium sends for a value is what it sends for another, too: going on would guess. */
export class AmbiguousValue extends Error {
  readonly code = 'ambiguous-value';
  constructor(
    readonly type: string,
    readonly value: JsonValue,
    readonly reason: string,
  ) {
    super(`Debezium sent ${JSON.stringify(value).slice(0, 120)} of type ${type}: ${reason}`);
    this.name = 'AmbiguousValue';
  }
}
