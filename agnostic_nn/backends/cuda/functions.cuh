// The functions of the Array API standard on one number, as kernels call them: xp::exp(x).
//
// Dtypes are kept, whole numbers wrap around, NaN and infinity come through as the standard says.

typedef long long int64;
typedef unsigned long long uint64;

#pragma nv_diag_suppress 186  // unsigned numbers are compared with 0 as all others are

namespace xp {

#define FUNCTION template <class T> __device__ __forceinline__

// What C leaves open where signed numbers overflow is settled in unsigned ones
template <class T> struct Wrapping { typedef T type; };
template <> struct Wrapping<signed char> { typedef unsigned type; };
template <> struct Wrapping<unsigned char> { typedef unsigned type; };
template <> struct Wrapping<short> { typedef unsigned type; };
template <> struct Wrapping<unsigned short> { typedef unsigned type; };
template <> struct Wrapping<int> { typedef unsigned type; };
template <> struct Wrapping<int64> { typedef uint64 type; };
#define WRAPPED(T, OPERATION) (T)(OPERATION)
#define U(x) ((typename Wrapping<T>::type)(x))

// Of numbers

FUNCTION T add(T a, T b) { return WRAPPED(T, U(a) + U(b)); }
FUNCTION T subtract(T a, T b) { return WRAPPED(T, U(a) - U(b)); }
FUNCTION T multiply(T a, T b) { return WRAPPED(T, U(a) * U(b)); }
FUNCTION T square(T x) { return multiply(x, x); }
FUNCTION T positive(T x) { return x; }
FUNCTION T negative(T x) { return WRAPPED(T, U(0) - U(x)); }
__device__ __forceinline__ float negative(float x) { return -x; }  // of 0 it is -0
__device__ __forceinline__ double negative(double x) { return -x; }
FUNCTION T abs(T x) { return x < (T)0 ? negative(x) : x; }
__device__ __forceinline__ float abs(float x) { return ::fabsf(x); }
__device__ __forceinline__ double abs(double x) { return ::fabs(x); }
FUNCTION T sign(T x) { return x != x ? x : (T)((x > (T)0) - (x < (T)0)); }
FUNCTION T maximum(T a, T b) { return a >= b || a != a ? a : b; }
FUNCTION T minimum(T a, T b) { return a <= b || a != a ? a : b; }

// To yes or no

FUNCTION bool less(T a, T b) { return a < b; }
FUNCTION bool less_equal(T a, T b) { return a <= b; }
FUNCTION bool greater(T a, T b) { return a > b; }
FUNCTION bool greater_equal(T a, T b) { return a >= b; }
FUNCTION bool equal(T a, T b) { return a == b; }
FUNCTION bool not_equal(T a, T b) { return a != b; }
FUNCTION bool isnan(T x) { return x != x; }
FUNCTION bool isfinite(T x) { return subtract(x, x) == (T)0; }
FUNCTION bool isinf(T x) { return !isfinite(x) && !isnan(x); }
FUNCTION bool signbit(T x) { return x < (T)0; }
__device__ __forceinline__ bool signbit(float x) { return ::copysignf(1.0f, x) < 0.0f; }
__device__ __forceinline__ bool signbit(double x) { return ::copysign(1.0, x) < 0.0; }

// Of yes and no, and of bits

FUNCTION T logical_and(T a, T b) { return a && b; }
FUNCTION T logical_or(T a, T b) { return a || b; }
FUNCTION T logical_xor(T a, T b) { return a != b; }
FUNCTION T logical_not(T x) { return !x; }
FUNCTION T bitwise_and(T a, T b) { return (T)(a & b); }
FUNCTION T bitwise_or(T a, T b) { return (T)(a | b); }
FUNCTION T bitwise_xor(T a, T b) { return (T)(a ^ b); }
FUNCTION T bitwise_invert(T x) { return (T)~x; }
__device__ __forceinline__ bool bitwise_invert(bool x) { return !x; }
// a shift by as many bits as there are, or more, leaves nothing but the sign
FUNCTION T bitwise_left_shift(T a, T b) {
    return (uint64)b < 8 * sizeof(T) ? WRAPPED(T, U(a) << b) : (T)0;
}
FUNCTION T bitwise_right_shift(T a, T b) {
    return (uint64)b < 8 * sizeof(T) ? (T)(a >> b) : a < (T)0 ? (T)-1 : (T)0;
}

// Choices, and other types

FUNCTION T where(bool condition, T a, T b) { return condition ? a : b; }
template <class To, class From> __device__ __forceinline__ To astype(From x) { return (To)x; }

// Of whole numbers: rounded down, 0 where there is no quotient

FUNCTION T ceil(T x) { return x; }
FUNCTION T floor(T x) { return x; }
FUNCTION T round(T x) { return x; }
FUNCTION T trunc(T x) { return x; }
FUNCTION T floor_divide(T a, T b) {
    if (b == (T)0) return (T)0;
    if ((T)-1 < (T)0 && b == (T)-1) return negative(a);  // wraps, where a quotient would trap
    return (T)(a / b - (a % b != (T)0 && (a < (T)0) != (b < (T)0)));
}
FUNCTION T remainder(T a, T b) {
    return b == (T)0 ? (T)0 : WRAPPED(T, U(a) - U(multiply(floor_divide(a, b), b)));
}
FUNCTION T pow(T a, T b) {  // b is at least 0
    T result = (T)1;
    for (; b > (T)0; b = (T)(b >> 1), a = multiply(a, a))
        if (b & (T)1) result = multiply(result, a);
    return result;
}

// Of fractions: CUDA's own functions, for float and double

#define OF_ONE(NAME, CUDA)                                                         \
    __device__ __forceinline__ float NAME(float x) { return ::CUDA##f(x); }        \
    __device__ __forceinline__ double NAME(double x) { return ::CUDA(x); }
#define OF_TWO(NAME, CUDA)                                                                  \
    __device__ __forceinline__ float NAME(float a, float b) { return ::CUDA##f(a, b); }     \
    __device__ __forceinline__ double NAME(double a, double b) { return ::CUDA(a, b); }

OF_ONE(acos, acos) OF_ONE(acosh, acosh) OF_ONE(asin, asin) OF_ONE(asinh, asinh)
OF_ONE(atan, atan) OF_ONE(atanh, atanh) OF_ONE(cos, cos) OF_ONE(cosh, cosh)
OF_ONE(exp, exp) OF_ONE(expm1, expm1) OF_ONE(log, log) OF_ONE(log1p, log1p)
OF_ONE(log2, log2) OF_ONE(log10, log10) OF_ONE(sin, sin) OF_ONE(sinh, sinh)
OF_ONE(sqrt, sqrt) OF_ONE(tan, tan) OF_ONE(tanh, tanh)
OF_ONE(ceil, ceil) OF_ONE(floor, floor) OF_ONE(trunc, trunc)
OF_ONE(round, rint)  // halves to the even number
OF_TWO(atan2, atan2) OF_TWO(copysign, copysign) OF_TWO(hypot, hypot)
OF_TWO(fmod, fmod) OF_TWO(nextafter, nextafter) OF_TWO(pow, pow)

FUNCTION T divide(T a, T b) { return a / b; }
FUNCTION T reciprocal(T x) { return (T)1 / x; }
FUNCTION T log_of_sum(T larger, T smaller) { return larger + log1p(exp(smaller - larger)); }
FUNCTION T logaddexp(T a, T b) {
    if (a == b) return a + log((T)2);  // infinities of one sign have no difference
    return a > b ? log_of_sum(a, b) : log_of_sum(b, a);
}
// What fmod leaves of a lies on a's side of 0, and here on b's
FUNCTION T remainder_of_fractions(T a, T b) {
    const T left = fmod(a, b);
    if (left == (T)0) return copysign((T)0, b);
    return (left < (T)0) != (b < (T)0) ? left + b : left;
}
FUNCTION T quotient_of_fractions(T a, T b) {
    if (b == (T)0) return a / b;
    const T left = fmod(a, b);
    T whole = (a - left) / b;  // but for rounding
    if (left != (T)0 && (left < (T)0) != (b < (T)0)) whole -= (T)1;
    if (whole == (T)0) return copysign((T)0, a / b);
    const T down = floor(whole);
    return whole - down > (T)0.5 ? down + (T)1 : down;
}
#define OF_FRACTIONS(T)                                                                          \
    __device__ __forceinline__ T remainder(T a, T b) { return remainder_of_fractions(a, b); }    \
    __device__ __forceinline__ T floor_divide(T a, T b) { return quotient_of_fractions(a, b); }
OF_FRACTIONS(float)
OF_FRACTIONS(double)

// All numbers that the threads of a block have, made one

struct Sum { FUNCTION static T of(T a, T b) { return add(a, b); } };
struct Product { FUNCTION static T of(T a, T b) { return multiply(a, b); } };
struct Largest { FUNCTION static T of(T a, T b) { return maximum(a, b); } };
struct Smallest { FUNCTION static T of(T a, T b) { return minimum(a, b); } };
struct Any { FUNCTION static T of(T a, T b) { return logical_or(a, b); } };
struct All { FUNCTION static T of(T a, T b) { return logical_and(a, b); } };

template <class Operation, int threads, class T> __device__ T over_block(T mine) {
    __shared__ T parts[threads];
    parts[threadIdx.x] = mine;
    __syncthreads();
    for (int half = threads / 2; half > 0; half /= 2) {  // threads is a power of 2
        if (threadIdx.x < half)
            parts[threadIdx.x] = Operation::of(parts[threadIdx.x], parts[threadIdx.x + half]);
        __syncthreads();
    }
    const T all = parts[0];
    __syncthreads();  // before anyone writes there again
    return all;
}

}  // namespace xp
