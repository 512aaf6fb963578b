"use strict";

const STEP_S = 0.5;
const takes = [...document.querySelectorAll(".take")];

// Rounded before it is split: 59.96 s is 1:00.0, not 0:60.0.
const clock = (timeS) => {
  const tenths = Math.round(10 * timeS);
  return `${Math.floor(tenths / 600)}:${((tenths % 600) / 10).toFixed(1).padStart(4, "0")}`;
};

for (const take of takes) {
  const audio = take.querySelector("audio");
  const button = take.querySelector(".play");
  const roll = take.querySelector(".roll");
  const now = take.querySelector(".now");
  const durationS = Number(take.dataset.durationS);
  const playWords = button.getAttribute("aria-label");

  audio.controls = false;
  button.hidden = false;

  const show = () => {
    const atS = Math.min(audio.currentTime, durationS);
    roll.style.setProperty("--at", atS / durationS);
    roll.setAttribute("aria-valuenow", atS.toFixed(1));
    roll.setAttribute("aria-valuetext", `${atS.toFixed(1)} of ${durationS.toFixed(1)} seconds`);
    now.textContent = clock(atS);
  };
  const follow = () => {
    show();
    if (!audio.paused) requestAnimationFrame(follow);
  };
  const seek = (timeS) => {
    audio.currentTime = Math.max(0, Math.min(timeS, durationS));
    show();
  };
  const seekTo = (event) => {
    const box = roll.getBoundingClientRect();
    seek((durationS * (event.clientX - box.left)) / box.width);
  };
  const toggle = () => {
    if (audio.paused) audio.play().catch(refuse);
    else audio.pause();
  };
  const refuse = (error) => {
    // A play that another player's start cut short is no failure.
    if (error.name !== "AbortError") now.textContent = "cannot play FLAC:";
  };

  button.addEventListener("click", toggle);
  audio.addEventListener("play", () => {
    for (const other of document.querySelectorAll("audio")) if (other !== audio) other.pause();
    take.classList.add("playing");
    button.setAttribute("aria-label", playWords.replace("Play", "Pause"));
    follow();
  });
  audio.addEventListener("pause", () => {
    take.classList.remove("playing");
    button.setAttribute("aria-label", playWords);
    show();
  });
  // After a seek, and when a pause settles a little past where it was asked for.
  audio.addEventListener("timeupdate", show);

  roll.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    roll.setPointerCapture(event.pointerId);
    seekTo(event);
  });
  roll.addEventListener("pointermove", (event) => {
    if (roll.hasPointerCapture(event.pointerId)) seekTo(event);
  });
  roll.addEventListener("keydown", (event) => {
    const act = {
      " ": toggle,
      ArrowLeft: () => seek(audio.currentTime - STEP_S),
      ArrowDown: () => seek(audio.currentTime - STEP_S),
      ArrowRight: () => seek(audio.currentTime + STEP_S),
      ArrowUp: () => seek(audio.currentTime + STEP_S),
      Home: () => seek(0),
      End: () => seek(durationS),
    }[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
}
