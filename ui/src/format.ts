// Formatting of numbers, money and times in the user's language.

import { language, plural, t } from "./i18n/index.svelte";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const NONE = "–";

export function whole(value: number): string {
  return new Intl.NumberFormat(language()).format(value);
}

/** 1,234,567 as 1.2M. */
export function compact(value: number): string {
  return new Intl.NumberFormat(language(), { notation: "compact", maximumFractionDigits: 1 }).format(value);
}

export function percent(value: number): string {
  return new Intl.NumberFormat(language(), { style: "percent", maximumFractionDigits: 0 }).format(value / 100);
}

/** Amounts below 10 cents get four digits, or they would read as zero. */
export function usd(value: number): string {
  const digits = value !== 0 && Math.abs(value) < 0.1 ? 4 : 2;
  return new Intl.NumberFormat(language(), {
    style: "currency",
    currency: "USD",
    currencyDisplay: "narrowSymbol",
    minimumFractionDigits: 2,
    maximumFractionDigits: digits,
  }).format(value);
}

export function bytes(value: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const power = Math.min(Math.floor(Math.log2(Math.max(value, 1)) / 10), units.length - 1);
  return new Intl.NumberFormat(language(), {
    style: "unit",
    unit: units[power] as string,
    unitDisplay: "short",
    maximumFractionDigits: 1,
  }).format(value / 1024 ** power);
}

/** A measured duration: 412 ms, 1.2 s, 2 min 5 s. */
export function took(ms: number): string {
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < MINUTE) return `${new Intl.NumberFormat(language(), { maximumFractionDigits: 1 }).format(ms / SECOND)} s`;
  return wait(ms);
}

/** A remaining time in its two largest units. */
export function wait(ms: number): string {
  const left = Math.max(0, ms);
  if (left < MINUTE) return t("unit.s", { s: Math.ceil(left / SECOND) });
  if (left < HOUR) {
    const values = { min: Math.floor(left / MINUTE), s: Math.floor((left % MINUTE) / SECOND) };
    return t(values.s > 0 ? "unit.min_s" : "unit.min", values);
  }
  if (left < DAY) {
    const values = { h: Math.floor(left / HOUR), min: Math.floor((left % HOUR) / MINUTE) };
    return t(values.min > 0 ? "unit.h_min" : "unit.h", values);
  }
  return plural("unit.days", Math.round(left / DAY));
}

export function ago(time_ms: number, now: number): string {
  const passed = Math.max(0, now - time_ms);
  if (passed < MINUTE) return t("unit.just_now");
  const relative = new Intl.RelativeTimeFormat(language(), { numeric: "auto", style: "short" });
  if (passed < HOUR) return relative.format(-Math.floor(passed / MINUTE), "minute");
  if (passed < DAY) return relative.format(-Math.floor(passed / HOUR), "hour");
  return relative.format(-Math.floor(passed / DAY), "day");
}

export function clock(time_ms: number): string {
  return new Intl.DateTimeFormat(language(), { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).format(time_ms);
}

export function hour(time_ms: number): string {
  return new Intl.DateTimeFormat(language(), { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(time_ms);
}

export function moment(time_ms: number): string {
  return new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" }).format(time_ms);
}

/** Whether both times (Unix ms) are on the same local day. */
export function sameDay(a: number, b: number): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

export function day(time_ms: number): string {
  return new Intl.DateTimeFormat(language(), { month: "short", day: "numeric" }).format(time_ms);
}
