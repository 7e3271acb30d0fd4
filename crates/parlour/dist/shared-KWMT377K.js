import{a,b,c,d}from"./shared-N6M3YYNN.js";import"./shared-J4J3TZ4J.js";import"./shared-5KZHJIBI.js";export{a as PageError,c as channelOfKey,d as pageChannel,b as pageKey};
