// Progressive enhancement only: every page does its whole job without this file.
(() => {
  "use strict";

  // A page that Back brings out of the browser's memory is asked for again:
  // after a sign-out it must show nothing.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });

  // The list of sessions: tick all, count the ticked ones in the button. Where no row can be ended there is no button.
  const form = document.querySelector("form[data-bulk]");
  const end = form?.querySelector("[data-bulk-end]");
  if (!end) return;
  const all = form.querySelector("[data-bulk-all]");
  const boxes = [...form.querySelectorAll("input[name=session]")];
  const idle = end.textContent;

  const update = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    end.disabled = ticked === 0;
    end.textContent = ticked === 0 ? idle : `End ${ticked} session${ticked === 1 ? "" : "s"}`;
    all.checked = ticked > 0 && ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
    for (const box of boxes) box.closest("tr").classList.toggle("is-ticked", box.checked);
  };

  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    update();
  });
  form.addEventListener("change", (event) => {
    if (event.target.name === "session") update();
  });
  // A browser may restore ticks after this script has run.
  addEventListener("pageshow", update);

  if (boxes.length > 0) all.closest("label").hidden = false;
  update();
})();
