import{z as a}from"./shared-XLEN7LX7.js";export{a as ThreadView};
