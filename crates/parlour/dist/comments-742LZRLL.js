import{z as a}from"./shared-5C3UDASI.js";export{a as ThreadView};
