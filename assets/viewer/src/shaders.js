// Shaders. Everything is drawn in the cloud's own frame: middle 0, radius 1. Colors are sRGB as is.

const COMMON = /* glsl */ `
vec4 entry(sampler2D table, float index) {
  int k = int(index + 0.5), width = textureSize(table, 0).x;
  return texelFetch(table, ivec2(k % width, k / width), 0);
}
`;

// The place of a point, and its color before light falls on it.
const POINT = /* glsl */ `
uniform vec3 uLow, uSize;
uniform float uExplode;
uniform vec3 uPlain, uEmpty;
#ifdef GROUPS
in float group;
uniform sampler2D uShift;
uniform float uOutlined;
#endif
#ifdef FIELD
in float value;
uniform float uGain, uBias, uFade;
#endif
#ifdef LABELS
in float value;
uniform sampler2D uTable;
#endif
vec3 place() {
  vec3 at = uLow + uSize * position;
#ifdef GROUPS
  at += uExplode * entry(uShift, group).xyz;
#endif
  return at;
}
`;

export const POINTS_VERTEX = /* glsl */ `
${COMMON}${POINT}
uniform float uPoint, uHalf, uLeast, uMost, uPixel;
uniform vec3 uInk;
uniform sampler2D uScale;
out float vSize;
flat out float vDepth;
flat out vec3 vColor;
void main() {
  vec4 view = modelViewMatrix * vec4(place(), 1.0);
  // The bead lies before what it sits on.
  float before = 0.5 * uPoint;
#ifdef GROUPS
  // Rims of an outlined patch lie before other points, and its own points before their rims.
  bool outlined = abs(group - uOutlined) < 0.5;
#ifdef RIMS
  before += 0.9 * uPoint;
#else
  if (outlined) before += 2.4 * uPoint;
#endif
#endif
  vDepth = view.z + before;
  gl_Position = projectionMatrix * view;
  vec4 nearer = projectionMatrix * (view + vec4(0.0, 0.0, before, 0.0));
  gl_Position.z = nearer.z / nearer.w * gl_Position.w;
  gl_PointSize = clamp(uPoint * projectionMatrix[1][1] * uHalf / gl_Position.w, uLeast, uMost);
  vColor = uPlain;
#ifdef FIELD
  bool empty = value > 0.99999;
  float along = clamp(value * uGain + uBias, 0.0, 1.0);
  vColor = empty ? uEmpty : texture(uScale, vec2(along * 0.99609375 + 0.001953125, 0.5)).rgb;
  // Faded fields draw what is neutral small: the low end (1) or the middle (2).
  float strength = empty ? 0.0 : uFade > 1.5 ? abs(2.0 * along - 1.0) : along;
  if (uFade > 0.5) gl_PointSize = max(gl_PointSize * mix(0.28, 1.1, smoothstep(0.02, 0.4, strength)), 1.5);
#endif
#ifdef LABELS
  vColor = entry(uTable, value).rgb;
#endif
#ifdef RIMS
  vColor = uInk;
  gl_PointSize += 5.0 * uPixel;
  if (!outlined) gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
#endif
  vSize = gl_PointSize;
}
`;

export const POINTS_FRAGMENT = /* glsl */ `
in float vSize;
flat in vec3 vColor;
out vec4 color;
#ifdef BEADS
uniform mat4 projectionMatrix;
uniform float uPoint;
flat in float vDepth;
#endif
void main() {
#ifdef BEADS
  // A bead falls off towards its rim: between two of them each pixel shows the nearer point.
  vec2 off = 2.0 * gl_PointCoord - 1.0;
#ifdef RIMS
  float z = vDepth;
#else
  float z = vDepth - uPoint * dot(off, off);
#endif
  gl_FragDepth = 0.5 + 0.5 * (projectionMatrix[2][2] * z + projectionMatrix[3][2])
    / (projectionMatrix[2][3] * z + projectionMatrix[3][3]);
#endif
  if (vSize < 2.5) { color = vec4(vColor, 1.0); return; }
  float r = length(2.0 * gl_PointCoord - 1.0);
  float soft = clamp((1.0 - r) * vSize * 0.5, 0.0, 1.0);
  if (soft < 0.1) discard;
  float shade = vSize < 4.0 ? 1.0 : 1.0 - 0.22 * r * r * r;
#ifdef RIMS
  shade = 1.0;
#endif
  color = vec4(vColor * shade, soft);
}
`;

