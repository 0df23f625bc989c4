// A ticket that was asked for is printed as soon as it is there.
"use strict";
addEventListener("load", () => print());
