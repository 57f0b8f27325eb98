/** Something that happened. `data` is JSON: only the fields concerned, decimals as strings, dates as ISO text. */
export interface DomainEvent {
  readonly type: string;
  readonly data: object;
}

/** The rules of one aggregate, pure: no clock, no ids, no I/O. */
export interface Decider<State, Command, Event extends DomainEvent> {
  readonly initialState: State;
  evolve(state: State, event: Event): State;
  /** What happens because of the command; nothing where it asks for what already is. @throws Rejection */
  decide(state: State, command: Command): readonly Event[];
}
