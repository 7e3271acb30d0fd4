import{z as a}from"./shared-QNDFNF7Y.js";export{a as ThreadView};
