import{z as a}from"./shared-ZUZGRVUD.js";export{a as ThreadView};
