export type DeltaType =
  'string' | 'long' | 'integer' | 'short' | 'boolean' | 'date' | 'timestamp' | `decimal(${number},${number})`;

export interface DeltaField {
  name: string;
  type: DeltaType;
  nullable: boolean;
}

/** Delta protocol, "Schema Serialization Format". */
export const schemaString = (fields: readonly DeltaField[]): string =>
  JSON.stringify({
    type: 'struct',
    fields: fields.map(({ name, type, nullable }) => ({ name, type, nullable, metadata: {} })),
  });
