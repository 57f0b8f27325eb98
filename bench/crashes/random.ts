/** Numbers from 0 to 1, the same for the same seed. */
export type Random = () => number;

/** Park and Miller's minimal standard generator. */
export function randomOf(seed: number): Random {
  let state = (seed % 2147483646) + 1;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

export const oneOf = <Item>(items: readonly Item[], random: Random): Item =>
  items[Math.floor(random() * items.length)]!;
