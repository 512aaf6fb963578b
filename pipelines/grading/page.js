"use strict";

const players = [...document.querySelectorAll(".take")].map((take) => {
  const audio = take.querySelector("audio");
  const region = take.querySelector(".time");
  const track = take.querySelector(".track");
  const cursor = take.querySelector(".cursor");
  const durationS = Number(take.dataset.durationS);

  const show = (timeS, scroll) => {
    const share = Math.min(timeS / durationS, 1);
    cursor.hidden = false;
    cursor.style.left = `${100 * share}%`;
    const at = share * track.clientWidth;
    const out = at < region.scrollLeft || at > region.scrollLeft + 0.9 * region.clientWidth;
    if (scroll || out) region.scrollLeft = at - 0.2 * region.clientWidth;
  };
  const go = (timeS, scroll) => {
    if (audio) audio.currentTime = timeS;
    show(timeS, scroll);
  };
  track.addEventListener("click", (event) => {
    const box = track.getBoundingClientRect();
    go((durationS * (event.clientX - box.left)) / box.width, false);
  });
  if (audio) {
    const follow = () => {
      show(audio.currentTime, false);
      if (!audio.paused) requestAnimationFrame(follow);
    };
    audio.addEventListener("play", () => {
      for (const other of document.querySelectorAll("audio")) if (other !== audio) other.pause();
      follow();
    });
    audio.addEventListener("seeked", () => show(audio.currentTime, false));
  }
  return { go, region };
});

for (const link of document.querySelectorAll("a[data-at]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const { go, region } = players[Number(link.dataset.take) - 1];
    go(Number(link.dataset.at), true);
    region.scrollIntoView({ block: "nearest" });
    region.focus({ preventScroll: true });
  });
}
