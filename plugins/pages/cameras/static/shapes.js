// The shapes that are drawn, without any page: corners in fractions of the picture, what was done, and their address.
(() => {
  "use strict";
  const LEAST = 3;
  const MOST = 100;

  // Thousandths of the picture: finer than any pixel of a standard picture matters, and short in the rules.
  const whole = (value) => Math.round(Math.min(1, Math.max(0, value)) * 1000) / 1000;
  const written = (value) => String(Number(value.toFixed(6)));

  class Shapes {
    // `inForce`: [{kind: "area" | "mask", name, corners: [[x, y], …]}, …]
    constructor(inForce) {
      this.inForce = inForce;
      this.before = [];
      this.reset();
    }

    reset() {
      let masks = 0;
      this.all = this.inForce.map((each) => ({
        ...each,
        corners: each.corners.map((corner) => [...corner]),
        kept: each.kind === "mask" ? `mask*${masks++}` : `area*${each.name}`,
        open: false,
      }));
      this.selected = this.all.length ? 0 : null;
    }

    get chosen() {
      return this.selected === null ? null : this.all[this.selected];
    }

    get drawing() {
      return this.chosen?.open ? this.chosen : null;
    }

    get changed() {
      return this.all.length !== this.inForce.length || this.all.some((each) => !each.kept);
    }

    // To be called before anything is changed.
    remember() {
      this.before.push(JSON.stringify([this.all, this.selected]));
      if (this.before.length > 100) this.before.shift();
    }

    // A corner that was taken up and put down at its place is nothing to undo.
    forgetNothing() {
      const last = this.before.at(-1);
      if (last && JSON.stringify(JSON.parse(last)[0].map((each) => each.corners)) === JSON.stringify(this.all.map((each) => each.corners))) this.before.pop();
    }

    undo() {
      if (this.before.length) [this.all, this.selected] = JSON.parse(this.before.pop());
    }

    begin(kind) {
      this.remember();
      const names = new Set(this.all.map((each) => each.name));
      let number = 1;
      while (names.has(`area_${number}`)) number += 1;
      this.all.push({ kind, name: kind === "area" ? `area_${number}` : "", corners: [], kept: null, open: true });
      this.selected = this.all.length - 1;
    }

    // A corner more: at the end, or behind corner `after`. Whether there was room for it.
    add([x, y], after = this.chosen.corners.length - 1) {
      if (this.chosen.corners.length >= MOST) return false;
      this.remember();
      this.chosen.corners.splice(after + 1, 0, [whole(x), whole(y)]);
      this.chosen.kept = null;
      return true;
    }

    // Halfway to the next corner.
    addBehind(number) {
      const { corners } = this.chosen;
      const [a, b] = [corners[number], corners[(number + 1) % corners.length]];
      return this.add([(a[0] + b[0]) / 2, (a[1] + b[1]) / 2], number);
    }

    move(number, [x, y]) {
      this.chosen.corners[number] = [whole(x), whole(y)];
      this.chosen.kept = null;
    }

    // Whether the corner could be removed: a closed shape keeps three.
    removeCorner(number) {
      if (!this.chosen.open && this.chosen.corners.length <= LEAST) return false;
      this.remember();
      this.chosen.corners.splice(number, 1);
      this.chosen.kept = null;
      return true;
    }

    // Whether the shape that is drawn could be closed.
    close() {
      if (!this.drawing || this.drawing.corners.length < LEAST) return false;
      this.remember();
      this.drawing.open = false;
      return true;
    }

    remove(number = this.selected) {
      this.remember();
      this.all.splice(number, 1);
      this.selected = this.all.length ? Math.min(number, this.all.length - 1) : null;
    }

    rename(name) {
      this.remember();
      this.chosen.name = name;
      this.chosen.kept = null;
    }

    // The closed shapes, each with its number, as the server reads them (nightjar.queries.drawn_areas).
    address() {
      const query = new URLSearchParams();
      const numbers = [];
      for (const [number, each] of this.all.entries()) {
        if (each.open) continue;
        const corners = each.corners.map((corner) => corner.map(written).join("-")).join("_");
        query.append("shape", each.kept ?? `${each.kind}*${each.kind === "area" ? each.name : ""}*${corners}`);
        numbers.push(number);
      }
      return { query: query.toString(), numbers };
    }
  }

  window.nightjarShapes = { Shapes, LEAST };
})();