export const MESH_VERTEX = /* glsl */ `
${COMMON}${POINT}
out vec3 vView;
out float vValue, vEmpty, vGroup;
flat out float vWhole;
flat out vec3 vColor;
void main() {
  vec4 view = modelViewMatrix * vec4(place(), 1.0);
  vView = view.xyz;
  gl_Position = projectionMatrix * view;
  vValue = vEmpty = vGroup = vWhole = 0.0;
  vColor = uPlain;
#ifdef GROUPS
  vGroup = vWhole = group;
#endif
#ifdef FIELD
  vEmpty = value > 0.99999 ? 1.0 : 0.0;
  vValue = value * uGain + uBias;
#endif
#ifdef LABELS
  vColor = entry(uTable, value).rgb;
#endif
}
`;

export const MESH_FRAGMENT = /* glsl */ `
uniform sampler2D uScale;
uniform vec3 uEmpty;
uniform float uExplode, uFlat;
in vec3 vView;
in float vValue, vEmpty, vGroup;
flat in float vWhole;
flat in vec3 vColor;
out vec4 color;
void main() {
#ifdef GROUPS
  if (uExplode > 0.0 && abs(vGroup - vWhole) > 1e-3) discard; // triangles between patches
#endif
  vec3 base = vColor;
#ifdef FIELD
  base = vEmpty > 0.0 ? uEmpty
    : texture(uScale, vec2(clamp(vValue, 0.0, 1.0) * 0.99609375 + 0.001953125, 0.5)).rgb;
#endif
  vec3 normal = normalize(cross(dFdx(vView), dFdy(vView)));
  if (normal.z < 0.0) normal = -normal;
  float light = 0.72 + 0.3 * max(dot(normal, vec3(-0.26, 0.42, 0.87)), 0.0);
  color = vec4(base * mix(light, 1.0, uFlat), 1.0);
}
`;

export const BODY_VERTEX = /* glsl */ `
uniform vec3 uLow, uSize;
out vec3 vNormal;
void main() {
  vNormal = normalMatrix * normal;
  gl_Position = projectionMatrix * modelViewMatrix * vec4(uLow + uSize * position, 1.0);
}
`;

export const BODY_FRAGMENT = /* glsl */ `
uniform vec3 uColor;
in vec3 vNormal;
out vec4 color;
void main() {
  vec3 normal = normalize(vNormal);
  if (normal.z < 0.0) normal = -normal;
  float key = max(dot(normal, vec3(-0.36, 0.58, 0.73)), 0.0);
  float fill = max(dot(normal, vec3(0.6, -0.2, 0.77)), 0.0);
  color = vec4(uColor * (0.62 + 0.36 * key + 0.1 * fill), 1.0);
}
`;

// Balls drawn as round sprites with the depth of a ball.
export const BALLS_VERTEX = /* glsl */ `
${COMMON}
in vec4 ball;
in float label, follow, value;
uniform float uHalf, uExplode;
uniform vec3 uPlain;
uniform sampler2D uTable, uShift, uScale;
flat out vec3 vColor;
flat out vec3 vCenter;
flat out float vRadius;
void main() {
  vec3 at = ball.xyz;
  vColor = uPlain;
#ifdef FOLLOWS
  at += uExplode * entry(uShift, follow).xyz;
#endif
#ifdef LABELS
  vColor = entry(uTable, label).rgb;
#endif
#ifdef VALUES
  vColor = texture(uScale, vec2(value * 0.99609375 + 0.001953125, 0.5)).rgb;
#endif
  vec4 view = modelViewMatrix * vec4(at, 1.0);
  vCenter = view.xyz;
  gl_Position = projectionMatrix * view;
  float least = 5.0 / (projectionMatrix[1][1] * uHalf) * gl_Position.w * 0.5;
  vRadius = max(ball.w, least);
  gl_PointSize = max(2.0 * vRadius * projectionMatrix[1][1] * uHalf / gl_Position.w, 5.0);
}
`;

