import{z as a}from"./shared-FI6TBVQV.js";export{a as ThreadView};
