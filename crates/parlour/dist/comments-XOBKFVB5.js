import{z as a}from"./shared-SUCCVWKA.js";export{a as ThreadView};
