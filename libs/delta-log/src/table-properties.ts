import type { Metadata } from './action.js';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/**
 * How long readers may use what is no longer in the newest version. A query must be shorter than the first; the second
 * is how far back a version can be read.
 */
export const defaultProperties = {
  'delta.deletedFileRetentionDuration': 'interval 2 hours',
  'delta.logRetentionDuration': 'interval 24 hours',
};

/** A table property that cannot be understood. */
export class InvalidProperty extends Error {
  readonly code = 'invalid-table-property';
  constructor(
    readonly property: string,
    readonly value: string,
    wanted: string,
  ) {
    super(`Table property ${property} is ${JSON.stringify(value)}; wanted ${wanted}.`);
    this.name = 'InvalidProperty';
  }
}

/** Milliseconds that tombstones, and the files they name, are kept. Delta's default is a week. */
export const tombstoneRetention = (metadata: Metadata): number =>
  interval(metadata, 'delta.deletedFileRetentionDuration') ?? 7 * day;

/** Milliseconds that log entries are kept. Delta's default is 30 days. */
export const logRetention = (metadata: Metadata): number =>
  interval(metadata, 'delta.logRetentionDuration') ?? 30 * day;

const units: Readonly<Record<string, number>> = {
  millisecond: 1,
  second: 1000,
  minute,
  hour,
  day,
  week: 7 * day,
};

function interval({ configuration }: Metadata, property: string): number | undefined {
  const value = configuration[property];
  if (value === undefined) return undefined;
  const [, count, unit] = /^(?:interval\s+)?(\d+)\s+([a-z]+?)s?$/i.exec(value.trim()) ?? [];
  const factor = units[unit?.toLowerCase() ?? ''];
  if (!count || !factor) throw new InvalidProperty(property, value, 'an interval such as "interval 2 hours"');
  return Number(count) * factor;
}
