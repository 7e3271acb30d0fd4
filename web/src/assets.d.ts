/** A style sheet, imported as the text that the build made small. */
declare module "*.css" {
  const text: string;
  export default text;
}
