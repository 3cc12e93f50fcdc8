// What needs no server: vote keys, focus, following the end of the chat, the theme, the history's dialog.
const typing = (at) => at && (at.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(at.tagName));
const pointer = () => window.matchMedia("(hover: hover)").matches;
const box = () => document.querySelector(".composer textarea");

export default {
  template: "<span hidden></span>",
  data() {
    return { following: false, last: 0 };
  },
  mounted() {
    document.addEventListener("keydown", this.key);
    document.addEventListener("click", this.click);
    window.addEventListener("scroll", this.scrolled, { passive: true });
    this.following = !window.location.hash && !!document.querySelector(".turn"); // an empty page starts at its top
    this.size = new ResizeObserver(() => this.follow());
    for (const part of document.querySelectorAll(".chat, .dock")) this.size.observe(part);
    const votes = document.querySelector(".votes");
    if (!votes && pointer() && !window.location.hash) box()?.focus({ preventScroll: true });
  },
  unmounted() {
    document.removeEventListener("keydown", this.key);
    document.removeEventListener("click", this.click);
    window.removeEventListener("scroll", this.scrolled);
    this.size.disconnect();
  },
  methods: {
    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !/^[1-4]$/.test(event.key)) return;
      if (typing(event.target) || document.querySelector("dialog[open]")) return;
      const bars = document.querySelectorAll(".votes");
      const button = bars[bars.length - 1]?.querySelector(`[data-key="${event.key}"]`);
      if (!button) return;
      event.preventDefault();
      button.click();
    },
    click(event) {
      const asked = event.target.closest?.("[data-does]");
      const history = document.querySelector("dialog.history");
      if (asked?.dataset.does === "theme") this.theme();
      else if (asked?.dataset.does === "history") history.showModal();
      else if (asked?.dataset.does === "close" || event.target === history) history.close();
      else if (event.target.closest?.("dialog.history a")) history.close(); // also where the link stays on this page
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
    offerComposer() {
      const at = document.activeElement;
      if (pointer() && !typing(at) && !document.querySelector("dialog[open]")) box()?.focus({ preventScroll: true });
    },
  },
};
