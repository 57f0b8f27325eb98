import type { JsonValue } from './record.js';

/**
 * Postgres' text of an array (manual, "Array Input and Output Syntax"), of one dimension or more; `textOf` gives an
 * element's. A lower bound other than 1 is not in Debezium's JSON.
 */
export function arrayText(array: readonly JsonValue[], textOf: (element: JsonValue) => string | null): string {
  const elements = array.map((element) => {
    if (Array.isArray(element)) return arrayText(element, textOf);
    const text = textOf(element);
    return text === null ? 'NULL' : quoted(text);
  });
  return `{${elements.join(',')}}`;
}

const quoted = (text: string): string =>
  text === '' || /[{}",\\\s]/.test(text) || /^null$/i.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : text;
