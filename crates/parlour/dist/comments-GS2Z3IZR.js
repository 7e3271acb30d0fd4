import{z as a}from"./shared-HBNLQLQ7.js";export{a as ThreadView};
