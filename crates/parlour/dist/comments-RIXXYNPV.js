import{z as a}from"./shared-APVFJ3N5.js";export{a as ThreadView};
