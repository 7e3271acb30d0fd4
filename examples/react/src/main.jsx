/** Two pages, and links that change the address without loading the page anew. */
import { useState } from "react";
import { createRoot } from "react-dom/client";
import { Comments } from "./Comments.jsx";

const PAGES = { first: "The first page", second: "The second page" };

function App() {
  const [page, setPage] = useState("first");
  return (
    <>
      <nav>
        {Object.entries(PAGES).map(([id, title]) => (
          <button key={id} onClick={() => setPage(id)}>{title}</button>
        ))}
      </nav>
      <h1>{PAGES[page]}</h1>
      <p>Some text that people talk about.</p>
      <Comments pageId={`react-${page}`} />
    </>
  );
}

createRoot(document.getElementById("root")).render(<App />);
