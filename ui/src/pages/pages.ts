// The pages: every folder here with a `page.ts` is one. Its name is the page's id, and the address `#/id`.

import type { Component } from "svelte";

import type { IconName } from "../components/icons";
import type { Status } from "../control/types";
import type { Key } from "../i18n/index.svelte";

/** What `page.ts` exports by default. */
export interface PageDefinition {
  title: Key;
  icon: IconName;
  /** Position in the sidebar, ascending. The first page is the start page. */
  order: number;
  component: Component<{ status: Status }>;
  /** Number of things that need attention, shown in the sidebar. */
  attention?: (status: Status) => number;
}

export interface Page extends PageDefinition {
  id: string;
}

const DEFINITIONS = import.meta.glob<PageDefinition>("./*/page.ts", { eager: true, import: "default" });

export const PAGES: readonly Page[] = Object.entries(DEFINITIONS)
  .map(([path, definition]) => ({ id: path.split("/")[1] ?? "", ...definition }))
  .sort((a, b) => a.order - b.order);
