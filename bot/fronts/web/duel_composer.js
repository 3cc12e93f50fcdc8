// The composer: grows with its text, sends on Enter, and forgets nothing until the server has taken it.
const place = (draft) => `duelbot-draft:${draft}`;

export default {
  template: `
    <form class="composer" @submit.prevent="send" :aria-disabled="off ? 'true' : undefined">
      <textarea ref="box" v-model="text" rows="1" :disabled="off" dir="auto" enterkeyhint="send"
        aria-label="Your request" aria-describedby="composer-hint"
        :placeholder="off ? 'No model to ask' : 'Ask something…'"
        @keydown.enter.exact="enter" @input="changed"></textarea>
      <div class="composer-foot">
        <div class="composer-hint" id="composer-hint"><slot></slot></div>
        <span v-if="text.length > limit * 0.8" class="count" :class="{over: length > limit}" role="status">
          {{ length.toLocaleString('en') }} / {{ limit.toLocaleString('en') }}</span>
        <button type="submit" class="send" :disabled="off || sending || !text.trim()" aria-label="Send the request" title="Send (Enter)">
          <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 19V6M6 11.5L12 5.5l6 6"/></svg>
        </button>
      </div>
    </form>
  `,
  props: { draft: String, limit: Number, off: Boolean },
  emits: ["send", "toolong"],
  data() {
    return { text: "", sending: false, sent: "" };
  },
  computed: {
    length() {
      return this.text.length > this.limit ? [...this.text].length : this.text.length;
    },
  },
  watch: {
    draft(now, before) {
      // A new conversation has got its address, under which a reload will look for the text.
      try {
        sessionStorage.removeItem(place(before));
      } catch {}
      this.keep();
    },
  },
  mounted() {
    try {
      this.text = sessionStorage.getItem(place(this.draft)) || "";
    } catch {}
    this.$nextTick(this.grow);
  },
  methods: {
    enter(event) {
      if (event.isComposing) return; // the Enter that ends a word of an input method
      event.preventDefault();
      this.send();
    },
    changed() {
      this.keep();
      this.grow();
    },
    send() {
      if (this.off || this.sending || !this.text.trim()) return;
      if (this.length > this.limit) {
        this.$emit("toolong", this.length); // the text itself may be too much for one message
        return;
      }
      this.sending = true;
      this.sent = this.text;
      this.$emit("send", this.text);
      setTimeout(() => (this.sending = false), 8000); // a lost connection must not lock the box
    },
    accepted() {
      this.sending = false;
      if (this.text === this.sent) this.text = ""; // what was typed meanwhile stays
      this.changed();
    },
    refused() {
      this.sending = false;
      this.$refs.box.focus();
    },
    keep() {
      try {
        if (this.text) sessionStorage.setItem(place(this.draft), this.text);
        else sessionStorage.removeItem(place(this.draft));
      } catch {} // a full or forbidden storage costs the draft after a reload, not the text
    },
    grow() {
      this.$nextTick(() => {
        const box = this.$refs.box;
        if (!box) return;
        box.style.height = "auto";
        box.style.height = `${Math.min(box.scrollHeight, window.innerHeight * 0.4)}px`;
      });
    },
  },
};
