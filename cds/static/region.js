"use strict";

// Loads the region of a change into the page: the solver needs some seconds, and nobody should wait for the rest.
(() => {
  for (const place of document.querySelectorAll("[data-region]")) {
    const link = place.innerHTML;
    const address = new URL(place.dataset.region, window.location.href);
    address.searchParams.set("part", "1");
    place.textContent = "Being worked out …";
    fetch(address)
      .then(async (response) => {
        // Redirected: the session has ended; the link leads to where one signs in, and back.
        if (!response.ok || response.redirected) throw new Error(response.statusText);
        place.innerHTML = await response.text();
      })
      .catch(() => {
        place.innerHTML = link;
      });
  }
})();
