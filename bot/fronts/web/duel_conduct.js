// What needs no server: keys, focus, following the end of the chat, copying, the theme, the history's dialog.
const typing = (at) => at && (at.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(at.tagName));
const pointer = () => window.matchMedia("(hover: hover)").matches;
const box = () => document.querySelector(".composer textarea");
const last = (what) => [...document.querySelectorAll(what)].pop();

export default {
  template: "<span hidden></span>",
  data() {
    return { following: false, last: 0, opened: [] };
  },
  mounted() {
    document.addEventListener("keydown", this.key);
    document.addEventListener("click", this.click);
    window.addEventListener("scroll", this.scrolled, { passive: true });
    this.following = !window.location.hash && !!document.querySelector(".turn"); // an empty page starts at its top
    document.addEventListener("load", this.loaded, true);
    document.addEventListener("error", this.loaded, true);
    document.addEventListener("toggle", this.toggled, true);
    this.folding = new MutationObserver(() => this.fold());
    const results = document.querySelector(".results");
    if (results) this.folding.observe(results, { childList: true, subtree: true });
    this.fold();
    this.size = new ResizeObserver(() => this.follow());
    for (const part of document.querySelectorAll(".chat, .dock")) this.size.observe(part);
    const votes = document.querySelector(".votes");
    if (!votes && pointer() && !window.location.hash) box()?.focus({ preventScroll: true });
  },
  unmounted() {
    document.removeEventListener("keydown", this.key);
    document.removeEventListener("click", this.click);
    window.removeEventListener("scroll", this.scrolled);
    document.removeEventListener("load", this.loaded, true);
    document.removeEventListener("error", this.loaded, true);
    document.removeEventListener("toggle", this.toggled, true);
    this.folding.disconnect();
    this.size.disconnect();
  },
  methods: {
    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing || event.defaultPrevented || document.querySelector("dialog[open]")) return;
      const button = this.pressed(event);
      if (!button) return;
      event.preventDefault();
      button.click();
    },
    pressed(event) {
      const menu = document.querySelector("details.menu[open] > summary");
      if (event.key === "Escape" && menu) {
        menu.focus();
        return menu;
      }
      if (event.key === "Escape") return last('[data-does="stop"]'); // from within the box, too
      if (typing(event.target)) return null;
      if (/^[1-4]$/.test(event.key)) return last(".votes")?.querySelector(`[data-key="${event.key}"]`);
      if (event.key === "u") return last('[data-does="undo"]');
      const free = !event.target.closest?.("a, button, summary, [role=button]");
      return event.key === "Enter" && free ? last('[data-does="go"]') : null;
    },
    click(event) {
      const asked = event.target.closest?.("[data-does]");
      for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
      const history = document.querySelector("dialog.history");
      if (asked?.dataset.does === "theme") this.theme();
      else if (asked?.dataset.does === "copy") this.copy(asked);
      else if (asked?.dataset.does === "history") history.showModal();
      else if (asked?.dataset.does === "close" || event.target === history) history.close();
      else if (event.target.closest?.("dialog.history a")) history.close(); // also where the link stays on this page
    },
    loaded(event) {
      if (event.target.tagName === "IMG") event.target.dataset.loaded = ""; // its placeholder goes, also where it cannot be had
    },
    fold() {
      // What is folded on a phone is whatever nobody has opened yet, also where it is drawn anew.
      const narrow = window.matchMedia("(max-width: 720px)").matches;
      for (const image of document.querySelectorAll(".picture img:not([data-loaded])")) if (image.complete) image.dataset.loaded = "";
      for (const part of narrow ? document.querySelectorAll(".results .folds:not([data-seen])") : []) {
        part.dataset.seen = "";
        part.open = this.opened.includes(part.querySelector("summary").innerText);
      }
    },
    toggled(event) {
      const part = event.target;
      if (!part.matches?.(".folds[data-seen]")) return;
      const name = part.querySelector("summary").innerText;
      this.opened = this.opened.filter((each) => each !== name).concat(part.open ? [name] : []);
    },
    theme() {
      const system = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
      const next = (document.documentElement.dataset.theme || system) === "dark" ? "light" : "dark";
      if (next === system) delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = next;
      try {
        if (next === system) localStorage.removeItem("duelbot-theme");
        else localStorage.setItem("duelbot-theme", next);
      } catch {}
    },
    async copy(button) {
      // What is copied: the field beside the button, else the text that it belongs to.
      const field = button.closest(".link-row")?.querySelector("input");
      const part = button.closest(".code")?.querySelector("pre") || button.closest(".card")?.querySelector(".answer") || button.closest(".request")?.querySelector(".bubble");
      try {
        if (field) field.select();
        else getSelection().selectAllChildren(part);
        await navigator.clipboard.writeText(field ? field.value : part.innerText);
        if (!field) getSelection().removeAllRanges();
      } catch {
        if (!document.execCommand("copy")) return; // without HTTPS a browser gives no clipboard away; what is meant stays selected
      }
      button.dataset.done = "";
      setTimeout(() => delete button.dataset.done, 1500);
    },
    scrolled() {
      // Only a person scrolls up; a page that grows under us does not, and is followed.
      const page = document.documentElement;
      if (page.scrollHeight - window.innerHeight - window.scrollY < 60) this.following = true;
      else if (window.scrollY < this.last - 2) this.following = false;
      this.last = window.scrollY;
    },
    follow() {
      if (this.following) window.scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });
    },
    arrive() {
      this.following = true;
      this.follow();
    },
    offerVotes() {
      const at = document.activeElement;
      if (typing(at) && (at !== box() || at.value)) return; // never out of somebody's hands
      if (document.querySelector("dialog[open]")) return;
      const bars = document.querySelectorAll(".votes");
      bars[bars.length - 1]?.focus({ preventScroll: true });
    },
    offerGo() {
      const at = document.activeElement;
      if (typing(at) && (at !== box() || at.value)) return;
      last('[data-does="go"]')?.focus({ preventScroll: true });
    },
    offerComposer() {
      const at = document.activeElement;
      if (pointer() && !typing(at) && !document.querySelector("dialog[open]")) box()?.focus({ preventScroll: true });
    },
  },
};
