import{A as a}from"./shared-FBIGFKXD.js";import"./shared-4XFM7745.js";export{a as ThreadView};
