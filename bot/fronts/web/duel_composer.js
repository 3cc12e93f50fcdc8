// The composer: grows with its text, sends on Enter, and forgets nothing until the server has taken it.
const place = (draft) => `duelbot-draft:${draft}`;

export default {
  template: `
    <form class="composer" @submit.prevent="send" @dragover.prevent @drop.prevent="attached($event.dataTransfer.files)" :aria-disabled="off ? 'true' : undefined">
      <p v-if="editing" class="editing">
        <span>Edit the request: it is asked in a conversation of its own, after what was said before it.</span>
        <button type="button" class="pill" @click="unedit">Keep it as it was</button>
      </p>
      <textarea ref="box" v-model="text" rows="1" :disabled="off" dir="auto" enterkeyhint="send"
        aria-label="Your request" aria-describedby="composer-hint"
        :placeholder="off ? 'No model to ask' : 'Ask something…'"
        @keydown.enter.exact="enter" @input="changed"></textarea>
      <div class="composer-foot">
        <div class="composer-hint" id="composer-hint"><slot></slot></div>
        <span v-if="text.length > limit * 0.8" class="count" :class="{over: length > limit}" role="status">
          {{ length.toLocaleString('en') }} / {{ limit.toLocaleString('en') }}</span>
        <button type="button" class="bare attach" :disabled="off" @click="$refs.file.click()" aria-label="Attach a text file" title="Attach a text file">
          <span class="icon"><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M20 11.5l-8 8a5 5 0 0 1-7-7l8.5-8.5a3.4 3.4 0 0 1 4.8 4.8L10 17.1a1.7 1.7 0 0 1-2.4-2.4l7.4-7.4"/></svg></span>
        </button>
        <input ref="file" type="file" hidden tabindex="-1" aria-hidden="true" @change="attached($event.target.files)">
        <button type="submit" class="send" :disabled="off || sending || !text.trim()" aria-label="Send the request" title="Send (Enter)">
          <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 19V6M6 11.5L12 5.5l6 6"/></svg>
        </button>
      </div>
    </form>
  `,
  props: { draft: String, limit: Number, off: Boolean },
  emits: ["send", "toolong", "unedit", "notext"],
  data() {
    return { text: "", sending: false, sent: "", editing: false };
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
      this.sending = this.editing = false;
      if (this.text === this.sent) this.text = ""; // what was typed meanwhile stays
      this.changed();
    },
    async attached(files) {
      // A text file becomes part of the request; it is sent to nobody before the request is.
      for (const file of files) {
        try {
          if (file.size > this.limit * 4) this.$emit("toolong", file.size);
          else {
            const said = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
            if (said.includes("\0")) throw new TypeError("binary");
            this.text = [this.text.trimEnd(), `${file.name}:`, said].filter(Boolean).join("\n\n");
          }
        } catch {
          this.$emit("notext", file.name);
        }
      }
      this.$refs.file.value = "";
      this.changed();
      this.$refs.box.focus();
    },
    edit(text) {
      this.editing = true;
      this.text = text;
      this.changed();
      this.$refs.box.focus();
    },
    unedit() {
      this.editing = false;
      this.text = "";
      this.changed();
      this.$refs.box.focus();
      this.$emit("unedit");
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
