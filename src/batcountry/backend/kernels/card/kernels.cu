// Loops for a graphics card, compiled by NVRTC when they are first needed; `card/compiled.py` says how they are started.
//
// Pictures lie channels last, (N, H, W, C). Each thread makes one number, or one piece of up to 16 bytes, and none waits for
// another, so that sums are added in one order always. All have the same arguments: two addresses to read, one more, and
// two to write; and numbers, in the order that the function takes them. NUMBER is 0 for float32, 1 for float16, 2 for
// bfloat16; sums are float32. Each part is compiled by itself when it is needed, as that is quicker.

struct Numbers {
    unsigned count;  // of threads
    int v[15];
    float f[4];
};

#define KERNEL(name) \
    extern "C" __global__ void name(const void *a_, const void *b_, const void *c_, void *y_, void *z_, Numbers n)

#define THREAD \
    const unsigned thread = blockIdx.x * blockDim.x + threadIdx.x; \
    if (thread >= n.count) return;

#if NUMBER == 0
typedef float number;
DEVICE float wide(number x) { return x; }
DEVICE number narrow(float x) { return x; }
#elif NUMBER == 1
typedef unsigned short number;
DEVICE float wide(number x) { return wide_half(x); }
DEVICE number narrow(float x) { return narrow_half(x); }
#else
typedef unsigned short number;
DEVICE float wide(number x) { return float_of((unsigned)x << 16); }
DEVICE number narrow(float x) {
    unsigned bits = bits_of(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fc0;
    return (number)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
#endif

// Numbers that lie side by side, read and written at once.
template <int L> struct alignas(L * sizeof(number)) Together { number v[L]; };
constexpr int LANES = 16 / sizeof(number);

template <int L> DEVICE void load(const number *from, float *values) {
    const Together<L> found = *(const Together<L> *)from;
    for (int l = 0; l < L; l++) values[l] = wide(found.v[l]);
}

template <int L> DEVICE void store(number *to, const float *values) {
    Together<L> found;
    for (int l = 0; l < L; l++) found.v[l] = narrow(values[l]);
    *(Together<L> *)to = found;
}

// Where a thread is that makes some channels of some columns.
struct Spot { int c, i, j; unsigned long long image; };

DEVICE Spot spot_of(unsigned thread, int channels, int rows, int columns) {
    Spot spot;
    spot.c = (int)(thread % (unsigned)channels);
    const unsigned pixel = thread / (unsigned)channels;
    spot.j = (int)(pixel % (unsigned)columns);
    spot.i = (int)(pixel / (unsigned)columns % (unsigned)rows);
    spot.image = pixel / ((unsigned)columns * (unsigned)rows);
    return spot;
}

#ifdef PART_windows
// A row for each window of a picture: its pixels one after the other, zeros beyond the edge and after the last.
// Pieces of a pixel are of one type; v: rows, columns, pieces of a pixel, rows and columns of windows, rows and columns of one,
// stride, rows and columns of padding, pieces of a row, the first window.
// A thread makes COUNT pieces beside each other, 16 bytes, of which a row has a whole number.
template <typename Piece, int COUNT> DEVICE void windows(const Piece *x, void *y, const Numbers &n, unsigned thread) {
    const int rows = n.v[0], columns = n.v[1], pieces = n.v[2], up = n.v[3], across = n.v[4], right = n.v[6];
    const unsigned groups = (unsigned)n.v[10] / COUNT, window = thread / groups + (unsigned)n.v[11];
    const int first = (int)(thread % groups) * COUNT;
    const int j = (int)(window % (unsigned)across), i = (int)(window / (unsigned)across % (unsigned)up);
    const int top = i * n.v[7] - n.v[8], left = j * n.v[7] - n.v[9];
    const unsigned long long start = window / ((unsigned)across * (unsigned)up) * rows;
    struct alignas(sizeof(Piece) * COUNT) Pieces { Piece v[COUNT]; } found = {};
    UNROLL
    for (int q = 0; q < COUNT; q++) {
        const int place = (first + q) / pieces, piece = (first + q) % pieces;
        const int r = top + place / right, s = left + place % right;
        if (place < n.v[5] * right && r >= 0 && r < rows && s >= 0 && s < columns)
            found.v[q] = x[((start + r) * columns + s) * pieces + piece];
    }
    ((Pieces *)y)[thread] = found;
}

struct alignas(16) Sixteen { unsigned v[4]; };
struct alignas(8) Eight { unsigned v[2]; };

KERNEL(windows_16) { THREAD windows<Sixteen, 1>((const Sixteen *)a_, y_, n, thread); }
KERNEL(windows_8) { THREAD windows<Eight, 2>((const Eight *)a_, y_, n, thread); }
KERNEL(windows_4) { THREAD windows<unsigned, 4>((const unsigned *)a_, y_, n, thread); }
KERNEL(windows_2) { THREAD windows<unsigned short, 8>((const unsigned short *)a_, y_, n, thread); }

// The picture that such rows add up to; v: as above, in numbers, and last the first row of windows that there is.
KERNEL(added_windows) {
    THREAD
    const number *rows_of = (const number *)a_;
    const int rows = n.v[0], columns = n.v[1], channels = n.v[2], up = n.v[3], across = n.v[4];
    const int down = n.v[5], right = n.v[6], stride = n.v[7], length = n.v[10], first = n.v[11], top = n.v[12];
    const int c = (int)(thread % (unsigned)channels);
    const unsigned pixel = thread / (unsigned)channels;
    const int s = (int)(pixel % (unsigned)columns), r = (int)(pixel / (unsigned)columns % (unsigned)rows) + top;
    const unsigned long long image = pixel / ((unsigned)columns * (unsigned)rows);
    float total = 0;
    for (int dy = (r + n.v[8]) % stride; dy < down; dy += stride) {
        const int i = (r + n.v[8] - dy) / stride - first;
        if (r + n.v[8] < dy || i < 0 || i >= up) continue;
        for (int dx = (s + n.v[9]) % stride; dx < right; dx += stride) {
            const int j = (s + n.v[9] - dx) / stride;
            if (s + n.v[9] < dx || j >= across) continue;
            total += wide(rows_of[((image * up + i) * across + j) * length + (dy * right + dx) * channels + c]);
        }
    }
    ((number *)y_)[thread] = narrow(total);
}
#endif

#ifdef PART_pool
// Windows of one channel each; v: rows, columns, channels, rows and columns of the result, rows and columns of windows, strides,
// padding, whether what is not above 0 counts as 0. Those with `_1` take any number of channels, the others multiples of LANES.
template <int L> DEVICE void pool(const number *x, number *y, unsigned char *places, const Numbers &n, unsigned thread) {
    const int rows = n.v[0], columns = n.v[1], channels = n.v[2];
    const Spot spot = spot_of(thread, channels / L, n.v[3], n.v[4]);
    const int top = spot.i * n.v[7] - n.v[9], left = spot.j * n.v[8] - n.v[10];
    bool any = n.v[11];
    float best[L] = {};
    struct alignas(L) { unsigned char v[L]; } which;
    for (int l = 0; l < L; l++) which.v[l] = 255;
    for (int r = top < 0 ? 0 : top; r < top + n.v[5] && r < rows; r++)
        for (int s = left < 0 ? 0 : left; s < left + n.v[6] && s < columns; s++) {
            float values[L];
            load<L>(x + ((spot.image * rows + r) * columns + s) * channels + spot.c * L, values);
            const unsigned char place = (unsigned char)((r - top) * n.v[6] + s - left);
            for (int l = 0; l < L; l++)
                if (!any || values[l] > best[l] || (values[l] != values[l] && best[l] == best[l])) {
                    best[l] = values[l];
                    which.v[l] = place;
                }
            any = true;
        }
    store<L>(y + (unsigned long long)thread * L, best);
    *(decltype(which) *)(places + (unsigned long long)thread * L) = which;
}

template <int L>
DEVICE void pool_gradient(const number *grad, const unsigned char *places, number *y, const Numbers &n, unsigned thread) {
    const int up = n.v[3], across = n.v[4], down = n.v[5], right = n.v[6];
    const Spot spot = spot_of(thread, n.v[2] / L, n.v[0], n.v[1]);
    const int r = spot.i + n.v[9], s = spot.j + n.v[10];
    struct alignas(L) Places { unsigned char v[L]; };
    float total[L] = {};
    for (int i = r < down ? 0 : (r - down) / n.v[7] + 1; i < up && i * n.v[7] <= r; i++)
        for (int j = s < right ? 0 : (s - right) / n.v[8] + 1; j < across && j * n.v[8] <= s; j++) {
            const unsigned long long at = ((spot.image * up + i) * across + j) * n.v[2] + spot.c * L;
            const int place = (r - i * n.v[7]) * right + s - j * n.v[8];
            const Places which = *(const Places *)(places + at);
            float values[L];
            load<L>(grad + at, values);
            for (int l = 0; l < L; l++)
                if (which.v[l] == place) total[l] += values[l];
        }
    store<L>(y + (unsigned long long)thread * L, total);
}

KERNEL(pool) { THREAD pool<LANES>((const number *)a_, (number *)y_, (unsigned char *)z_, n, thread); }
KERNEL(pool_1) { THREAD pool<1>((const number *)a_, (number *)y_, (unsigned char *)z_, n, thread); }
KERNEL(pool_gradient) {
    THREAD pool_gradient<LANES>((const number *)a_, (const unsigned char *)b_, (number *)y_, n, thread);
}
KERNEL(pool_gradient_1) {
    THREAD pool_gradient<1>((const number *)a_, (const unsigned char *)b_, (number *)y_, n, thread);
}
#endif

#ifdef PART_depthwise
// Convolutions of each channel by itself, with weights (rows, columns, C) and a bias in float32; v: as for windows, with one
// stride, and padding. f: the least and the largest result. A thread makes SPAN columns of L channels (eight
// take more registers than there are); K and S are 0 for any window and stride.
template <int L, int K, int S, int SPAN>
DEVICE void depthwise(const number *x, const float *taps, const float *bias, number *y, const Numbers &n, unsigned thread) {
    const int rows = n.v[0], columns = n.v[1], channels = n.v[2], up = n.v[3], across = n.v[4];
    const int down = K ? K : n.v[5], right = K ? K : n.v[6], stride = S ? S : n.v[7];
    const Spot spot = spot_of(thread, channels / L, up, (across + SPAN - 1) / SPAN);
    const int top = spot.i * stride - n.v[8], left = spot.j * SPAN * stride - n.v[9], c = spot.c * L;
    float total[SPAN][L];
    for (int q = 0; q < SPAN; q++)
        for (int l = 0; l < L; l++) total[q][l] = bias ? bias[c + l] : 0;
    for (int dy = 0; dy < down; dy++) {
        const int r = top + dy;
        if (r < 0 || r >= rows) continue;
        const number *row = x + (spot.image * rows + r) * columns * channels + c;
        const float *tap = taps + dy * right * channels + c;
        UNROLL
        for (int t = 0; t < (SPAN - 1) * stride + right; t++) {
            const int s = left + t;
            if (s < 0 || s >= columns) continue;
            float values[L];
            load<L>(row + (unsigned long long)s * channels, values);
            UNROLL
            for (int q = 0; q < SPAN; q++) {
                const int dx = t - q * stride;
                if (dx < 0 || dx >= right) continue;
                for (int l = 0; l < L; l++) total[q][l] += values[l] * tap[dx * channels + l];
            }
        }
    }
    for (int q = 0; q < SPAN && spot.j * SPAN + q < across; q++) {
        for (int l = 0; l < L; l++) {
            const float value = total[q][l];
            total[q][l] = value < n.f[0] ? n.f[0] : value > n.f[1] ? n.f[1] : value;
        }
        store<L>(y + ((spot.image * up + spot.i) * across + spot.j * SPAN + q) * channels + c, total[q]);
    }
}

template <int L>
DEVICE void depthwise_gradient(const number *grad, const float *taps, number *y, const Numbers &n, unsigned thread) {
    const int channels = n.v[2], up = n.v[3], across = n.v[4], down = n.v[5], right = n.v[6], stride = n.v[7];
    const Spot spot = spot_of(thread, channels / L, n.v[0], n.v[1]);
    const int r = spot.i + n.v[8], s = spot.j + n.v[9];
    float total[L] = {};
    for (int i = r < down ? 0 : (r - down) / stride + 1; i < up && i * stride <= r; i++)
        for (int j = s < right ? 0 : (s - right) / stride + 1; j < across && j * stride <= s; j++) {
            const float *tap = taps + ((r - i * stride) * right + s - j * stride) * channels + spot.c * L;
            float values[L];
            load<L>(grad + ((spot.image * up + i) * across + j) * channels + spot.c * L, values);
            for (int l = 0; l < L; l++) total[l] += values[l] * tap[l];
        }
    store<L>(y + (unsigned long long)thread * L, total);
}

#define DEPTHWISE(name, L, K, S, SPAN) \
    KERNEL(name) { \
        THREAD depthwise<L, K, S, SPAN>((const number *)a_, (const float *)b_, (const float *)c_, (number *)y_, n, thread); \
    }
DEPTHWISE(depthwise_1, 1, 0, 0, 1)
DEPTHWISE(depthwise, 4, 0, 0, 1)
DEPTHWISE(depthwise_3_1, 4, 3, 1, 4)
DEPTHWISE(depthwise_5_1, 4, 5, 1, 4)
DEPTHWISE(depthwise_3_2, 4, 3, 2, 2)
DEPTHWISE(depthwise_5_2, 4, 5, 2, 2)
KERNEL(depthwise_gradient) {
    THREAD depthwise_gradient<LANES>((const number *)a_, (const float *)b_, (number *)y_, n, thread);
}
KERNEL(depthwise_gradient_1) {
    THREAD depthwise_gradient<1>((const number *)a_, (const float *)b_, (number *)y_, n, thread);
}
#endif

#ifdef PART_lrn
// Normalization across channels for the exponent 3/4; v: channels, half a window, whether the gradient of a ReLU before it
// is taken too; f: alpha of one square, k. A thread makes L channels beside each other with windows of 2 * H + 1, or of any
// size where H is 0.
DEVICE float number_at(const number *pixel, int c, int channels) {
    return c >= 0 && c < channels ? wide(pixel[c]) : 0;
}

DEVICE float power(float scale) {
    const float root = inverse_root(scale);
    return root * square_root(root);
}

DEVICE float scale_at(const number *pixel, int c, const Numbers &n) {
    float squares = 0;
    for (int d = c - n.v[1]; d <= c + n.v[1]; d++) {
        const float value = number_at(pixel, d, n.v[0]);
        squares += value * value;
    }
    return squares * n.f[0] + n.f[1];
}

KERNEL(lrn_1) {
    THREAD
    const int c = (int)(thread % (unsigned)n.v[0]);
    const number *pixel = (const number *)a_ + (thread - c);
    ((number *)y_)[thread] = narrow(wide(pixel[c]) * power(scale_at(pixel, c, n)));
}

KERNEL(lrn_gradient_1) {
    THREAD
    const int c = (int)(thread % (unsigned)n.v[0]);
    const number *pixel = (const number *)a_ + (thread - c), *grad = (const number *)b_ + (thread - c);
    float direct = 0, spread = 0;
    for (int d = c - n.v[1]; d <= c + n.v[1]; d++)
        if (d >= 0 && d < n.v[0]) {
            const float scale = scale_at(pixel, d, n), own = wide(grad[d]) * power(scale);
            spread += own * wide(pixel[d]) / scale;
            if (d == c) direct = own;
        }
    const float here = wide(pixel[c]), value = direct - 1.5f * n.f[0] * spread * here;
    ((number *)y_)[thread] = narrow(n.v[2] && !(here > 0) ? 0 : value);
}

constexpr int HALF = 2;  // of a window of five channels

// The numbers of LANES channels from c on, and of `more` on either side.
template <int MORE> DEVICE void load_around(const number *pixel, int c, int channels, float *values) {
    load<LANES>(pixel + c, values + MORE);
    for (int d = 0; d < MORE; d++) {
        values[d] = number_at(pixel, c - MORE + d, channels);
        values[MORE + LANES + d] = number_at(pixel, c + LANES + d, channels);
    }
}

template <int COUNT> DEVICE void scales(const float *values, const Numbers &n, float *found) {
    for (int l = 0; l < COUNT; l++) {
        float squares = 0;
        for (int d = 0; d <= 2 * HALF; d++) squares += values[l + d] * values[l + d];
        found[l] = squares * n.f[0] + n.f[1];
    }
}

KERNEL(lrn) {
    THREAD
    const int c = (int)(thread % (unsigned)(n.v[0] / LANES)) * LANES;
    const unsigned long long at = (unsigned long long)thread * LANES;
    float values[LANES + 2 * HALF], scale[LANES];
    load_around<HALF>((const number *)a_ + at - c, c, n.v[0], values);
    scales<LANES>(values, n, scale);
    for (int l = 0; l < LANES; l++) scale[l] = values[HALF + l] * power(scale[l]);
    store<LANES>((number *)y_ + at, scale);
}

KERNEL(lrn_gradient) {
    THREAD
    const int c = (int)(thread % (unsigned)(n.v[0] / LANES)) * LANES;
    const unsigned long long at = (unsigned long long)thread * LANES;
    constexpr int WIDE = LANES + 2 * HALF;
    float values[WIDE + 2 * HALF], grad[WIDE], scale[WIDE], found[LANES];
    load_around<2 * HALF>((const number *)a_ + at - c, c, n.v[0], values);
    load_around<HALF>((const number *)b_ + at - c, c, n.v[0], grad);
    scales<WIDE>(values, n, scale);
    for (int l = 0; l < WIDE; l++) {
        grad[l] *= power(scale[l]);
        scale[l] = grad[l] * values[HALF + l] / scale[l];
    }
    for (int l = 0; l < LANES; l++) {
        float spread = 0;
        for (int d = 0; d <= 2 * HALF; d++) spread += scale[l + d];
        const float here = values[2 * HALF + l], value = grad[HALF + l] - 1.5f * n.f[0] * spread * here;
        found[l] = n.v[2] && !(here > 0) ? 0 : value;
    }
    store<LANES>((number *)y_ + at, found);
}
#endif
