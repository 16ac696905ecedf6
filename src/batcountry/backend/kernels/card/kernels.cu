// Loops for a graphics card, compiled by NVRTC when they are first needed; `card/compiled.py` says how they are started.
//
// Pictures lie channels last, (N, H, W, C). Each thread makes one number, or one piece of up to 16 bytes, and none waits for
// another, so that sums are added in one order always. All have the same arguments: two addresses to read, one more, and
// two to write; and numbers, in the order that the function takes them. NUMBER is 0 for float32, 1 for float16, 2 for
// bfloat16; sums are float32.

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

// A row for each window of a picture: its pixels one after the other, zeros beyond the edge and after the last.
// Pieces of a pixel are of one type; v: rows, columns, pieces of a pixel, rows and columns of windows, rows and columns of one,
// stride, rows and columns of padding, pieces of a row, the first window.
template <typename Piece> DEVICE void windows(const Piece *x, Piece *y, const Numbers &n, unsigned thread) {
    const int rows = n.v[0], columns = n.v[1], pieces = n.v[2], up = n.v[3], across = n.v[4], right = n.v[6];
    const unsigned window = thread / (unsigned)n.v[10] + (unsigned)n.v[11];
    const int at = (int)(thread % (unsigned)n.v[10]);
    const int place = at / pieces, piece = at % pieces;
    const int j = (int)(window % (unsigned)across), i = (int)(window / (unsigned)across % (unsigned)up);
    const int r = i * n.v[7] - n.v[8] + place / right, s = j * n.v[7] - n.v[9] + place % right;
    Piece found = {};
    if (place < n.v[5] * right && r >= 0 && r < rows && s >= 0 && s < columns) {
        const unsigned long long image = window / ((unsigned)across * (unsigned)up);
        found = x[((image * rows + r) * columns + s) * pieces + piece];
    }
    y[thread] = found;
}

struct alignas(16) Sixteen { unsigned v[4]; };
struct alignas(8) Eight { unsigned v[2]; };

KERNEL(windows_16) { THREAD windows((const Sixteen *)a_, (Sixteen *)y_, n, thread); }
KERNEL(windows_8) { THREAD windows((const Eight *)a_, (Eight *)y_, n, thread); }
KERNEL(windows_4) { THREAD windows((const unsigned *)a_, (unsigned *)y_, n, thread); }
KERNEL(windows_2) { THREAD windows((const unsigned short *)a_, (unsigned short *)y_, n, thread); }

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

// Windows of one channel each; v: rows, columns, channels, rows and columns of the result, rows and columns of windows, strides,
// padding, whether what is not above 0 counts as 0.
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

KERNEL(pool) {
    THREAD
    const number *x = (const number *)a_;
    const int rows = n.v[0], columns = n.v[1], channels = n.v[2];
    const Spot spot = spot_of(thread, channels, n.v[3], n.v[4]);
    const int top = spot.i * n.v[7] - n.v[9], left = spot.j * n.v[8] - n.v[10];
    bool any = n.v[11];
    float best = 0;
    unsigned char which = 255;
    for (int r = top < 0 ? 0 : top; r < top + n.v[5] && r < rows; r++)
        for (int s = left < 0 ? 0 : left; s < left + n.v[6] && s < columns; s++) {
            const float value = wide(x[((spot.image * rows + r) * columns + s) * channels + spot.c]);
            if (!any || value > best || (value != value && best == best)) {
                any = true;
                best = value;
                which = (unsigned char)((r - top) * n.v[6] + s - left);
            }
        }
    ((number *)y_)[thread] = narrow(best);
    ((unsigned char *)z_)[thread] = which;
}

KERNEL(pool_gradient) {
    THREAD
    const number *grad = (const number *)a_;
    const unsigned char *which = (const unsigned char *)b_;
    const int up = n.v[3], across = n.v[4], down = n.v[5], right = n.v[6];
    const Spot spot = spot_of(thread, n.v[2], n.v[0], n.v[1]);
    const int r = spot.i + n.v[9], s = spot.j + n.v[10];
    float total = 0;
    for (int i = r < down ? 0 : (r - down) / n.v[7] + 1; i < up && i * n.v[7] <= r; i++)
        for (int j = s < right ? 0 : (s - right) / n.v[8] + 1; j < across && j * n.v[8] <= s; j++) {
            const unsigned long long at = ((spot.image * up + i) * across + j) * n.v[2] + spot.c;
            if (which[at] == (r - i * n.v[7]) * right + s - j * n.v[8]) total += wide(grad[at]);
        }
    ((number *)y_)[thread] = narrow(total);
}

// Convolutions of each channel by itself, with weights (rows, columns, C) and a bias in float32; v: as for windows, with one
// stride, and padding. f: the least and the largest result.
KERNEL(depthwise) {
    THREAD
    const number *x = (const number *)a_;
    const float *taps = (const float *)b_;
    const int rows = n.v[0], columns = n.v[1], channels = n.v[2];
    const Spot spot = spot_of(thread, channels, n.v[3], n.v[4]);
    const int top = spot.i * n.v[7] - n.v[8], left = spot.j * n.v[7] - n.v[9];
    float total = c_ ? ((const float *)c_)[spot.c] : 0;
    for (int dy = top < 0 ? -top : 0; dy < n.v[5] && top + dy < rows; dy++)
        for (int dx = left < 0 ? -left : 0; dx < n.v[6] && left + dx < columns; dx++)
            total += wide(x[((spot.image * rows + top + dy) * columns + left + dx) * channels + spot.c])
                * taps[(dy * n.v[6] + dx) * channels + spot.c];
    total = total < n.f[0] ? n.f[0] : total > n.f[1] ? n.f[1] : total;
    ((number *)y_)[thread] = narrow(total);
}

KERNEL(depthwise_gradient) {
    THREAD
    const number *grad = (const number *)a_;
    const float *taps = (const float *)b_;
    const int channels = n.v[2], up = n.v[3], across = n.v[4], down = n.v[5], right = n.v[6], stride = n.v[7];
    const Spot spot = spot_of(thread, channels, n.v[0], n.v[1]);
    const int r = spot.i + n.v[8], s = spot.j + n.v[9];
    float total = 0;
    for (int i = r < down ? 0 : (r - down) / stride + 1; i < up && i * stride <= r; i++)
        for (int j = s < right ? 0 : (s - right) / stride + 1; j < across && j * stride <= s; j++)
            total += wide(grad[((spot.image * up + i) * across + j) * channels + spot.c])
                * taps[((r - i * stride) * right + s - j * stride) * channels + spot.c];
    ((number *)y_)[thread] = narrow(total);
}

// Normalization across channels for the exponent 3/4; v: channels, half a window, whether the gradient of a ReLU before it
// is taken too; f: alpha of one square, k.
DEVICE float scale_at(const number *pixel, int c, const Numbers &n) {
    float squares = 0;
    for (int d = c - n.v[1]; d <= c + n.v[1]; d++)
        if (d >= 0 && d < n.v[0]) {
            const float value = wide(pixel[d]);
            squares += value * value;
        }
    return squares * n.f[0] + n.f[1];
}

DEVICE float power(float scale) {
    const float root = inverse_root(scale);
    return root * square_root(root);
}

KERNEL(lrn) {
    THREAD
    const int c = (int)(thread % (unsigned)n.v[0]);
    const number *pixel = (const number *)a_ + (thread - c);
    ((number *)y_)[thread] = narrow(wide(pixel[c]) * power(scale_at(pixel, c, n)));
}

KERNEL(lrn_gradient) {
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
