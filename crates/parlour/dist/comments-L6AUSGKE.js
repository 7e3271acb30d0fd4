import{z as a}from"./shared-WVQ5MPZY.js";export{a as ThreadView};
