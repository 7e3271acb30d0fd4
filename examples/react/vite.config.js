/** React's newer way of compiling JSX, which needs no import of React itself. */
export default { esbuild: { jsx: "automatic" } };
