// Data that is loaded from the program: loading, loaded or failed.

export class Resource<T> {
  value = $state.raw<T | null>(null);
  error = $state.raw<unknown>(null);
  loading = $state(false);
  private generation = 0;

  constructor(private readonly fetchValue: () => Promise<T>) {}

  /** Loads or reloads. The previous value stays until the new one arrives. */
  async load(): Promise<void> {
    const generation = ++this.generation;
    this.loading = true;
    try {
      const value = await this.fetchValue();
      if (generation !== this.generation) return;
      this.value = value;
      this.error = null;
    } catch (error) {
      if (generation === this.generation) this.error = error;
    } finally {
      if (generation === this.generation) this.loading = false;
    }
  }
}
