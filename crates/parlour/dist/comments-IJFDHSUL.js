import{z as a}from"./shared-PB6FKEQ4.js";export{a as ThreadView};
