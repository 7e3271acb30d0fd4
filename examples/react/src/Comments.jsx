/** A page's thread. The element does the rest: another `pageId` is another thread, taking it away ends it. */
import { useEffect } from "react";

const SERVER = import.meta.env.VITE_PARLOUR ?? "https://talk.example.org";

/** The loader, once for all threads of the application. */
function useParlour() {
  useEffect(() => {
    if (document.querySelector("script[data-manual]")) return;
    const script = document.createElement("script");
    script.src = `${SERVER}/embed.js`;
    script.dataset.manual = "";
    document.head.append(script);
  }, []);
}

export function Comments({ pageId }) {
  useParlour();
  return <parlour-comments page-id={pageId} />;
}
