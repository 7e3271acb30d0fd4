/** What was typed and not sent, kept in the browser for each page and comment answered, the newest fifty. */
import { storageOf } from "./storage";

const KEY = "parlour:drafts";
const DRAFTS_MAX = 50;
/** What is typed and could not be kept. */
const unkept = new Set<string>();

/** Whether leaving the page would lose what is typed. */
export const isUnkept = (): boolean => unkept.size > 0;

function read(): Record<string, string> {
  try {
    return JSON.parse(storageOf("localStorage")?.getItem(KEY) ?? "{}") as Record<string, string>;
  } catch {
    // Blocked or broken storage is an empty one.
    return {};
  }
}

/** The draft kept under `name`, or nothing. */
export const readDraft = (name: string): string => read()[name] ?? "";

/** Keeps `text` under `name`; an empty one is forgotten. */
export function keepDraft(name: string, text: string): void {
  const { [name]: _, ...others } = read();
  const all = Object.entries(others);
  if (text.trim()) all.push([name, text]);
  let isKept = false;
  try {
    const storage = storageOf("localStorage");
    if (all.length) storage?.setItem(KEY, JSON.stringify(Object.fromEntries(all.slice(-DRAFTS_MAX))));
    else storage?.removeItem(KEY);
    isKept = storage !== null;
  } catch {
    // Full: it is there as long as the page is, as where the browser blocks its storage.
  }
  if (isKept || !text.trim()) unkept.delete(name);
  else unkept.add(name);
}
