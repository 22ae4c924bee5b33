// The names people know the dialects by.

export const DIALECTS: readonly (readonly [id: string, name: string])[] = [
  ["openai_chat", "OpenAI Chat"],
  ["openai_responses", "Responses"],
  ["openai_completions", "Completions"],
  ["openai_embeddings", "Embeddings"],
  ["openai_models", "Models"],
  ["anthropic", "Anthropic"],
  ["ollama", "Ollama"],
];

export function dialectName(id: string): string {
  return DIALECTS.find(([known]) => known === id)?.[1] ?? id;
}
