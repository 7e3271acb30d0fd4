var e=3500,o=2500,n={bodyCharacters:1e4,chatCharacters:1e3,nameCharacters:60,titleCharacters:300,urlCharacters:2048,subscriptions:128,messageBytes:65536};export{e as a,o as b,n as c};
