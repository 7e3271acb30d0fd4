import{a,b,c,d}from"./shared-7YJBN6ZY.js";import"./shared-5KZHJIBI.js";import"./shared-J4J3TZ4J.js";export{a as PageError,c as channelOfKey,d as pageChannel,b as pageKey};
