import{z as a}from"./shared-QM6X6EEU.js";export{a as ThreadView};