export const BALLS_FRAGMENT = /* glsl */ `
uniform mat4 projectionMatrix;
flat in vec3 vColor;
flat in vec3 vCenter;
flat in float vRadius;
uniform float uPoint;
out vec4 color;
void main() {
  vec2 at = 2.0 * gl_PointCoord - 1.0;
  float r2 = dot(at, at);
  if (r2 > 1.0) discard;
  vec3 normal = vec3(at.x, -at.y, sqrt(1.0 - r2));
  // Middles of curved patches lie below the surface: a supernode shows through what is near it.
  vec3 at3 = vCenter + vRadius * normal + vec3(0.0, 0.0, 1.5 * vRadius + uPoint);
  vec4 clip = projectionMatrix * vec4(at3, 1.0);
  gl_FragDepth = 0.5 * clip.z / clip.w + 0.5;
  float key = max(dot(normal, vec3(-0.41, 0.55, 0.73)), 0.0);
  float rim = smoothstep(0.75, 1.0, r2);
  vec3 lit = vColor * (0.66 + 0.42 * key) + 0.16 * pow(key, 24.0);
  color = vec4(lit * (1.0 - 0.3 * rim), 1.0);
}
`;

// Straight strokes of any width in pixels, each a rectangle; a taper makes the head of an arrow.
export const STROKE_VERTEX = /* glsl */ `
${COMMON}
in vec3 a, b;
in vec2 wide;
in vec2 tone, follow;
in float label;
uniform vec2 uView;
uniform float uPixel, uExplode;
uniform vec3 uPlain;
uniform sampler2D uTable, uShift;
out float vTone;
flat out vec3 vColor;
void main() {
  vec3 atA = a, atB = b;
  vColor = uPlain;
#ifdef FOLLOWS
  atA += uExplode * entry(uShift, follow.x).xyz;
  atB += uExplode * entry(uShift, follow.y).xyz;
#endif
#ifdef LABELS
  vColor = entry(uTable, label).rgb;
#endif
  vec4 viewA = modelViewMatrix * vec4(atA, 1.0), viewB = modelViewMatrix * vec4(atB, 1.0);
  bool isFlat = projectionMatrix[3][3] == 1.0;
  if (!isFlat) { // keep both ends before the eye
    float near = -0.012;
    if (viewA.z > near && viewB.z < near) viewA = mix(viewB, viewA, (near - viewB.z) / (viewA.z - viewB.z));
    if (viewB.z > near && viewA.z < near) viewB = mix(viewA, viewB, (near - viewA.z) / (viewB.z - viewA.z));
  }
  vec4 clipA = projectionMatrix * viewA, clipB = projectionMatrix * viewB;
  vec2 along = (clipB.xy / clipB.w - clipA.xy / clipA.w) * uView;
  float size = length(along);
  along = size > 1e-4 ? along / size : vec2(1.0, 0.0);
  bool second = position.x > 0.5;
  vec4 clip = second ? clipB : clipA;
  float width = uPixel * (second ? wide.y : wide.x);
  clip.xy += vec2(-along.y, along.x) * position.y * 0.5 * width / uView * clip.w;
  clip.z -= 0.0008 * clip.w;
  gl_Position = clip;
  vTone = second ? tone.y : tone.x;
}
`;

export const STROKE_FRAGMENT = /* glsl */ `
uniform sampler2D uScale;
uniform float uOpacity;
in float vTone;
flat in vec3 vColor;
out vec4 color;
void main() {
#ifdef SCALE
  color = vec4(texture(uScale, vec2(vTone * 0.99609375 + 0.001953125, 0.5)).rgb, uOpacity);
#else
  color = vec4(vColor, uOpacity * vTone);
#endif
}
`;

export const RING_VERTEX = /* glsl */ `
uniform float uPixel;
void main() {
  gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
  gl_Position.z = -gl_Position.w; // over everything
  gl_PointSize = 19.0 * uPixel;
}
`;

export const RING_FRAGMENT = /* glsl */ `
uniform vec3 uColor, uHalo;
uniform float uPixel;
out vec4 color;
void main() {
  float r = length(2.0 * gl_PointCoord - 1.0) * 9.5;
  float halo = 1.0 - smoothstep(2.3, 3.1, abs(r - 6.3));
  float ring = 1.0 - smoothstep(0.9, 1.6, abs(r - 6.3));
  if (halo < 0.03) discard;
  color = vec4(mix(uHalo, uColor, ring), halo * 0.95);
}
`;

export const PARTICLE_VERTEX = /* glsl */ `
uniform float uPixel;
void main() {
  gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
  gl_Position.z -= 0.002 * gl_Position.w; // before its own line
  gl_PointSize = 6.5 * uPixel;
}
`;

export const PARTICLE_FRAGMENT = /* glsl */ `
uniform vec3 uColor, uHalo;
uniform float uPixel;
out vec4 color;
void main() {
  float r = length(2.0 * gl_PointCoord - 1.0);
  if (r > 1.0) discard;
  color = vec4(r > 0.68 ? uHalo : uColor, 1.0);
}
`;
