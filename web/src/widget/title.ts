/** How many comments wait to be shown, in the page's title: for pages that ask for it with `title-count`. */
import type { ThreadView } from "./comments";

const NUMBER = /^\(\d+\) /;

export function countInTitle({ arrivals, element, signal }: ThreadView): void {
  const show = (waiting: number): void => {
    const plain = document.title.replace(NUMBER, "");
    const title = waiting ? `(${waiting}) ${plain}` : plain;
    if (document.title !== title) document.title = title;
  };
  element.addEventListener("parlour:count", () => show(arrivals.held.size + arrivals.overflowed), { signal });
  signal.addEventListener("abort", () => show(0));
}
