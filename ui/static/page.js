// The window hands over what it knows in its own address.
const query = new URLSearchParams(location.search);

document.getElementById("base-url").textContent = query.get("base_url");
document.getElementById("demo").hidden = !query.has("demo");
document.getElementById("simulator").hidden = !query.has("demo");
