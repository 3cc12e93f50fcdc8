// The form in which a recipe is edited. What is typed stays in the browser; the server hears of it when the person pauses.
const PAUSE_MS = 350;
const place = (draft) => `duelbot-recipe:${draft}`;

export default {
  template: `
    <form class="recipe-form" @submit.prevent @keydown="key" @input="changed">
      <label class="field"><span>Name</span>
        <input type="text" v-model="d.name" maxlength="80" autocomplete="off" spellcheck="false"></label>
      <label class="field"><span>System text</span>
        <textarea v-model="d.system" rows="7" dir="auto" ref="system"></textarea></label>
      <label class="field"><span>Template <small>wraps every request</small></span>
        <textarea v-model="d.template" rows="2" dir="auto"></textarea></label>
      <fieldset class="field"><legend>Examples <small v-if="d.examples.length">{{ used }} of {{ d.examples.length }} used</small></legend>
        <ol class="shots">
          <li v-for="(one, at) in d.examples" :key="one.key" class="shot" :class="{out: !one.use}">
            <div class="shot-head">
              <label class="check"><input type="checkbox" v-model="one.use" @change="changed"> <span>Example {{ at + 1 }}</span></label>
              <span class="shot-acts">
                <button type="button" class="bare" :disabled="!at" :aria-label="'Move example ' + (at + 1) + ' up'" title="Up" @click="move(at, -1)">↑</button>
                <button type="button" class="bare" :disabled="at + 1 === d.examples.length" :aria-label="'Move example ' + (at + 1) + ' down'"
                  title="Down" @click="move(at, 1)">↓</button>
                <button type="button" class="bare" :aria-label="'Delete example ' + (at + 1)" title="Delete" @click="drop(at)">✕</button>
              </span>
            </div>
            <textarea v-model="one.user" rows="2" dir="auto" :aria-label="'Request of example ' + (at + 1)" placeholder="Request"></textarea>
            <textarea v-model="one.assistant" rows="2" dir="auto" :aria-label="'Answer of example ' + (at + 1)" placeholder="Answer"></textarea>
          </li>
        </ol>
        <button type="button" class="pill" @click="add()">Add an example</button>
      </fieldset>
      <fieldset class="field"><legend>Sampling <small>the same on both sides of a duel</small></legend>
        <div class="knobs">
          <label v-for="knob in d.sampling" :key="knob.name" class="knob"><span>{{ knob.name }}</span>
            <input type="text" v-model="knob.text" inputmode="decimal" autocomplete="off" spellcheck="false"></label>
        </div>
      </fieldset>
      <details class="field" :open="d.placeholders.length > 0 || d.chat_template !== ''">
        <summary>Placeholders and chat template</summary>
        <p class="quiet" v-pre>{{today}} and {{team}} are filled by themselves when a request is asked. Your own, as {{name}}:</p>
        <div v-for="(one, at) in d.placeholders" class="own">
          <input type="text" v-model="one[0]" :aria-label="'Name of placeholder ' + (at + 1)" placeholder="name" autocomplete="off" spellcheck="false">
          <input type="text" v-model="one[1]" :aria-label="'Text of placeholder ' + (at + 1)" placeholder="text" dir="auto">
          <button type="button" class="bare" :aria-label="'Delete placeholder ' + (at + 1)" @click="unname(at)">✕</button>
        </div>
        <button type="button" class="pill" @click="name()">Add a placeholder</button>
        <label class="field"><span>Variables of the model's chat template <small>TOML</small></span>
          <textarea v-model="d.chat_template" rows="2" spellcheck="false" placeholder="enable_thinking = false"></textarea></label>
      </details>
      <div class="save-bar">
        <label class="field"><span>Why this version?</span>
          <input type="text" v-model="reason" ref="reason" maxlength="500" placeholder="What should get better" dir="auto"></label>
        <button type="button" class="pill" :disabled="busy" @click="save(false)" title="Keep it (Ctrl+S)">Save</button>
        <button type="button" class="pill primary" :disabled="busy" @click="save(true)" title="Keep it, and have it answer from now on">Save and use</button>
      </div>
    </form>
  `,
  props: { recipe: Object, draft: String },
  emits: ["draft", "save"],
  data() {
    return { d: this.keyed(this.recipe), reason: "", busy: false, timer: 0 };
  },
  computed: {
    used() {
      return this.d.examples.filter((one) => one.use).length;
    },
  },
  mounted() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(place(this.draft)));
      if (kept) this.d = this.keyed(kept);
    } catch {}
    this.$nextTick(() => this.$emit("draft", this.out()));
  },
  unmounted() {
    clearTimeout(this.timer);
  },
  methods: {
    keyed(recipe) {
      const examples = recipe.examples.map((one) => ({ use: true, ...one, key: Math.random() }));
      return JSON.parse(JSON.stringify({ ...recipe, examples }));
    },
    out() {
      const examples = this.d.examples.filter((one) => one.use).map(({ user, assistant }) => ({ user, assistant }));
      return JSON.parse(JSON.stringify({ ...this.d, examples }));
    },
    changed() {
      try {
        sessionStorage.setItem(place(this.draft), JSON.stringify(this.d));
      } catch {} // a full or forbidden storage costs the draft after a reload, not the text
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.$emit("draft", this.out()), PAUSE_MS);
    },
    move(at, by) {
      const [one] = this.d.examples.splice(at, 1);
      this.d.examples.splice(at + by, 0, one);
      this.changed();
    },
    drop(at) {
      this.d.examples.splice(at, 1);
      this.changed();
    },
    add(example) {
      this.d.examples.push({ user: "", assistant: "", ...example, use: true, key: Math.random() });
      this.changed();
      if (!example) this.$nextTick(() => this.$el.querySelector(".shot:last-child textarea")?.focus());
    },
    name() {
      this.d.placeholders.push(["", ""]);
      this.$nextTick(() => this.$el.querySelector(".own:last-of-type input")?.focus());
    },
    unname(at) {
      this.d.placeholders.splice(at, 1);
      this.changed();
    },
    key(event) {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
        event.preventDefault();
        this.save(false);
      }
    },
    save(use) {
      if (this.busy) return;
      if (!this.reason.trim()) {
        this.$refs.reason.focus();
        this.$refs.reason.setAttribute("aria-invalid", "true");
        return;
      }
      this.$refs.reason.removeAttribute("aria-invalid");
      this.busy = true;
      this.$emit("save", { draft: this.out(), reason: this.reason, use });
      setTimeout(() => (this.busy = false), 8000); // a lost connection must not lock the form
    },
    saved() {
      this.busy = false;
      this.reason = "";
      try {
        sessionStorage.removeItem(place(this.draft));
      } catch {}
    },
    refused() {
      this.busy = false;
    },
  },
};
