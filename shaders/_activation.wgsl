// Shared part: activations and their slopes, four at a time. ACTIVATION: 0 sigmoid, 1 tanh, 2 linear.

override ACTIVATION: u32 = 0u;

// 1 / (1 + exp(-z)) needs no clamp: exp overflows to infinity and the quotient becomes 0.
fn sigmoid(z: vec4<f32>) -> vec4<f32> {
    return 1.0 / (1.0 + exp(-z));
}

// What an activation without an arm below gives, so that it is seen; of a value at run time, since constants may not be
// NaN.
fn not_a_number(x: vec4<f32>) -> vec4<f32> {
    return bitcast<vec4<f32>>(bitcast<vec4<u32>>(x) | vec4<u32>(0x7fc00000u));
}

fn activation(z: vec4<f32>) -> vec4<f32> {
    switch ACTIVATION {
        case 0u: { return sigmoid(z); }
        // The built-in tanh of some drivers is NaN for large arguments; this form is exact to 2 ulp of 1 everywhere.
        case 1u: { return 2.0 * sigmoid(2.0 * z) - 1.0; }
        case 2u: { return z; }
        default: { return not_a_number(z); }
    }
}

// f'(z) in terms of a = f(z).
fn activation_slope(a: vec4<f32>) -> vec4<f32> {
    switch ACTIVATION {
        case 0u: { return a * (1.0 - a); }
        case 1u: { return 1.0 - a * a; }
        case 2u: { return vec4<f32>(1.0); }
        default: { return not_a_number(a); }
    }
}
