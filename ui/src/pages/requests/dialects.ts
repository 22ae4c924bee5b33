// Display names of the dialects.

export const DIALECTS: readonly (readonly [id: string, name: string])[] = [
  ["openai-chat", "OpenAI Chat"],
  ["openai-responses", "Responses"],
  ["openai-completions", "Completions"],
  ["anthropic", "Anthropic"],
  ["ollama-chat", "Ollama Chat"],
  ["ollama-generate", "Ollama Generate"],
];

export function dialectName(id: string): string {
  return DIALECTS.find(([known]) => known === id)?.[1] ?? id;
}
