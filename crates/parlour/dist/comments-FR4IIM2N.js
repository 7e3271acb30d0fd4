import{z as a}from"./shared-3EXIPQYM.js";export{a as ThreadView};
