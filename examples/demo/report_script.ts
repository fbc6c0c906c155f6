/**
 * The report's script. Without it the page is complete but for the playhead.
 *
 * @module
 */

/** Moves a playhead over the plots while the recording plays; a click on a plot seeks. */
export const PLAYHEAD_SCRIPT = `
const audio = document.querySelector("audio");
const areas = audio ? [...document.querySelectorAll(".area")] : [];
const heads = areas.map((area) => {
  const head = area.appendChild(document.createElement("i"));
  head.className = "playhead";
  area.classList.add("seekable");
  area.addEventListener("click", (event) => {
    const { left, width } = area.getBoundingClientRect();
    audio.currentTime = (event.clientX - left) / width * audio.duration;
    audio.play();
  });
  return head;
});
let frame = 0;
function draw() {
  const at = audio.currentTime / audio.duration || 0;
  for (const head of heads) {
    head.style.left = 100 * at + "%";
    head.hidden = at === 0;
  }
  cancelAnimationFrame(frame);
  if (!audio.paused) frame = requestAnimationFrame(draw);
}
if (audio) {
  for (const name of ["play", "pause", "seeking", "timeupdate"]) audio.addEventListener(name, draw);
  draw();
}
`;
