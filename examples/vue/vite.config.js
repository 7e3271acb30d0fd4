/** Elements whose names begin so are the browser's, not Vue's. */
import vue from "@vitejs/plugin-vue";

export default { plugins: [vue({ template: { compilerOptions: { isCustomElement: (tag) => tag.startsWith("parlour-") } } })] };
