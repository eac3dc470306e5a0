// Numbers as people read them.

const SUPERSCRIPTS = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

const minus = (text) => text.replace(/-/g, "−");

/** Returns a number with so many significant digits, a true minus and powers of ten. */
export function number(value, digits = 3) {
  if (Number.isNaN(value)) return "no value";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return power(value, digits);
  const rounded = Number(value.toPrecision(digits));
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(rounded))));
  return minus(rounded.toFixed(Math.min(decimals, 8)));
}

function power(value, digits) {
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  const raised = [...String(Number(exponent))].map((sign) => SUPERSCRIPTS[sign]).join("");
  const short = mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa;
  return `${minus(short)} × 10${raised}`;
}

/** Returns round values from low to high, about `count` of them, and their texts. */
export function ticks(low, high, count) {
  if (!(high > low)) return [{ value: low, text: number(low) }];
  const rough = (high - low) / Math.max(count, 1);
  const base = 10 ** Math.floor(Math.log10(rough));
  const far = (size) => Math.abs(Math.log(size / rough));
  const steps = [1, 2, 2.5, 5, 10].map((times) => times * base);
  const step = steps.reduce((best, size) => (far(size) < far(best) ? size : best));
  const first = Math.ceil(low / step - 1e-6);
  const last = Math.floor(high / step + 1e-6);
  const size = Math.max(Math.abs(low), Math.abs(high));
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9) + (isRound(step) ? 0 : 1));
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => {
    const value = (first + index) * step;
    const plain = size < 1e5 && step >= 1e-4;
    const text = Math.abs(value) < step / 2 ? "0" : plain ? minus(value.toFixed(decimals)) : power(value, 3);
    return { value, text };
  });
}

const isRound = (step) => Math.abs(step / 10 ** Math.floor(Math.log10(step) + 1e-9) - 2.5) > 1e-6;

export const count = (value) => value.toLocaleString("en-US");

/** Returns a number of things: `many(3, "patch")` is "3 patches". */
export function many(value, name) {
  const plural = /(s|x|z|ch|sh)$/.test(name) ? `${name}es` : `${name}s`;
  return `${count(value)} ${value === 1 ? name : plural}`;
}

export const withUnit = (text, unit) => (unit ? `${text} ${unit}` : text);
