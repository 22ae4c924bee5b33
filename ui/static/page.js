// The window hands over what it knows in its own address.
const query = new URLSearchParams(location.search);
const address = query.get("address");

document.getElementById("demo").hidden = !query.has("demo");
document.getElementById("running").hidden = !address;
document.getElementById("idle").hidden = Boolean(address);
document.getElementById("address").textContent = address ? `${address}/v1` : "";
