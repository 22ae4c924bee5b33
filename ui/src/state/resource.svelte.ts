// One answer of the program, with the states that a view must draw: not here yet, here, failed.

export class Loaded<T> {
  value = $state.raw<T | null>(null);
  error = $state.raw<unknown>(null);
  loading = $state(false);
  private round = 0;

  constructor(private readonly ask: () => Promise<T>) {}

  /** Asks (again). What is shown stays until the answer is here. */
  async load(): Promise<void> {
    const round = ++this.round;
    this.loading = true;
    try {
      const value = await this.ask();
      if (round !== this.round) return;
      this.value = value;
      this.error = null;
    } catch (error) {
      if (round === this.round) this.error = error;
    } finally {
      if (round === this.round) this.loading = false;
    }
  }
}
