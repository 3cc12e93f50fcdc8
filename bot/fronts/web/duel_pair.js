// Who meets in the next duels, and whose votes close them; remembered in this browser. It is told nothing about sides.
const PLACE = "duelbot-pair";
const USUAL = { base: "", mode: "usual", sides: [{ arm: "", recipe: "", adapter: "" }, { arm: "", recipe: "", adapter: "" }], people: 1, hours: 24 };

export default {
  template: `
    <details :class="['pairing', { below: field }]" v-if="options" ref="all">
      <input v-if="field" type="hidden" :name="field" :value="said">
      <summary class="pair-words"><span>{{ words }}</span></summary>
      <div class="pair-form">
        <fieldset>
          <legend>Who meets in {{ field ? "these" : "the next" }} duels</legend>
          <label v-if="options.bases.length > 1" class="check">Both stand on
            <select class="line" v-model="wish.base" aria-label="Base model">
              <option v-for="(name, at) in options.bases" :value="at ? name : ''">{{ name }}</option>
            </select>
          </label>
          <p v-if="options.state" class="quiet" role="status">{{ options.state }}</p>
          <label class="check"><input type="radio" value="usual" v-model="wish.mode"> The usual two: {{ usual }}</label>
          <label class="check"><input type="radio" value="surprise" v-model="wish.mode"> Surprise: the pair we know least about</label>
          <label class="check"><input type="radio" value="picked" v-model="wish.mode" :disabled="!options.arms.length"> These two:</label>
          <div v-if="wish.mode === 'picked' && options.arms.length" class="pair-sides">
            <div v-for="(side, at) in wish.sides" class="pair-side" role="group" :aria-label="at ? 'The other one' : 'One'">
              <select class="line" v-model="side.arm" aria-label="Technique">
                <option v-for="arm in options.arms" :value="arm.value">{{ arm.label }}</option>
              </select>
              <select v-if="of(side).engineered" class="line" v-model="side.recipe" aria-label="Recipe">
                <option value="">the usual recipe</option>
                <option v-for="name in options.recipes" :value="name">{{ name }}</option>
              </select>
              <select v-if="of(side).adapted" class="line" v-model="side.adapter" aria-label="Adapter">
                <option value="">the adapter in use</option>
                <option v-for="name in options.adapters" :value="name">{{ name }}</option>
              </select>
            </div>
          </div>
          <p class="quiet"><template v-if="options.bases.length === 1">Both stand on {{ options.base }}. </template>A coin seats them; who was who is shown after the vote.</p>
        </fieldset>
        <fieldset v-if="!field">
          <legend>Whose votes</legend>
          <label class="check">
            <select class="line" v-model.number="wish.people" aria-label="Whose votes">
              <option :value="1">mine alone</option>
              <option v-for="number in options.people" :value="number">{{ number }} people</option>
            </select>
            <select v-if="wish.people > 1" class="line" v-model.number="wish.hours" aria-label="Open for at most">
              <option v-for="each in options.hours" :value="each.value">for {{ each.label }} at most</option>
            </select>
          </label>
        </fieldset>
      </div>
    </details>
  `,
  props: { options: Object, field: String },
  emits: ["picked"],
  data() {
    return { wish: JSON.parse(JSON.stringify(USUAL)) };
  },
  computed: {
    usual() {
      return this.options.usual.map(this.label).join(" and ") || "known once it has loaded";
    },
    words() {
      const met =
        this.wish.mode === "surprise" ? "A surprise pair" : this.wish.mode === "usual" ? this.options.usual.map(this.label).join(" · ")
        : this.wish.sides.map((side) => [this.label(side.arm), side.recipe, side.adapter].filter(Boolean).join(" ")).join(" · ");
      const who = this.wish.base ? `${this.wish.base}: ${this.options.arms.length ? met : "loading …"}` : met;
      return this.wish.people > 1 && !this.field ? `${who}, ${this.wish.people} people vote` : who;
    },
    said() {
      return JSON.stringify(this.wish);
    },
  },
  watch: {
    options() {
      this.mend();
    },
    wish: {
      deep: true,
      handler() {
        this.tell();
      },
    },
  },
  mounted() {
    document.addEventListener("click", this.outside);
    document.addEventListener("keydown", this.escape, true);
    try {
      const kept = JSON.parse(localStorage.getItem(PLACE));
      if (kept && kept.sides?.length === 2) this.wish = { ...this.wish, ...kept };
    } catch {}
    this.mend();
    this.$emit("picked", JSON.stringify(this.wish));
  },
  unmounted() {
    document.removeEventListener("click", this.outside);
    document.removeEventListener("keydown", this.escape, true);
  },
  methods: {
    outside(event) {
      if (this.$refs.all?.open && !this.$refs.all.contains(event.target)) this.$refs.all.open = false;
    },
    escape(event) {
      if (event.key !== "Escape" || !this.$refs.all?.open) return;
      this.$refs.all.open = false;
      this.$refs.all.querySelector("summary").focus();
      event.stopPropagation();
    },
    of(side) {
      return this.options.arms.find((arm) => arm.value === side.arm) || {};
    },
    label(arm) {
      return this.options.arms.find((each) => each.value === arm)?.label || "";
    },
    mend() {
      // What was remembered may be gone: then the usual stands there, for everybody to see.
      if (!this.options) return;
      if (!this.options.bases.includes(this.wish.base)) this.wish.base = "";
      if (!this.options.arms.length) return; // the base is loading
      this.wish.sides.forEach((side, at) => {
        if (!this.of(side).value) side.arm = this.options.usual[at];
        if (!this.options.recipes.includes(side.recipe) || !this.of(side).engineered) side.recipe = "";
        if (!this.options.adapters.includes(side.adapter) || !this.of(side).adapted) side.adapter = "";
      });
    },
    tell() {
      this.mend();
      const said = JSON.stringify(this.wish);
      try {
        localStorage.setItem(PLACE, said);
      } catch {}
      this.$emit("picked", said);
    },
  },
};
