import{a,b,c,d}from"./shared-JS3BPZWU.js";import"./shared-J4J3TZ4J.js";import"./shared-XM7TYOHN.js";export{a as PageError,c as channelOfKey,d as pageChannel,b as pageKey};
