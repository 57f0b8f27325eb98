/** What a list asks for: the rows that pass every filter, in a total order, from somewhere on. */
import type { ColumnType, ParameterName } from '#libs/catalog';

export interface ListField {
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable?: boolean;
}

/** What may be asked of one list. */
export interface ListSpec {
  readonly fields: readonly ListField[];
  /** Names of fields that identify a row; they complete every order, and are never null. */
  readonly key: readonly string[];
  /** The order where nothing is said, as `sort` would say it; without it the key's. */
  readonly defaultSort?: string;
  /** Parameters that the endpoint reads itself. */
  readonly otherParameters?: readonly ParameterName[];
}

export type Comparison = 'eq' | 'ne' | 'gt' | 'gte' | 'lt' | 'lte';
export type Operator = Comparison | 'in' | 'contains' | 'starts_with' | 'is_null';

/**
 * A condition on one field; values are canonical texts (`canonicalText`). As in SQL, a row whose field is null passes
 * `is_null=true` alone: `ne` leaves it out as well.
 */
export type Filter =
  | { readonly field: ListField; readonly operator: Comparison | 'contains' | 'starts_with'; readonly value: string }
  | { readonly field: ListField; readonly operator: 'in'; readonly values: readonly string[] }
  | { readonly field: ListField; readonly operator: 'is_null'; readonly value: boolean };

/** Nulls come last, descending too; texts compare by their UTF-8 bytes (collation C). */
export interface SortKey {
  readonly field: ListField;
  readonly descending: boolean;
}

export interface ListQuery {
  readonly filters: readonly Filter[];
  /** Total: ends with the key. */
  readonly sort: readonly SortKey[];
  /** The fields to answer with, in the spec's order; null: all. */
  readonly fields: readonly string[] | null;
  readonly limit: number;
  readonly skip: number;
  readonly count: boolean;
  /** Where the page before ended: canonical texts in the order of `sort`. */
  readonly after: readonly (string | null)[] | null;
  /** What `nextCursor` was given for the first page; null on a first page. */
  readonly pin: string | null;
  /** Stands for everything that a cursor must find unchanged: filters, order and the caller's scope. */
  readonly fingerprint: string;
}

export const maximumLimit = 1000;
export const defaultLimit = 50;
export const maximumSkip = 10_000;

/** The operators that a field can be asked with; `eq` is the bare name. */
export function operatorsOf({ type }: ListField): readonly Operator[] {
  if (type === 'boolean') return ['eq', 'ne', 'in', 'is_null'];
  const ordered: Operator[] = ['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in', 'is_null'];
  return type === 'text' ? [...ordered, 'contains', 'starts_with'] : ordered;
}
